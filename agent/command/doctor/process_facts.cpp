// SPDX-License-Identifier: Apache-2.0
#include "command/doctor/process_facts.hpp"

#include <algorithm>
#include <exception>

#include "base/text.hpp"
#include "command/proc.hpp"
#include "sampling/sampling_file.hpp"

namespace spanring::agent {
namespace {

using ring::Counter;

std::string spans(uint64_t count) { return std::to_string(count) + (count == 1 ? " span" : " spans"); }

std::string name_of(const ProcessAccount& process) {
    return (process.service.empty() ? "(no service)" : process.service) + " (" + process.program + ", pid " +
           std::to_string(process.pid) + ")";
}

Finding quarantined(const ProcessAccount& process) {
    const std::string reason = process.quarantine.empty() ? "its segment broke a rule" : process.quarantine;
    return {Health::kError, "process", name_of(process) + " is quarantined, nothing of it is exported: " + reason,
            "start it again; if that happens again, it writes where it must not, or the library has a fault"};
}

void add_refusals(Findings& findings, const ProcessAccount& process) {
    for (const ExporterAccount& exporter : process.exporters) {
        if (exporter.rejected == 0) continue;
        findings.push_back({Health::kError, "exports",
                            name_of(process) + ": the backend of " + exporter.name + " rejected " +
                                spans(exporter.rejected) + ", exported are " + std::to_string(exporter.exported),
                            "the agent's log has the backend's reason (journalctl -u spanring-agent)"});
    }
}

void add_waiting(Findings& findings, const ProcessAccount& process) {
    for (const ExporterAccount& exporter : process.exporters) {
        if (exporter.pending_spool == 0) continue;
        findings.push_back({Health::kWarning, "exports",
                            name_of(process) + ": " + spans(exporter.pending_spool) + " wait in the spool of " +
                                exporter.name + ", whose backend does not take them",
                            "the agent's log says why (journalctl -u spanring-agent)"});
    }
}

void add_drops(Findings& findings, const ProcessAccount& process) {
    std::string causes;
    for (const Cause& cause : drop_causes(process))
        append(causes, std::string(cause.name) + " " + std::to_string(cause.spans));
    for (const ExporterAccount& exporter : process.exporters) {
        for (const Cause& cause : drop_causes(exporter))
            append(causes, std::string(cause.name) + " " + std::to_string(cause.spans) + " (" + exporter.name + ")");
    }
    if (causes.empty()) return;
    findings.push_back({Health::kWarning, "process", name_of(process) + " lost spans: " + causes,
                        "docs/accounting.md says what each cause means"});
}

void add_recording(Findings& findings, const ProcessAccount& process) {
    const uint64_t unsampled = process.counter(Counter::kUnsampled);
    const uint64_t refused = process.counter(Counter::kNotStartedSlot);
    const std::string counts = name_of(process) + ": started " + std::to_string(process.started()) + ", ended " +
                               std::to_string(process.ended()) + ", open " + std::to_string(process.open);
    if (process.started() == 0 && unsampled != 0) {
        findings.push_back({Health::kError, "process",
                            counts + ": the sampler, or a rule of the agent, declined all " + std::to_string(unsampled),
                            "OTEL_TRACES_SAMPLER of the process, or spanring sampling show"});
    } else if (process.started() == 0) {
        findings.push_back({Health::kWarning, "process", counts + ": it has not begun a span yet", ""});
    } else if (process.ended() == 0) {
        findings.push_back({Health::kWarning, "process", counts + ": a span is exported once it has ended", ""});
    } else {
        findings.push_back(
            {Health::kOk, "process", counts + (unsampled != 0 ? ", unsampled " + std::to_string(unsampled) : ""), ""});
    }
    if (refused != 0) {
        findings.push_back({Health::kWarning, "process",
                            name_of(process) + ": " + spans(refused) +
                                " did not start: every slot was taken, or the segment could not be made at first",
                            "end spans, or raise SPANRING_MEMORY_LIMIT; look at \"limits\" and \"directory\""});
    }
    if (const uint64_t removed = process.counter(Counter::kRemovedSegments); removed != 0) {
        findings.push_back({Health::kWarning, "process",
                            name_of(process) + ": the directory was full of segments that no agent took; " +
                                std::to_string(removed) + " of dead processes gave way, with " +
                                spans(process.counter(Counter::kRemovedSpans)),
                            "run an agent, or raise SPANRING_DIRECTORY_LIMIT"});
    }
    if (!process.attached) {
        findings.push_back({Health::kWarning, "process", name_of(process) + ": no agent has attached to its segment",
                            "see \"agent\""});
    }
}

const Site* site_of(const ProcessAccount& process, const Sites& sites) {
    for (const Site& site : sites.all) {
        for (const std::string& directory : site.directories) {
            if (process.file.starts_with(directory + "/")) return &site;
        }
    }
    return nullptr;
}

void add_rule(Findings& findings, const ProcessAccount& process, const Sites& sites) {
    const Site* const site = site_of(process, sites);
    if (site == nullptr) return;
    try {
        const SamplingRules rules = SamplingFile(site->state_directory).read();
        const SamplingRule* const rule = rule_for(rules, process.service);
        if (rule == nullptr) return;
        const bool none = !rule->enabled() || rule->directive() == ring::SamplingDirective::ratio(0);
        findings.push_back({none ? Health::kError : Health::kWarning, "sampling",
                            "a rule of the agent for " +
                                (rules.contains(process.service) ? "this service" : std::string("all others")) + ": " +
                                rule->text(),
                            "spanring sampling clear takes it back"});
    } catch (const std::exception& error) {  // the agent of all users keeps them to itself
        findings.push_back({Health::kOk, "sampling", std::string("rules are not to be seen: ") + error.what(), ""});
    }
}

bool is_its(const ProcessAccount& process, const Subject& subject) {
    return process.uid == subject.user && !process.file.empty() &&
           proc::maps_segment(subject.mappings, process.instance);
}

}  // namespace

Findings look_at_process(const Subject& subject, const Survey& survey, const Sites& sites) {
    Findings findings;
    for (const ProcessAccount& process : survey.processes) {
        if (!is_its(process, subject)) continue;
        if (process.state == ProcessState::kQuarantined || !process.quarantine.empty()) {
            findings.push_back(quarantined(process));
            continue;
        }
        add_recording(findings, process);
        add_rule(findings, process, sites);
        add_drops(findings, process);
        add_refusals(findings, process);
        add_waiting(findings, process);
    }
    if (findings.empty()) {
        findings.push_back({Health::kError, "process",
                            "no segment of it was found: it has not opened a provider, tracing is off in it, or it "
                            "writes where nobody looks",
                            "see \"environment\" and \"directory\", and what spr_provider_open() returned"});
    }
    return findings;
}

Findings look_at_accounts(const Survey& survey) {
    Findings findings;
    for (const ProcessAccount& process : survey.processes) {
        if (process.file.empty()) continue;  // history
        if (process.state == ProcessState::kQuarantined || !process.quarantine.empty()) {
            findings.push_back(quarantined(process));
            continue;
        }
        add_refusals(findings, process);
        add_waiting(findings, process);
    }
    return findings;
}

}  // namespace spanring::agent
