// SPDX-License-Identifier: Apache-2.0
#include "command/live/tail_view.hpp"

#include <algorithm>
#include <string_view>

#include <nlohmann/json.hpp>

#include "base/foreign_text.hpp"
#include "command/attributes_json.hpp"
#include "command/json_text.hpp"
#include "command/terminal/human.hpp"
#include "otlp/span_decoder.hpp"
#include "ring/unfinished_span.hpp"

namespace spanring::agent {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMomentCells = 12;
constexpr size_t kDurationCells = 9;
constexpr size_t kServiceCells = 16;
constexpr size_t kTraceDigits = 12;
constexpr size_t kMostAttributes = 1000;  // bytes, of a whole line

// A line that ends where there is no more room.
class Line {
public:
    Line(const Terminal& terminal, bool whole)
        : terminal_(terminal), room_(whole ? std::string::npos : static_cast<size_t>(terminal.width)) {}

    // `text` is printable.
    void add(Colour colour, std::string_view text) {
        if (text.empty() || room_ == 0) return;
        if (!text_.empty()) space();
        const std::string piece =
            room_ == std::string::npos ? std::string(text) : shorten(text, room_, terminal_.unicode);
        if (room_ != std::string::npos) room_ -= std::min(room_, cells(piece));
        text_ += terminal_.paint(colour, piece);
    }

    std::string take() { return std::move(text_) + "\n"; }

private:
    void space() {
        const size_t blanks = std::min<size_t>(2, room_);
        text_.append(blanks, ' ');
        if (room_ != std::string::npos) room_ -= blanks;
    }

    const Terminal& terminal_;
    size_t room_;
    std::string text_;
};

bool is_unfinished(const DecodedSpan& span) { return find(span.attributes, ring::kUnfinishedKey) != nullptr; }

std::string service_of(const DecodedResource& resource) {
    return resource.service_name.empty() ? "(none)" : foreign(resource.service_name);
}

uint64_t duration_of(const DecodedSpan& span) {
    return span.end_unix_nano - std::min(span.start_unix_nano, span.end_unix_nano);
}

std::string attributes_of(const DecodedSpan& span) {
    std::string text;
    for (const auto& [key, value] : span.attributes) {
        if (!text.empty()) text += "  ";
        if (text.size() >= kMostAttributes) return text + "...";
        text += foreign(key) + "=" + foreign(value.text);
    }
    return text;
}

}  // namespace

std::string tail_titles(const Terminal& terminal) {
    Line line(terminal, true);
    line.add(Colour::kDim, fit_left("STARTED", kMomentCells, true));
    line.add(Colour::kDim, fit_right("DURATION", kDurationCells, true));
    line.add(Colour::kDim, fit_left("SERVICE", kServiceCells, true));
    line.add(Colour::kDim, fit_left("TRACE", kTraceDigits, true));
    line.add(Colour::kDim, "SPAN");
    return line.take();
}

std::string tail_line(const TailedSpan& tailed, uint64_t now_unix_nano, const Terminal& terminal, bool whole) {
    const DecodedSpan& span = tailed.span;
    const bool unfinished = is_unfinished(span);
    const bool error = span.status_code == 2;
    const std::string mark = unfinished ? (terminal.unicode ? "◌ " : "? ")
                             : error    ? (terminal.unicode ? "✗ " : "x ")
                                        : "";
    Line line(terminal, whole);
    line.add(Colour::kDim, fit_left(human_moment(span.start_unix_nano, now_unix_nano), kMomentCells, terminal.unicode));
    line.add(Colour::kPlain,
             fit_right(human_duration(duration_of(span), terminal.unicode), kDurationCells, terminal.unicode));
    line.add(Colour::kBold, fit_left(service_of(tailed.resource), kServiceCells, terminal.unicode));
    line.add(Colour::kCyan, to_hex(span.trace_id).substr(0, kTraceDigits));
    line.add(unfinished ? Colour::kYellow
             : error    ? Colour::kRed
                        : Colour::kPlain,
             mark + (span.name.empty() ? "(no name)" : foreign(span.name)));
    if (error && !unfinished) line.add(Colour::kRed, foreign(span.status_message));
    line.add(Colour::kDim, attributes_of(span));
    return line.take();
}

std::string tail_json(const TailedSpan& tailed) {
    const DecodedSpan& span = tailed.span;
    Json object;
    object["trace_id"] = to_hex(span.trace_id);
    object["span_id"] = to_hex(span.span_id);
    object["parent_span_id"] = span.root() ? "" : to_hex(span.parent_span_id);
    object["name"] = span.name;
    object["service"] = tailed.resource.service_name;
    object["kind"] = kind_name(span.kind);
    object["start_unix_nano"] = span.start_unix_nano;
    object["end_unix_nano"] = span.end_unix_nano;
    object["duration_nano"] = duration_of(span);
    object["status"] = status_name(span.status_code);
    object["status_message"] = span.status_message;
    object["unfinished"] = is_unfinished(span);
    object["trace_state"] = span.trace_state;
    object["attributes"] = attributes_json(span.attributes);
    object["events"] = Json::array();
    for (const DecodedEvent& event : span.events) {
        object["events"].push_back({{"time_unix_nano", event.time_unix_nano},
                                    {"name", event.name},
                                    {"attributes", attributes_json(event.attributes)}});
    }
    object["links"] = Json::array();
    for (const DecodedLink& link : span.links) {
        object["links"].push_back({{"trace_id", to_hex(link.trace_id)},
                                   {"span_id", to_hex(link.span_id)},
                                   {"attributes", attributes_json(link.attributes)}});
    }
    object["dropped"] = {
        {"attributes", span.dropped_attributes}, {"events", span.dropped_events}, {"links", span.dropped_links}};
    object["scope"] = {{"name", tailed.scope.name}, {"version", tailed.scope.version}};
    object["resource"] = attributes_json(tailed.resource.attributes);
    return json_text(object) + "\n";
}

}  // namespace spanring::agent
