// SPDX-License-Identifier: Apache-2.0
#include "command/traces/perfetto_json.hpp"

#include <algorithm>
#include <map>
#include <vector>

#include <nlohmann/json.hpp>

#include "command/json_text.hpp"

namespace spanring::agent {
namespace {

using Json = nlohmann::ordered_json;

// Where a span stands: a process, and which of its tracks. Both count from 1.
struct Place {
    size_t process = 0, track = 0;

    bool operator==(const Place&) const = default;
};

// The ends of the slices that are not over yet, the outermost first.
using Track = std::vector<uint64_t>;

bool has_room(Track& track, uint64_t start, uint64_t end) {
    while (!track.empty() && track.back() <= start) track.pop_back();
    return track.empty() || end <= track.back();
}

// Spans are placed by their start, the longer first, so that what is around another one is there before it.
class Tracks {
public:
    Place place(size_t process, const Place& parent, const TreeSpan& span) {
        std::vector<Track>& tracks = of_process_[process];
        size_t chosen = 0;
        if (parent.process == process && has_room(tracks[parent.track - 1], span.start(), span.end())) {
            chosen = parent.track - 1;
        } else {
            while (chosen < tracks.size() && !has_room(tracks[chosen], span.start(), span.end())) ++chosen;
            if (chosen == tracks.size()) tracks.emplace_back();
        }
        tracks[chosen].push_back(span.end());
        return {process, chosen + 1};
    }

private:
    std::map<size_t, std::vector<Track>> of_process_;
};

Json value_of(const Value& value) {
    Json parsed = Json::parse(value.json(), nullptr, false);
    return parsed.is_discarded() ? Json(value.text) : parsed;
}

Json arguments_of(const TreeSpan& node) {
    Json arguments = Json::object();
    arguments["span_id"] = to_hex(node.span().span_id);
    if (!node.span().root()) arguments["parent_span_id"] = to_hex(node.span().parent_span_id);
    arguments["kind"] = kind_name(node.span().kind);
    arguments["status"] = status_name(node.span().status_code);
    if (!node.span().status_message.empty()) arguments["status_message"] = node.span().status_message;
    if (node.unfinished) arguments["unfinished"] = true;
    if (node.partial) arguments["partial"] = true;
    for (const auto& [key, value] : node.span().attributes) arguments[key] = value_of(value);
    return arguments;
}

class Document {
public:
    explicit Document(const TraceTree& tree) : tree_(tree), places_(tree.spans.size()) {
        for (size_t i = 0; i < tree.spans.size(); ++i) numbers_.emplace(tree.spans[i].span().span_id, i);
        place_all();
    }

    Json json() {
        for (size_t process = 1; process <= services_.size(); ++process) {
            const std::string& name = services_[process - 1];
            events_.push_back({{"ph", "M"},
                               {"name", "process_name"},
                               {"pid", process},
                               {"args", {{"name", name.empty() ? "(none)" : name}}}});
        }
        for (size_t i = 0; i < tree_.spans.size(); ++i) add(i);
        return {{"displayTimeUnit", "ns"},
                {"otherData", {{"trace_id", to_hex(tree_.trace_id)}, {"start_unix_nano", tree_.start}}},
                {"traceEvents", std::move(events_)}};
    }

private:
    // Of the tree; none: a root, or it is not here.
    const size_t* parent_of(size_t span) const {
        const DecodedSpan& decoded = tree_.spans[span].span();
        if (decoded.root()) return nullptr;
        const auto found = numbers_.find(decoded.parent_span_id);
        return found == numbers_.end() || found->second == span ? nullptr : &found->second;
    }

    void place_all() {
        std::vector<size_t> order(tree_.spans.size());
        for (size_t i = 0; i < order.size(); ++i) order[i] = i;
        std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
            const TreeSpan &one = tree_.spans[a], &other = tree_.spans[b];
            return one.start() != other.start() ? one.start() < other.start() : one.end() > other.end();
        });
        std::map<std::string, size_t> processes;  // by all that the resource says
        Tracks tracks;
        for (const size_t span : order) {
            const TreeSpan& node = tree_.spans[span];
            const auto [process, fresh] =
                processes.try_emplace(to_json(node.stored.resource->attributes), services_.size() + 1);
            if (fresh) services_.push_back(node.service());
            const size_t* const parent = parent_of(span);
            places_[span] = tracks.place(process->second, parent != nullptr ? places_[*parent] : Place{}, node);
        }
    }

    // Microseconds since the trace began: of those since 1970 a double has no nanoseconds.
    double time(uint64_t unix_nano) const {
        return static_cast<double>(unix_nano - std::min(unix_nano, tree_.start)) / 1e3;
    }

    void add(size_t span) {
        const TreeSpan& node = tree_.spans[span];
        const Place& place = places_[span];
        events_.push_back({{"ph", "X"},
                           {"name", node.span().name.empty() ? "(no name)" : node.span().name},
                           {"cat", node.error() ? "error" : "span"},
                           {"ts", time(node.start())},
                           {"dur", static_cast<double>(node.end() - node.start()) / 1e3},
                           {"pid", place.process},
                           {"tid", place.track},
                           {"args", arguments_of(node)}});
        for (const DecodedEvent& event : node.span().events) {
            Json arguments = Json::object();
            for (const auto& [key, value] : event.attributes) arguments[key] = value_of(value);
            events_.push_back({{"ph", "i"},
                               {"s", "t"},
                               {"name", event.name},
                               {"ts", time(event.time_unix_nano)},
                               {"pid", place.process},
                               {"tid", place.track},
                               {"args", std::move(arguments)}});
        }
        const size_t* const parent = parent_of(span);
        if (parent == nullptr || places_[*parent] == place) return;
        const TreeSpan& above = tree_.spans[*parent];
        const uint64_t leaves = std::clamp(node.start(), above.start(), above.end());
        const auto arrow = [&](const char* phase, uint64_t at, const Place& where) {
            return Json{{"ph", phase},    {"name", "child"},      {"cat", "child"},    {"id", span},
                        {"ts", time(at)}, {"pid", where.process}, {"tid", where.track}};
        };
        events_.push_back(arrow("s", leaves, places_[*parent]));
        events_.push_back(arrow("f", node.start(), place));
        events_.back()["bp"] = "e";
    }

    const TraceTree& tree_;
    std::map<std::array<uint8_t, 8>, size_t> numbers_;
    std::vector<Place> places_;
    std::vector<std::string> services_;  // of each process
    Json events_ = Json::array();
};

}  // namespace

std::string perfetto_json(const TraceTree& tree) { return json_text(Document(tree).json()) + "\n"; }

}  // namespace spanring::agent
