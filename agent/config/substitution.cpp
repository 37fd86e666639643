// SPDX-License-Identifier: Apache-2.0
#include "config/substitution.hpp"

#include <optional>

#include "config/environment.hpp"
#include "config/input_file.hpp"

namespace spanring::agent {
namespace {

constexpr std::string_view kEnv = "env:";
constexpr std::string_view kFile = "file:";

void add_file(const std::string& path, Substituted& result) {
    result.of_file = true;
    if (!path.starts_with("/")) {
        result.problems.push_back("${file:" + path + "}: must be an absolute path");
        return;
    }
    std::string content;
    const std::string fault = read_input(path, Readable::kRegular, kMostOfASecret, content);
    if (!fault.empty()) {
        result.problems.push_back("${file:" + path + "}: cannot read: " + fault);
        return;
    }
    if (content.ends_with('\n')) content.pop_back();
    if (content.ends_with('\r')) content.pop_back();
    if (content.find('\0') != std::string::npos) {
        result.problems.push_back("${file:" + path + "}: holds a NUL byte");
        return;
    }
    result.text += content;
}

void add_variable(std::string name, const Environment& environment, Substituted& result) {
    std::optional<std::string> fallback;
    if (const size_t dash = name.find(":-"); dash != std::string::npos) {
        fallback = name.substr(dash + 2);
        name.erase(dash);
    }
    const auto value = environment(name);
    if (!value && !fallback) {
        result.problems.push_back("environment variable " + name + " is not set (${env:" + name +
                                  ":-...} gives a default)");
    }
    result.text += value.value_or(fallback.value_or(""));
}

}  // namespace

Substituted substitute(const std::string& text, const Environment& environment, size_t most) {
    Substituted result;
    for (size_t at = 0; at < text.size(); ++at) {
        if (text[at] != '$' || at + 1 == text.size()) {
            result.text += text[at];
        } else if (text[at + 1] == '$') {
            result.text += '$';
            ++at;
        } else if (text[at + 1] != '{') {
            result.text += '$';
        } else {
            const size_t end = text.find('}', at);
            if (end == std::string::npos) {
                result.problems.emplace_back("'${' without a closing '}'");
                return result;
            }
            const std::string inner = text.substr(at + 2, end - at - 2);
            at = end;
            const size_t colon = inner.find(':');
            if (inner.starts_with(kFile))
                add_file(inner.substr(kFile.size()), result);
            else if (inner.starts_with(kEnv))
                add_variable(inner.substr(kEnv.size()), environment, result);
            else if (colon == std::string::npos || inner.compare(colon, 2, ":-") == 0)
                add_variable(inner, environment, result);
            else
                result.problems.push_back("'" + inner.substr(0, colon) +
                                          ":' is not supported in ${...}, only 'env:' and 'file:'");
        }
        if (result.text.size() > most) {
            result.problems.emplace_back("is too long, with what stands for ${...}");
            return result;
        }
    }
    return result;
}

}  // namespace spanring::agent
