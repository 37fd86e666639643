// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace spanring::agent {

// The variables that a configuration is read with. An empty value is an unset one, as the OpenTelemetry specification
// has it.
class Environment {
public:
    using Look = std::function<std::optional<std::string>(const std::string& name)>;
    using Names = std::function<std::vector<std::string>()>;

    // `names`: of all that are set, empty ones as well. Without it no variable can be found by its prefix.
    explicit Environment(Look look, Names names = {}) : look_(std::move(look)), names_(std::move(names)) {}

    std::optional<std::string> operator()(const std::string& name) const { return look_(name); }
    std::vector<std::string> names() const { return names_ ? names_() : std::vector<std::string>(); }

private:
    Look look_;
    Names names_;
};

Environment process_environment();

}  // namespace spanring::agent
