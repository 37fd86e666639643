// SPDX-License-Identifier: Apache-2.0
#include "presence/status_report.hpp"

#include <utility>

#include <nlohmann/json.hpp>

#include "base/replace_file.hpp"
#include "presence/report_file.hpp"

namespace spanring::agent {
namespace {

// As they are called in the document.
constexpr std::pair<const char*, uint64_t StatusReport::Lane::*> kLaneNumbers[] = {
    {"sorted", &StatusReport::Lane::sorted},           {"exported", &StatusReport::Lane::exported},
    {"rejected", &StatusReport::Lane::rejected},       {"dropped", &StatusReport::Lane::dropped},
    {"spool_bytes", &StatusReport::Lane::spool_bytes},
};

constexpr std::pair<const char*, uint64_t StatusReport::Adapted::*> kAdaptedNumbers[] = {
    {"value", &StatusReport::Adapted::value},
    {"raised", &StatusReport::Adapted::raised},
    {"lowered", &StatusReport::Adapted::lowered},
};
constexpr std::pair<const char*, StatusReport::Adapted StatusReport::Exporter::*> kAdapted[] = {
    {"concurrency", &StatusReport::Exporter::concurrency},
    {"request_bytes", &StatusReport::Exporter::request_bytes},
};

constexpr std::pair<const char*, uint64_t StatusReport::Subscription::*> kSubscriptionNumbers[] = {
    {"subscribers", &StatusReport::Subscription::subscribers},
    {"published", &StatusReport::Subscription::published},
    {"missed", &StatusReport::Subscription::missed},
    {"unpublished", &StatusReport::Subscription::unpublished},
};

constexpr std::pair<const char*, uint64_t StatusReport::Undecided::*> kUndecidedNumbers[] = {
    {"traces", &StatusReport::Undecided::traces},
    {"oldest_unix_nano", &StatusReport::Undecided::oldest_unix_nano},
    {"ring_spans", &StatusReport::Undecided::ring_spans},
    {"ring_bytes", &StatusReport::Undecided::ring_bytes},
    {"slot_spans", &StatusReport::Undecided::slot_spans},
    {"filed_spans", &StatusReport::Undecided::filed_spans},
    {"filed_bytes", &StatusReport::Undecided::filed_bytes},
    {"unclaimed_spans", &StatusReport::Undecided::unclaimed_spans},
    {"received_spans", &StatusReport::Undecided::received_spans},
    {"memory_bytes", &StatusReport::Undecided::memory_bytes},
    {"filed_memory_bytes", &StatusReport::Undecided::filed_memory_bytes},
};

constexpr std::pair<const char*, uint64_t StatusReport::Rule::*> kRuleNumbers[] = {
    {"until_unix_nano", &StatusReport::Rule::until_unix_nano},     {"traces_kept", &StatusReport::Rule::traces_kept},
    {"traces_dropped", &StatusReport::Rule::traces_dropped},       {"spans_kept", &StatusReport::Rule::spans_kept},
    {"spans_sampled_out", &StatusReport::Rule::spans_sampled_out}, {"late_errors", &StatusReport::Rule::late_errors},
};

std::string file_in(const std::string& state_directory) { return state_directory + "/" + StatusReport::kName; }

template <class Value>
void take(const nlohmann::json& from, const char* key, Value& value) {
    if (const auto found = from.find(key); found != from.end()) found->get_to(value);
}

// Null, which has no rows: it is not there.
nlohmann::json rows(const nlohmann::json& from, const char* key) { return from.value(key, nlohmann::json()); }

StatusReport::Exporter exporter_of(const nlohmann::json& row) {
    StatusReport::Exporter exporter;
    row.at("name").get_to(exporter.name);
    take(row, "required", exporter.required);
    take(row, "healthy", exporter.healthy);
    take(row, "paused", exporter.paused);
    take(row, "state", exporter.state);
    take(row, "since_unix_nano", exporter.since_unix_nano);
    take(row, "circuit", exporter.circuit);
    take(row, "last_error", exporter.last_error);
    take(row, "last_error_unix_nano", exporter.last_error_unix_nano);
    take(row, "exported_per_second", exporter.exported_per_second);
    take(row, "exported", exporter.exported);
    take(row, "rejected", exporter.rejected);
    take(row, "dropped", exporter.dropped);
    take(row, "queued_spans", exporter.queued_spans);
    take(row, "queued_bytes", exporter.queued_bytes);
    take(row, "spool_bytes", exporter.spool_bytes);
    take(row, "spool_limit", exporter.spool_limit);
    const nlohmann::json lanes = rows(row, "lanes");
    for (const auto& [name, numbers] : lanes.items()) {
        exporter.lanes.push_back({name});
        for (const auto& [key, member] : kLaneNumbers) take(numbers, key, exporter.lanes.back().*member);
    }
    for (const nlohmann::json& each : rows(row, "endpoints")) {
        StatusReport::Endpoint& endpoint = exporter.endpoints.emplace_back();
        take(each, "endpoint", endpoint.peer);
        take(each, "in_use", endpoint.in_use);
        take(each, "in_flight", endpoint.in_flight);
        take(each, "accepted", endpoint.accepted);
        take(each, "failed", endpoint.failed);
    }
    for (const auto& [name, which] : kAdapted) {
        const nlohmann::json numbers = rows(row, name);
        for (const auto& [key, member] : kAdaptedNumbers) take(numbers, key, (exporter.*which).*member);
    }
    for (const nlohmann::json& each : rows(row, "subscriptions")) {
        StatusReport::Subscription& subscription = exporter.subscriptions.emplace_back();
        take(each, "event", subscription.event);
        for (const auto& [key, member] : kSubscriptionNumbers) take(each, key, subscription.*member);
    }
    return exporter;
}

}  // namespace

std::string StatusReport::text() const {
    nlohmann::ordered_json document;
    document["serial"] = serial;
    document["pid"] = pid;
    document["version"] = version;
    document["started_unix_nano"] = started_unix_nano;
    document["unix_nano"] = unix_nano;
    document["configuration"] = configuration;
    document["digest"] = digest;
    document["layers"] = nlohmann::ordered_json::array();
    for (const Layer& layer : layers) document["layers"].push_back({{"name", layer.name}, {"values", layer.values}});
    document["effective"] = effective;
    document["configured_unix_nano"] = configured_unix_nano;
    document["reloads"] = reloads;
    document["refused"] = refused;
    document["processes"] = processes;
    document["quarantined"] = quarantined;
    document["refused_files"] = refused_files;
    document["unanswered_batches"] = unanswered_batches;
    document["drained_per_second"] = drained_per_second;
    document["problems"] = problems;
    document["notes"] = notes;
    document["exporters"] = nlohmann::ordered_json::array();
    for (const Exporter& exporter : exporters) {
        nlohmann::ordered_json row;
        row["name"] = exporter.name;
        row["required"] = exporter.required;
        row["healthy"] = exporter.healthy;
        row["paused"] = exporter.paused;
        row["state"] = exporter.state;
        row["since_unix_nano"] = exporter.since_unix_nano;
        row["circuit"] = exporter.circuit;
        row["last_error"] = exporter.last_error;
        row["last_error_unix_nano"] = exporter.last_error_unix_nano;
        row["exported_per_second"] = exporter.exported_per_second;
        row["exported"] = exporter.exported;
        row["rejected"] = exporter.rejected;
        row["dropped"] = exporter.dropped;
        row["queued_spans"] = exporter.queued_spans;
        row["queued_bytes"] = exporter.queued_bytes;
        row["spool_bytes"] = exporter.spool_bytes;
        row["spool_limit"] = exporter.spool_limit;
        row["lanes"] = nlohmann::ordered_json::object();
        for (const Lane& lane : exporter.lanes)
            for (const auto& [key, member] : kLaneNumbers) row["lanes"][lane.name][key] = lane.*member;
        row["endpoints"] = nlohmann::ordered_json::array();
        for (const Endpoint& endpoint : exporter.endpoints) {
            row["endpoints"].push_back({{"endpoint", endpoint.peer},
                                        {"in_use", endpoint.in_use},
                                        {"in_flight", endpoint.in_flight},
                                        {"accepted", endpoint.accepted},
                                        {"failed", endpoint.failed}});
        }
        for (const auto& [name, which] : kAdapted)
            for (const auto& [key, member] : kAdaptedNumbers) row[name][key] = (exporter.*which).*member;
        row["subscriptions"] = nlohmann::ordered_json::array();
        for (const Subscription& each : exporter.subscriptions) {
            nlohmann::ordered_json subscription = {{"event", each.event}};
            for (const auto& [key, member] : kSubscriptionNumbers) subscription[key] = each.*member;
            row["subscriptions"].push_back(std::move(subscription));
        }
        document["exporters"].push_back(std::move(row));
    }
    document["rules"] = nlohmann::ordered_json::array();
    for (const Rule& rule : rules) {
        nlohmann::ordered_json row;
        row["name"] = rule.name;
        row["live"] = rule.live;
        row["conditions"] = rule.conditions;
        row["effect"] = rule.effect;
        for (const auto& [key, member] : kRuleNumbers) row[key] = rule.*member;
        document["rules"].push_back(std::move(row));
    }
    document["rules_problem"] = rules_problem;
    document["undecided"] = nullptr;
    if (undecided) {
        nlohmann::ordered_json& row = document["undecided"] = nlohmann::ordered_json::object();
        row["spans"] = undecided->spans();
        row["bytes"] = undecided->bytes();
        for (const auto& [key, member] : kUndecidedNumbers) row[key] = (*undecided).*member;
        row["early"] = undecided->early;
    }
    return document.dump(4, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

std::optional<StatusReport> StatusReport::parse(const std::string& text) {
    StatusReport report;
    try {
        const auto document = nlohmann::json::parse(text);
        const auto must = [&document](const char* key, auto& value) { document.at(key).get_to(value); };
        must("serial", report.serial);
        must("pid", report.pid);
        must("version", report.version);
        must("unix_nano", report.unix_nano);
        take(document, "started_unix_nano", report.started_unix_nano);
        take(document, "configuration", report.configuration);
        take(document, "digest", report.digest);
        take(document, "effective", report.effective);
        for (const nlohmann::json& row : rows(document, "layers")) {
            StatusReport::Layer& layer = report.layers.emplace_back();
            take(row, "name", layer.name);
            take(row, "values", layer.values);
        }
        take(document, "configured_unix_nano", report.configured_unix_nano);
        take(document, "reloads", report.reloads);
        take(document, "refused", report.refused);
        take(document, "processes", report.processes);
        take(document, "quarantined", report.quarantined);
        take(document, "refused_files", report.refused_files);
        take(document, "unanswered_batches", report.unanswered_batches);
        take(document, "drained_per_second", report.drained_per_second);
        take(document, "problems", report.problems);
        take(document, "notes", report.notes);
        for (const nlohmann::json& row : rows(document, "exporters")) report.exporters.push_back(exporter_of(row));
        for (const nlohmann::json& row : rows(document, "rules")) {
            Rule& rule = report.rules.emplace_back();
            take(row, "name", rule.name);
            take(row, "live", rule.live);
            take(row, "conditions", rule.conditions);
            take(row, "effect", rule.effect);
            for (const auto& [key, member] : kRuleNumbers) take(row, key, rule.*member);
        }
        take(document, "rules_problem", report.rules_problem);
        if (const nlohmann::json row = rows(document, "undecided"); row.is_object()) {
            Undecided& undecided = report.undecided.emplace();
            for (const auto& [key, member] : kUndecidedNumbers) take(row, key, undecided.*member);
            take(row, "early", undecided.early);
        }
    } catch (const nlohmann::json::exception&) {
        return std::nullopt;
    }
    return report;
}

void StatusReport::write(const std::string& state_directory) const { replace_file(file_in(state_directory), text()); }

std::optional<StatusReport> StatusReport::read(const std::string& state_directory, uid_t user) {
    const std::optional<std::string> text = read_report_file(file_in(state_directory), user);
    return text ? parse(*text) : std::nullopt;
}

}  // namespace spanring::agent
