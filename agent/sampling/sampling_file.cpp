// SPDX-License-Identifier: Apache-2.0
#include "sampling/sampling_file.hpp"

#include <stdexcept>

#include <nlohmann/json.hpp>

#include "base/private_directory.hpp"
#include "base/replace_file.hpp"
#include "sampling/rules_text.hpp"

namespace spanring::agent {

SamplingRules SamplingFile::read() const {
    const std::string file = path();
    SamplingRules rules;
    const std::string text = rules_text(file);
    if (text.empty()) return rules;
    nlohmann::json document;
    try {
        document = nlohmann::json::parse(text);
    } catch (const nlohmann::json::exception& error) {
        throw std::runtime_error(file + ": " + error.what());  // line and column
    }
    if (!document.is_object()) throw std::runtime_error(file + ": is not an object of services and rules");
    for (const auto& [service, rule] : document.items()) {
        try {
            if (!rule.is_string()) throw std::invalid_argument("its rule is not a string");
            rules.emplace(service, SamplingRule::parse(rule.get<std::string>()));
        } catch (const std::invalid_argument& error) {
            throw std::runtime_error(file + ": service " + nlohmann::json(service).dump() + ": " + error.what());
        }
    }
    return rules;
}

void SamplingFile::write(const SamplingRules& rules) const {
    prepare_private_directory(directory_);
    nlohmann::json document = nlohmann::json::object();
    for (const auto& [service, rule] : rules) document[service] = rule.text();
    replace_file(path(), document.dump(4) + "\n");
}

}  // namespace spanring::agent
