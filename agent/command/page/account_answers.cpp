// SPDX-License-Identifier: Apache-2.0
//
// Processes and senders with their accounts, exporters, and what was lost and why.
#include <algorithm>
#include <map>
#include <tuple>

#include <nlohmann/json.hpp>

#include "base/wall_clock.hpp"
#include "command/json_text.hpp"
#include "command/page/page_answers.hpp"
#include "command/processes/not_understood.hpp"
#include "command/processes/process_json.hpp"
#include "command/processes/site_survey.hpp"
#include "presence/exporter_report.hpp"

namespace spanring::agent {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMostAccounts = 1000;
constexpr size_t kMostOfCause = 20;

// What agents say of their exporters, by name.
std::map<std::string, Json> reports_of(const Sites& sites) {
    std::map<std::string, Json> reports;
    for (const Site& site : sites.all) {
        if (!site.agent) continue;
        for (const ExporterReport& report : exporter_reports_of(*site.agent)) {
            reports[report.name].push_back({{"agent", site.agent->pid},
                                            {"state", report.state},
                                            {"since_unix_nano", report.since_unix_nano},
                                            {"last_error", report.last_error},
                                            {"last_error_unix_nano", report.last_error_unix_nano},
                                            {"queued_spans", report.queued_spans},
                                            {"queued_bytes", report.queued_bytes},
                                            {"queue_limit", report.queue_limit},
                                            {"spool_bytes", report.spool_bytes},
                                            {"spool_limit", report.spool_limit}});
        }
    }
    return reports;
}

Json accounts_json(const std::vector<ProcessAccount>& accounts, bool senders, size_t& ret_left_out) {
    Json list = Json::array();
    for (const ProcessAccount& account : accounts) {
        if (list.size() == kMostAccounts) break;
        Json json = senders ? sender_json(account) : to_json(account);
        if (!senders) json["not_understood"] = not_understood(account);
        json["equations"] = equations_json(equations_of(account));
        list.push_back(std::move(json));
    }
    ret_left_out += accounts.size() - list.size();
    return list;
}

struct Loss {
    std::string cause;
    std::string by;        // "process", "agent"
    std::string exporter;  // of the agent

    auto operator<=>(const Loss&) const = default;
};

const char* explain(const std::string& cause) {
    static const std::map<std::string, const char*> kTexts = {
        {"full", "The ring was full: the process ended spans faster than they were taken out of it."},
        {"nested",
         "A span was ended inside of another call of the library, in a signal handler, where it cannot wait."},
        {"overwritten", "The process prefers new spans, and wrote over old ones that nobody had taken yet."},
        {"invalid", "What the process wrote is not a valid span, or is larger than a request may be."},
        {"queue", "It had to wait for the backend, and there was no room or no time left for it."},
        {"spool", "It was in the spool on disk, and was lost there: for its size, its age, or a damaged file."},
        {"rejected", "The backend refused it for good."},
        {"removed", "A dead process's segment gave way to a new one before an agent had taken its spans."}};
    const auto found = kTexts.find(cause);
    return found != kTexts.end() ? found->second : "";
}

// Each process's part in each loss.
std::map<Loss, std::vector<std::pair<uint64_t, const ProcessAccount*>>> losses_of(const Survey& survey) {
    std::map<Loss, std::vector<std::pair<uint64_t, const ProcessAccount*>>> losses;
    const auto add = [&](Loss loss, uint64_t spans, const ProcessAccount& process) {
        if (spans != 0) losses[std::move(loss)].emplace_back(spans, &process);
    };
    for (const std::vector<ProcessAccount>* list : {&survey.processes, &survey.senders}) {
        for (const ProcessAccount& process : *list) {
            if (!process.credible) continue;
            for (const Cause& cause : drop_causes(process)) add({cause.name, "process", ""}, cause.spans, process);
            add({"removed", "process", ""}, process.counter(ring::Counter::kRemovedSpans), process);
            for (const ExporterAccount& exporter : process.exporters) {
                for (const Cause& cause : drop_causes(exporter))
                    add({cause.name, "agent", exporter.name}, cause.spans, process);
                add({"rejected", "agent", exporter.name}, exporter.rejected, process);
            }
        }
    }
    return losses;
}

}  // namespace

PageAnswer processes_answer(PageAnswers& page, Question& question) {
    const bool all = question.flag("all");
    question.check();
    const Sites sites = sites_now(page.context());
    const Survey survey = SiteSurvey(sites).look(all);
    Json json;
    json["agents"] = Json::array();
    for (const Site& site : sites.all) {
        if (site.agent) json["agents"].push_back(agent_json(*site.agent));
    }
    size_t left_out = 0;
    json["processes"] = accounts_json(survey.processes, false, left_out);
    json["senders"] = accounts_json(survey.senders, true, left_out);
    json["left_out"] = left_out;
    json["problems"] = survey.problems;
    return {200, json_text(json)};
}

PageAnswer exporters_answer(PageAnswers& page, Question& question) {
    question.check();
    const Sites sites = sites_now(page.context());
    const Survey survey = SiteSurvey(sites).look(true);
    const uint64_t now = unix_nano();
    Json json;
    json["now_unix_nano"] = now;
    json["exporters"] = Json::array();
    const auto rate_json = [](const std::optional<double>& rate) { return rate ? Json(*rate) : Json(); };
    std::map<std::string, Json> reports = reports_of(sites);
    std::vector<WatchedExporter> exporters = page.exporters().look(survey, ExporterWatch::Clock::now(), now);
    for (const auto& [name, said] : reports) {  // and those that have no account yet
        const auto is = [&, &of = name](const WatchedExporter& exporter) { return exporter.sum.name == of; };
        if (std::any_of(exporters.begin(), exporters.end(), is)) continue;
        exporters.emplace_back();
        exporters.back().sum.name = name;
    }
    for (const WatchedExporter& exporter : exporters) {
        const ExporterAccount& sum = exporter.sum;
        Json said = Json::array();
        if (const auto found = reports.find(sum.name); found != reports.end()) said = std::move(found->second);
        json["exporters"].push_back(
            {{"name", sum.name},
             {"health", health_name(exporter.health)},
             {"since_unix_nano", exporter.since_unix_nano},
             {"exported", sum.exported},
             {"rejected", sum.rejected},
             {"filtered", sum.filtered},
             {"dropped",
              {{"invalid", sum.dropped_invalid}, {"queue", sum.dropped_queue}, {"spool", sum.dropped_spool}}},
             {"pending_ring", sum.pending_ring},
             {"pending_spool", sum.pending_spool},
             {"exported_rate", rate_json(exporter.exported_rate)},
             {"lost_rate", rate_json(exporter.lost_rate)},
             {"agents", std::move(said)}});
    }
    json["problems"] = survey.problems;
    return {200, json_text(json)};
}

PageAnswer losses_answer(PageAnswers& page, Question& question) {
    question.check();
    const Sites sites = sites_now(page.context());
    const Survey survey = SiteSurvey(sites).look(true);
    uint64_t lost = 0;
    Json causes = Json::array();
    for (auto& [loss, processes] : losses_of(survey)) {
        std::stable_sort(processes.begin(), processes.end(),
                         [](const auto& a, const auto& b) { return a.first > b.first; });
        uint64_t sum = 0;
        Json of = Json::array();
        for (const auto& [spans, process] : processes) {
            sum += spans;
            if (of.size() == kMostOfCause) continue;
            of.push_back({{"service", process->service},
                          {"program", process->program},
                          {"pid", process->pid},
                          {"state", state_name(process->state)},
                          {"spans", spans}});
        }
        lost += sum;
        const size_t left_out = processes.size() - of.size();
        causes.push_back({{"cause", loss.cause},
                          {"by", loss.by},
                          {"exporter", loss.exporter},
                          {"spans", sum},
                          {"what", explain(loss.cause)},
                          {"of", std::move(of)},
                          {"of_left_out", left_out}});
    }
    std::stable_sort(causes.begin(), causes.end(), [](const Json& a, const Json& b) {
        return a["spans"].get<uint64_t>() > b["spans"].get<uint64_t>();
    });
    Json json;
    json["lost"] = lost;
    json["causes"] = std::move(causes);
    json["problems"] = survey.problems;
    return {200, json_text(json)};
}

}  // namespace spanring::agent
