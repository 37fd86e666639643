// SPDX-License-Identifier: Apache-2.0
//
// The rules of tail sampling that are set while the agent runs, in a file of its state directory: `spanring rules`
// writes it, the agent follows it. Replaced as a whole, never changed.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "sampling/live_rule.hpp"

namespace spanring::agent {

class LiveRulesFile {
public:
    static constexpr char kName[] = "rules.json";

    explicit LiveRulesFile(std::string state_directory) : directory_(std::move(state_directory)) {}

    std::string path() const { return directory_ + "/" + kName; }

    // Empty where there is no such file. Throws std::runtime_error with the file's name.
    std::string text() const;
    // A missing file has no rules. Throws std::runtime_error: the file, the place in it, and what is wrong.
    std::vector<LiveRule> read() const;
    // Of several at the same time each changes what the one before has left. What is expired goes. Once it is written
    // `holds` is asked; until that returns nobody else changes anything. False: it does not hold, and what was there
    // before is there again. Throws std::runtime_error, and what `change` throws; then nothing has changed. What
    // `holds` throws leaves what was written.
    using Change = std::function<void(std::vector<LiveRule>& rules)>;
    bool change(
        const Change& change, const std::function<bool()>& holds = [] { return true; }) const;
    // These and no others, whatever was there. Throws std::runtime_error.
    void replace(const std::vector<LiveRule>& rules) const;

private:
    std::vector<LiveRule> parse(const std::string& text) const;

    const std::string directory_;
};

}  // namespace spanring::agent
