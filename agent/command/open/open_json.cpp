// SPDX-License-Identifier: Apache-2.0
#include "command/open/open_json.hpp"

#include <nlohmann/json.hpp>

#include "command/attributes_json.hpp"
#include "command/json_text.hpp"

namespace spanring::agent {
namespace {

using Json = nlohmann::ordered_json;

Json process_json(const ProcessIdentity& process) {
    return {{"service", process.service},
            {"program", process.program},
            {"pid", process.pid},
            {"uid", process.uid},
            {"instance", to_hex(process.instance)}};
}

Json span_json(const OpenSpan& open, uint64_t now) {
    const DecodedSpan& span = open.span;
    Json json = process_json(*open.process);
    json["thread"] = open.thread;
    json["age_nano"] = age_of(open, now);
    json["start_unix_nano"] = span.start_unix_nano;
    if (open.usual_nano != 0) json["usual_nano"] = open.usual_nano;
    json["name"] = span.name;
    json["kind"] = kind_name(span.kind);
    json["trace_id"] = to_hex(span.trace_id);
    json["span_id"] = to_hex(span.span_id);
    json["parent_span_id"] = span.root() ? "" : to_hex(span.parent_span_id);
    json["parent"] = open.parent_process == nullptr ? Json() : process_json(*open.parent_process);
    json["depth"] = open.depth;
    json["status"] = status_name(span.status_code);
    json["status_message"] = span.status_message;
    json["attributes"] = attributes_json(span.attributes);
    json["events"] = Json::array();
    for (const DecodedEvent& event : span.events)
        json["events"].push_back({{"time_unix_nano", event.time_unix_nano},
                                  {"name", event.name},
                                  {"attributes", attributes_json(event.attributes)}});
    json["links"] = Json::array();
    for (const DecodedLink& link : span.links)
        json["links"].push_back({{"trace_id", to_hex(link.trace_id)},
                                 {"span_id", to_hex(link.span_id)},
                                 {"attributes", attributes_json(link.attributes)}});
    json["dropped"] = {
        {"attributes", span.dropped_attributes}, {"events", span.dropped_events}, {"links", span.dropped_links}};
    return json;
}

Json stack_json(const ThreadStack& stack) {
    Json json = process_json(*stack.process);
    json["thread"] = stack.thread;
    json["name"] = stack.state.name;
    json["state"] = stack.state.state;
    json["waits_in"] = stack.state.waits_in;
    json["system_call"] = stack.state.system_call;
    json["kernel_frames"] = stack.state.kernel_frames;
    json["user_frames"] = Json::array();
    for (const UserFrame& frame : stack.user.frames)
        json["user_frames"].push_back(
            {{"address", frame.address}, {"function", frame.function}, {"module", frame.module}});
    json["stopped_nano"] = stack.user.stopped_nano;
    json["problem"] = stack.problem.empty() ? stack.user.problem : stack.problem;
    return json;
}

}  // namespace

std::string open_json(const OpenLook& look, const std::vector<ThreadStack>* stacks) {
    return json_text(open_look_json(look, stacks));
}

Json open_look_json(const OpenLook& look, const std::vector<ThreadStack>* stacks) {
    Json json;
    json["now_unix_nano"] = look.now_unix_nano;
    json["processes"] = look.processes;
    json["open"] = look.open;
    json["matching"] = look.matching;
    json["changed"] = look.changed;
    json["spans"] = Json::array();
    for (const OpenSpan& open : look.spans) json["spans"].push_back(span_json(open, look.now_unix_nano));
    if (stacks != nullptr) {
        json["threads"] = Json::array();
        for (const ThreadStack& stack : *stacks) json["threads"].push_back(stack_json(stack));
    }
    json["problems"] = look.problems;
    return json;
}

}  // namespace spanring::agent
