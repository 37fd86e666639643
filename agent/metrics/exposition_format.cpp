// SPDX-License-Identifier: Apache-2.0
#include "metrics/exposition_format.hpp"

#include <algorithm>
#include <cctype>
#include <optional>
#include <string>

#include "base/quantity.hpp"

namespace spanring::agent {
namespace {

std::string_view trimmed(std::string_view text) {
    const size_t begin = text.find_first_not_of(" \t");
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

// Takes what comes before the separator.
std::string_view take(std::string_view& rest, char separator) {
    const size_t end = rest.find(separator);
    const std::string_view part = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    return trimmed(part);
}

std::string lower(std::string_view text) {
    std::string result(text);
    std::transform(result.begin(), result.end(), result.begin(), [](unsigned char c) { return std::tolower(c); });
    return result;
}

struct MediaRange {
    std::string type;
    std::string version;
    double quality = 1;
};

MediaRange parse_range(std::string_view text) {
    MediaRange range;
    range.type = lower(take(text, ';'));
    while (!text.empty()) {
        std::string_view parameter = take(text, ';');
        const std::string name = lower(take(parameter, '='));
        if (name == "version") range.version = parameter;
        if (name == "q") range.quality = parse_number(parameter).value_or(0);
    }
    return range;
}

}  // namespace

ExpositionFormat accepted_format(std::string_view accept) {
    double text = 0, open = 0;
    while (!accept.empty()) {
        const MediaRange range = parse_range(take(accept, ','));
        const bool known = range.version.empty() || range.version == "1.0.0" || range.version == "0.0.1";
        if (range.type == "application/openmetrics-text" && known) open = std::max(open, range.quality);
        if (range.type == "text/plain" || range.type == "text/*" || range.type == "*/*")
            text = std::max(text, range.quality);
    }
    return open > 0 && open >= text ? ExpositionFormat::kOpenMetrics : ExpositionFormat::kText;
}

const char* content_type(ExpositionFormat format) {
    return format == ExpositionFormat::kOpenMetrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                                                    : "text/plain; version=0.0.4; charset=utf-8";
}

}  // namespace spanring::agent
