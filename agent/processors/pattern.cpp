// SPDX-License-Identifier: Apache-2.0
#include "processors/pattern.hpp"

#include <re2/re2.h>

#include <charconv>
#include <stdexcept>

namespace spanring::agent {

Pattern::Pattern(const std::string& expression) {
    RE2::Options options;
    options.set_log_errors(false);
    expression_ = std::make_unique<re2::RE2>(expression, options);
    if (!expression_->ok())
        throw std::invalid_argument("'" + expression + "' is not a regular expression: " + expression_->error());
}

Pattern::Pattern(Pattern&&) noexcept = default;
Pattern& Pattern::operator=(Pattern&&) noexcept = default;
Pattern::~Pattern() = default;

bool Pattern::is_in(std::string_view text) const {
    return RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *expression_);
}

bool Pattern::replace_all(std::string& text, const std::string& replacement) const {
    return RE2::GlobalReplace(&text, *expression_, replacement) > 0;
}

std::string Pattern::resolve_groups(const std::string& replacement) const {
    std::string resolved;
    size_t at = 0;
    while (at < replacement.size()) {
        const size_t end = replacement.compare(at, 2, "${") == 0 ? replacement.find('}', at) : std::string::npos;
        if (end == std::string::npos) {
            resolved += replacement[at++];
            continue;
        }
        const std::string name = replacement.substr(at + 2, end - at - 2);
        const auto& named = expression_->NamedCapturingGroups();
        int group = -1;
        if (const auto known = named.find(name); known != named.end())
            group = known->second;
        else
            std::from_chars(name.data(), name.data() + name.size(), group);
        if (group < 0 || group > 9) throw std::invalid_argument("'" + replacement + "': no group '" + name + "'");
        resolved += "\\" + std::to_string(group);
        at = end + 1;
    }
    std::string wrong;
    if (!expression_->CheckRewriteString(resolved, &wrong))
        throw std::invalid_argument("'" + replacement + "': " + wrong);
    return resolved;
}

std::string wrong_patterns(const std::vector<std::string>& expressions) {
    for (const std::string& expression : expressions) {
        try {
            Pattern{expression};
        } catch (const std::invalid_argument& error) {
            return error.what();
        }
    }
    return {};
}

}  // namespace spanring::agent
