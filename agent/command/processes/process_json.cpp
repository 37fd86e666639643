// SPDX-License-Identifier: Apache-2.0
#include "command/processes/process_json.hpp"

#include <nlohmann/json.hpp>

#include "command/json_text.hpp"
#include "command/processes/not_understood.hpp"
#include "otlp/span_decoder.hpp"

namespace spanring::agent {
namespace {

using Json = nlohmann::ordered_json;
using ring::Counter;

Json exporter_json(const ExporterAccount& exporter) {
    return {
        {"name", exporter.name},
        {"exported", exporter.exported},
        {"rejected", exporter.rejected},
        {"filtered", exporter.filtered},
        {"sampled_out", exporter.sampled_out},
        {"dropped",
         {{"invalid", exporter.dropped_invalid}, {"queue", exporter.dropped_queue}, {"spool", exporter.dropped_spool}}},
        {"pending", exporter.pending()},
        {"pending_ring", exporter.pending_ring},
        {"pending_spool", exporter.pending_spool},
        {"redelivered", exporter.redelivered},
        {"elsewhere", exporter.elsewhere}};
}

Json rules_json(const ProcessAccount& account) {
    Json json = Json::array();
    for (const RuleAccount& rule : account.rules)
        json.push_back({{"name", rule.name}, {"sampled_out", rule.sampled_out}, {"late", rule.late}});
    return json;
}

Json exporters_json(const ProcessAccount& account) {
    Json json = Json::array();
    for (const ExporterAccount& exporter : account.exporters) json.push_back(exporter_json(exporter));
    return json;
}

}  // namespace

Json agent_json(const RunningAgent& agent) {
    return {{"pid", agent.pid},
            {"uid", agent.user},
            {"version", agent.version},
            {"state_directory", agent.state_directory},
            {"directories", agent.directories},
            {"all_users", agent.all_users},
            {"exporters", agent.exporters},
            {"stores", agent.stores}};
}

Json sender_json(const ProcessAccount& sender) {
    return {{"account", to_hex(sender.account())},
            {"service", sender.service},
            {"instance", sender.program},
            {"agent_died", sender.agent_died},
            {"since_unix_nano", sender.since_unix_nano},
            {"received", sender.received},
            {"rules", rules_json(sender)},
            {"exporters", exporters_json(sender)}};
}

Json to_json(const ProcessAccount& process) {
    Json json;
    json["instance"] = to_hex(process.instance);
    json["pid"] = process.pid;
    json["uid"] = process.uid;
    json["service"] = process.service;
    json["program"] = process.program;
    json["state"] = state_name(process.state);
    json["attached"] = process.attached;
    json["since_unix_nano"] = process.since_unix_nano;
    json["segment"] = process.file;
    json["quarantine"] = process.quarantine;
    json["credible"] = process.credible;
    json["agent_died"] = process.agent_died;
    json["started"] = process.started();
    json["ended"] = process.ended();
    json["open"] = process.open;
    json["unfinished"] = process.unfinished;
    json["unsampled"] = process.counter(Counter::kUnsampled);
    json["not_started"] = {{"slot", process.counter(Counter::kNotStartedSlot)},
                           {"nested", process.counter(Counter::kNotStartedNested)}};
    json["dropped"] = {{"full", process.counter(Counter::kDroppedFull)},
                       {"nested", process.counter(Counter::kDroppedNested)},
                       {"overwritten", process.counter(Counter::kDroppedOverwritten)}};
    json["refused_data"] = process.counter(Counter::kRefusedData);
    json["removed"] = {{"segments", process.counter(Counter::kRemovedSegments)},
                       {"spans", process.counter(Counter::kRemovedSpans)}};
    json["ring_fill"] = process.fill;
    json["memory_bytes"] = process.memory;
    json["given_back_bytes"] = process.given_back;
    json["undecided"] = {{"spans", process.undecided.spans()},     {"ring", process.undecided.ring_spans},
                         {"slots", process.undecided.slot_spans},  {"ring_bytes", process.undecided.ring_bytes},
                         {"files", process.undecided.filed_spans}, {"filed_bytes", process.undecided.filed_bytes}};
    json["rules"] = rules_json(process);
    json["exporters"] = exporters_json(process);
    return json;
}

Json equations_json(const std::vector<Equation>& equations) {
    Json json = Json::array();
    for (const Equation& equation : equations) {
        json.push_back({{"exporter", equation.exporter},
                        {"equation", equation.text()},
                        {"verdict", verdict_word(equation.verdict)},
                        {"difference", equation.difference()}});
    }
    return json;
}

const char* verdict_word(Judgement verdict) {
    switch (verdict) {
        case Judgement::kOk: return "OK";
        case Judgement::kBusy: return "busy";
        case Judgement::kUntrusted: return "untrusted";
        case Judgement::kMismatch: return "MISMATCH";
    }
    return "?";
}

std::string survey_json(const Survey& survey, const Sites& sites) {
    Json json;
    json["agents"] = Json::array();
    for (const Site& site : sites.all) {
        if (site.agent) json["agents"].push_back(agent_json(*site.agent));
    }
    json["processes"] = Json::array();
    for (const ProcessAccount& process : survey.processes) {
        json["processes"].push_back(to_json(process));
        json["processes"].back()["not_understood"] = not_understood(process);
    }
    json["senders"] = Json::array();
    for (const ProcessAccount& sender : survey.senders) json["senders"].push_back(sender_json(sender));
    json["problems"] = survey.problems;
    return json_text(json);
}

}  // namespace spanring::agent
