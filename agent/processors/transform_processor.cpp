// SPDX-License-Identifier: Apache-2.0
#include "processors/transform_processor.hpp"

#include <stdexcept>

#include "base/character.hpp"
#include "base/option.hpp"
#include "processors/text_hash.hpp"

namespace spanring::agent {
namespace {

constexpr size_t kMostRenames = 100;
constexpr size_t kLongestAnswer = 1024;  // bytes: of replacements whoever configures them says how long they are

std::vector<std::string> patterns_of(const std::vector<Rename>& renames) {
    std::vector<std::string> patterns;
    for (const Rename& rename : renames) patterns.push_back(rename.pattern);
    return patterns;
}

std::vector<Option> describe(Rename& rename) {
    return {{"pattern", option::text(rename.pattern, "regular expression"), "each match in the name of a span",
             "must be given"},
            {"replacement", option::text(rename.replacement, "text, with `$${1}` or `$${name}` for groups"),
             "what takes its place"}};
}

}  // namespace

std::vector<Option> describe(TransformOptions& options) {
    const auto add = [&options] { return describe(options.span_names.emplace_back()); };
    const auto items = [&options] {
        std::vector<std::vector<Option>> items;
        for (Rename& rename : options.span_names) items.push_back(describe(rename));
        return items;
    };
    return {{"span_names", GroupList{add, kMostRenames, "pattern", items}}};
}

std::string wrong_rename(const Rename& rename) {
    try {
        TransformProcessor{TransformOptions{{rename}}};
    } catch (const std::invalid_argument& error) {
        return error.what();
    }
    return {};
}

TransformProcessor::TransformProcessor(const TransformOptions& options)
    : meant_(patterns_of(options.span_names), MatchType::kRegexp), answers_(TextSet::kRemembered) {
    for (const agent::Rename& rename : options.span_names) {
        if (rename.pattern.empty()) throw std::invalid_argument("must say pattern");
        if (!is_utf8(rename.replacement)) throw std::invalid_argument("its replacement is not UTF-8");
        Pattern pattern(rename.pattern);
        std::string replacement = pattern.resolve_groups(rename.replacement);
        renames_.push_back({std::move(pattern), std::move(replacement)});
    }
}

bool TransformProcessor::take_span(SpanEdit& span, const ResourceMarks&, size_t) {
    if (!meant_.has(span.name())) return true;
    const std::string& name = renamed(span.name());
    if (!name.empty()) span.rename(span.scratch().copy(name));
    return true;
}

const std::string& TransformProcessor::renamed(std::string_view name) {
    if (name.size() > TextSet::kLongestRemembered) {
        rename(name);
        return name_;
    }
    Answer& answer = answers_[TextKey(name).hash() % answers_.size()];
    if (!answer.known || answer.name != name) {
        rename(name);
        answer = {true, std::string(name), name_.size() <= kLongestAnswer ? name_ : std::string()};
        answer.known = name_.size() <= kLongestAnswer;
        return name_;
    }
    return answer.renamed;
}

void TransformProcessor::rename(std::string_view name) {
    name_ = name;
    for (const Rename& rename : renames_) rename.pattern.replace_all(name_, rename.replacement);
    // A pattern may match half a character, or all there is.
    if (name_ == name || !is_utf8(name_)) name_.clear();
}

}  // namespace spanring::agent
