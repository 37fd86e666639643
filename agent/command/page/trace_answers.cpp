// SPDX-License-Identifier: Apache-2.0
//
// Traces: which there are, the spans of one as rows, and all that is known of one span.
#include <algorithm>
#include <map>

#include <nlohmann/json.hpp>

#include "base/wall_clock.hpp"
#include "command/attributes_json.hpp"
#include "command/json_text.hpp"
#include "command/page/page_answers.hpp"
#include "command/traces/critical_path.hpp"
#include "command/traces/find_traces.hpp"
#include "command/traces/summary_json.hpp"
#include "command/traces/trace_json.hpp"
#include "command/traces/trace_tree.hpp"

namespace spanring::agent {
namespace {

using Json = nlohmann::ordered_json;

constexpr unsigned kBadRequest = 400;
constexpr unsigned kNotFound = 404;
constexpr uint64_t kMostTraces = 1000;
constexpr uint64_t kMostSpans = 100'000;
constexpr uint64_t kMostBytes = uint64_t{256} << 20;  // of the spans of one trace, as they were sent

template <size_t size>
std::array<uint8_t, size> id_of(const std::string& name, const std::string& text) {
    std::array<uint8_t, size> id{};
    const auto digit = [](char character) { return std::string_view("0123456789abcdef").find(character); };
    bool right = text.size() == 2 * size;
    for (size_t i = 0; right && i < text.size(); ++i) {
        const size_t value = digit(text[i]);
        right = value != std::string_view::npos;
        if (right) id[i / 2] = static_cast<uint8_t>(id[i / 2] << 4 | value);
    }
    if (!right) throw Unanswerable(kBadRequest, name + " must be " + std::to_string(2 * size) + " hexadecimal digits");
    return id;
}

TraceId the_trace(StoreReader& store, const std::string& id) {
    if (id.empty()) throw Unanswerable(kBadRequest, "id is missing: a trace's id, its beginning, or last");
    const std::vector<TraceId> found = find_traces(store, id, 2);
    if (found.empty()) throw Unanswerable(kNotFound, "no trace in the store begins with '" + id + "'");
    if (found.size() > 1) throw Unanswerable(kBadRequest, "'" + id + "' is the beginning of several ids");
    return found.front();
}

// Texts that many spans have in common, each once.
class Texts {
public:
    size_t place_of(const std::string& text) {
        const auto [at, fresh] = places_.try_emplace(text, list_.size());
        if (fresh) list_.push_back(text);
        return at->second;
    }
    const Json& list() const { return list_; }

private:
    std::map<std::string, size_t> places_;
    Json list_ = Json::array();
};

class Processes {
public:
    size_t place_of(const std::shared_ptr<const DecodedResource>& resource) {
        const auto known = by_resource_.find(resource.get());
        if (known != by_resource_.end()) return known->second;
        const auto text = [&](const char* key) {
            const Value* value = find(resource->attributes, key);
            return value != nullptr ? value->text : std::string();
        };
        Json process = {{"service", resource->service_name},
                        {"program", text("process.executable.name")},
                        {"pid", text("process.pid")},
                        {"host", text("host.name")},
                        {"instance", text("service.instance.id")}};
        const auto [at, fresh] =
            places_.try_emplace(process.dump(-1, ' ', false, Json::error_handler_t::replace), list_.size());
        if (fresh) list_.push_back(std::move(process));
        by_resource_.emplace(resource.get(), at->second);
        return at->second;
    }
    const Json& list() const { return list_; }

private:
    std::map<const DecodedResource*, size_t> by_resource_;
    std::map<std::string, size_t> places_;
    Json list_ = Json::array();
};

uint64_t flags_of(const TreeSpan& span) {
    return (span.critical ? 1 : 0) | (span.unfinished ? 2 : 0) | (span.partial ? 4 : 0) | (span.parent_missing ? 8 : 0);
}

// Numbers, but for the id: there may be a hundred thousand of these, so they are written at once.
std::string rows_of(const TraceTree& tree, Texts& names, Processes& processes) {
    std::string rows = "[";
    std::vector<int64_t> above;  // the last row of each depth
    for (size_t i = 0; i < tree.spans.size(); ++i) {
        const TreeSpan& node = tree.spans[i];
        above.resize(node.depth + size_t{1});
        const int64_t parent = node.depth == 0 ? -1 : above[node.depth - 1];
        above[node.depth] = static_cast<int64_t>(i);
        const auto add = [&](uint64_t number) {
            rows += ',';
            rows += std::to_string(number);
        };
        rows += i == 0 ? "[\"" : ",[\"";
        rows += to_hex(node.span().span_id) + "\"," + std::to_string(parent);
        add(node.depth);
        add(processes.place_of(node.stored.resource));
        add(names.place_of(node.span().name));
        add(node.span().kind);
        add(node.start() - tree.start);
        add(node.end() - node.start());
        add(node.span().status_code);
        add(flags_of(node));
        add(node.critical_nano);
        add(0);
        rows += ']';
    }
    return rows + "]";
}

}  // namespace

PageAnswer search_answer(PageAnswers& page, Question& question) {
    TraceFilter filter;
    std::string problem;
    if (!search::parse_query(question.words("q"), filter.query, problem)) throw Unanswerable(kBadRequest, problem);
    filter.service = question.text("service");
    filter.name = question.text("name");
    filter.min_duration_nano = question.duration_nano("min_duration", 0);
    filter.max_duration_nano = question.duration_nano("max_duration", UINT64_MAX);
    filter.errors_only = question.flag("error");
    filter.since_unix_nano = question.moment("since", 0);
    filter.until_unix_nano = question.moment("until", UINT64_MAX);
    if (question.one_of("order", {"start", "arrival"}) == "arrival") filter.order = TraceOrder::kArrival;
    filter.limit = question.number("limit", 20, kMostTraces);
    question.check();
    const auto store = open_store(page.context(), question);
    const std::vector<TraceSummary> traces = store->recent(filter);
    Json json;
    json["now_unix_nano"] = unix_nano();
    json["took_nano"] = static_cast<uint64_t>((Question::Clock::now() - question.asked()).count());
    json["stored_spans"] = store->stored_spans();
    json["traces"] = Json::array();
    for (const TraceSummary& trace : traces) json["traces"].push_back(summary_json(trace));
    return {200, json_text(json)};
}

PageAnswer trace_answer(PageAnswers& page, Question& question) {
    const std::string id = question.text("id");
    const uint64_t limit = question.number("limit", kMostSpans, kMostSpans);
    question.check();
    const auto store = open_store(page.context(), question);
    const TraceId trace = the_trace(*store, id);
    uint64_t left_out = 0;
    TraceTree tree = build_tree(trace, store->spans(trace, {limit, kMostBytes, &left_out}));
    if (tree.spans.empty() && limit != 0) throw Unanswerable(kNotFound, "the trace was just removed from the store");
    mark_critical_path(tree);
    Texts names;
    Processes processes;
    const std::string rows = rows_of(tree, names, processes);
    Json json;
    json["trace_id"] = to_hex(trace);
    json["start_unix_nano"] = tree.start;
    json["duration_nano"] = tree.end - tree.start;
    json["duplicates"] = tree.duplicates;
    json["left_out"] = left_out;
    json["processes"] = processes.list();
    json["names"] = names.list();
    json["columns"] = {"id",    "parent",   "depth",  "process", "name",          "kind",
                       "start", "duration", "status", "flags",   "critical_nano", "left_out"};
    std::string body = json_text(json);
    body.pop_back();
    return {200, body + ",\"spans\":" + rows + "}"};
}

PageAnswer span_answer(PageAnswers& page, Question& question) {
    const auto trace = id_of<16>("trace", question.text("trace"));
    const auto span = id_of<8>("span", question.text("span"));
    question.check();
    const auto store = open_store(page.context(), question);
    std::optional<StoredSpan> found = store->span(trace, span);
    if (!found) throw Unanswerable(kNotFound, "the store has no such span");
    std::vector<StoredSpan> alone;
    alone.push_back(std::move(*found));
    Json json = span_json(build_tree(trace, std::move(alone)).spans.front());
    for (const char* name : {"attributes", "resource"}) make_exact_for_browsers(json[name]);
    const auto start = json["start_unix_nano"].get<uint64_t>();
    for (Json& event : json["events"]) {
        make_exact_for_browsers(event["attributes"]);
        // Nor does it hold a time since the epoch to the nanosecond.
        event["after_nano"] = static_cast<int64_t>(event["time_unix_nano"].get<uint64_t>() - start);
    }
    for (Json& link : json["links"]) make_exact_for_browsers(link["attributes"]);
    return {200, json_text(json)};
}

}  // namespace spanring::agent
