// SPDX-License-Identifier: Apache-2.0
//
// Loads configurations out of a text, flags and variables that a test makes up.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "support/temporary_directory.hpp"

namespace spanring::agent::test {

class ConfigTest : public testing::Test {
protected:
    LoadedConfig load(const std::string& yaml, std::vector<std::string> arguments = {}) {
        if (!yaml.empty()) {
            std::ofstream(file_) << yaml;
            arguments.insert(arguments.end(), {"--config", file_});
        }
        return load_config(flags(arguments), environment());
    }
    // With a look at the files that the configuration names.
    LoadedConfig check(const std::vector<std::string>& arguments) {
        return load_and_check(flags(arguments), environment());
    }

    std::string at(int line, int column) const {
        return file_ + ":" + std::to_string(line) + ":" + std::to_string(column) + ": ";
    }

    static Flags flags(const std::vector<std::string>& arguments) {
        std::vector<const char*> pointers = {"spanring-agent"};
        for (const std::string& argument : arguments) pointers.push_back(argument.c_str());
        return parse_flags(static_cast<int>(pointers.size()), pointers.data());
    }
    Environment environment() const {
        const auto look = [this](const std::string& name) -> std::optional<std::string> {
            const auto value = environment_.find(name);
            if (value == environment_.end() || value->second.empty()) return std::nullopt;
            return value->second;
        };
        const auto names = [this] {
            std::vector<std::string> all;
            for (const auto& [name, value] : environment_) all.push_back(name);
            return all;
        };
        return Environment(look, names);
    }

    spanring::test::TemporaryDirectory directory_;
    const std::string file_ = directory_.file("agent.yaml");
    std::map<std::string, std::string> environment_ = {{"HOME", "/home/somebody"}, {"SPANRING_STATE_DIR", "/state"}};
};

}  // namespace spanring::agent::test
