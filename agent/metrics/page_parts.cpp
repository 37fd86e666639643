// SPDX-License-Identifier: Apache-2.0
#include "metrics/page_parts.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "accounts/equations.hpp"
#include "base/set_aside.hpp"
#include "batch/exporter.hpp"
#include "decide/decision_counters.hpp"
#include "drain/drain_status.hpp"
#include "otlp/span_decoder.hpp"
#include "processors/processors.hpp"
#include "receive/receiver_status.hpp"

namespace spanring::agent {
namespace {

using ring::Counter;

// Of an instance, enough to tell processes apart. All of them are the name of its segment's file, and everybody on this
// host may read the page.
constexpr size_t kShownDigits = 8;

double number(uint64_t value) { return static_cast<double>(value); }

MetricLabels with(MetricLabels labels, const char* name, const char* value) {
    labels.emplace_back(name, value);
    return labels;
}

// The counters that a process keeps itself, of one process or summed over many.
void add_account(Exposition& page, const std::string& prefix, const std::string& whose, const MetricLabels& labels,
                 const ProcessAccount& account) {
    const auto counter = [&](const char* name, const char* help, const MetricLabels& more, uint64_t value) {
        page.counter(prefix + name, help + whose, more, number(value));
    };
    counter("spans_started_total", "Spans started", labels, account.started());
    counter("spans_ended_total", "Spans ended, those that were dropped included", labels, account.ended());
    counter("spans_unfinished_total", "Spans that were open when their process died, handed on as unfinished", labels,
            account.unfinished);
    counter("spans_unsampled_total", "Spans not started because the sampler declined", labels,
            account.counter(Counter::kUnsampled));
    constexpr const char* kNotStarted = "Spans not started: no free slot, or signal handlers nested too deep";
    counter("spans_not_started_total", kNotStarted, with(labels, "cause", "slot"),
            account.counter(Counter::kNotStartedSlot));
    counter("spans_not_started_total", kNotStarted, with(labels, "cause", "nested"),
            account.counter(Counter::kNotStartedNested));
    constexpr const char* kDropped = "Spans that ended and were dropped in their process";
    const std::array<std::pair<const char*, uint64_t>, 3> causes = {
        {{"full", account.counter(Counter::kDroppedFull)},
         {"nested", account.counter(Counter::kDroppedNested)},
         {"overwritten", account.counter(Counter::kDroppedOverwritten)}}};
    for (const auto& [cause, spans] : causes) {
        counter("spans_dropped_total", kDropped, with(labels, "cause", cause), spans);
    }
    counter("refused_data_total", "Attributes, events and links that did not get into their span", labels,
            account.counter(Counter::kRefusedData));
    counter("removed_segments_total", "Segments of dead processes that gave way to the directory's bound", labels,
            account.counter(Counter::kRemovedSegments));
    counter("removed_spans_total", "Spans that were in them and that no agent had taken", labels,
            account.counter(Counter::kRemovedSpans));
    page.gauge(prefix + "open_spans", "Spans that are open now" + whose, labels, number(account.open));
}

// At the exporter with the most pending spans, as `spanring ps` shows it.
uint64_t pending(const ProcessAccount& process) {
    uint64_t most = 0;
    for (const ExporterAccount& exporter : process.exporters) most = std::max(most, exporter.pending());
    return most;
}

void add_process(Exposition& page, const MetricLabels& labels, const ProcessAccount& process, uint64_t pending,
                 double fill) {
    const std::string whose = ", of one process.";
    add_account(page, "spanring_process_", whose, labels, process);
    page.gauge("spanring_process_pending_spans",
               "Spans that are not yet delivered, at the exporter with the most of them" + whose, labels,
               number(pending));
    page.gauge("spanring_process_ring_fill_ratio",
               "How full the ring is, 0 to 1; for the series `other`, the fullest ring.", labels, fill);
    page.gauge("spanring_process_memory_bytes", "Shared memory that is in use now" + whose, labels,
               number(process.memory));
    page.gauge("spanring_process_given_back_bytes",
               "Shared memory that a process gave back itself, where no agent ran" + whose, labels,
               number(process.given_back));
}

}  // namespace

void add_spans(Exposition& page, const ProcessAccount& total) {
    add_account(page, "spanring_", ", of all processes, those that are gone included.", {}, total);
}

void add_processes(Exposition& page, const Survey& survey, const ProcessSeries::Split& split) {
    for (const ProcessState state : {ProcessState::kLive, ProcessState::kDead, ProcessState::kFinished,
                                     ProcessState::kGone, ProcessState::kQuarantined}) {
        const auto count = std::count_if(survey.processes.begin(), survey.processes.end(),
                                         [&](const ProcessAccount& process) { return process.state == state; });
        page.gauge("spanring_processes",
                   "Processes: live; dead and not yet drained to the end; finished, in the ledger; gone with their "
                   "segment before it was drained; quarantined.",
                   {{"state", state_name(state)}}, static_cast<double>(count));
    }
    page.gauge("spanring_unreadable_segments", "Files and directories that could not be read for these numbers.", {},
               number(survey.problems.size()));
    std::set<MetricLabels> taken;
    for (const ProcessAccount* process : split.own) {
        const auto labels = [&](size_t digits) {
            return MetricLabels{{"service", process->service},
                                {"pid", std::to_string(process->pid)},
                                {"instance_id", to_hex(process->instance).substr(0, digits)}};
        };
        // A process says of itself what it likes, also what another one says; no series may be there twice.
        auto [name, is_new] = taken.insert(labels(kShownDigits));
        if (!is_new) std::tie(name, is_new) = taken.insert(labels(2 * kShownDigits));
        if (is_new) add_process(page, *name, *process, pending(*process), process->fill);
    }
    uint64_t waiting = 0;
    double fullest = 0;
    for (const ProcessAccount& process : split.others) {
        waiting += pending(process);
        fullest = std::max(fullest, process.fill);
    }
    add_process(page, {{"service", "other"}, {"pid", "other"}, {"instance_id", "other"}}, total_of(split.others),
                waiting, fullest);
}

void add_missing_exporter(ProcessAccount& total, const std::vector<ProcessAccount>& processes,
                          const std::string& name) {
    const auto same = [&](const ExporterAccount& known) { return known.name == name; };
    if (std::any_of(total.exporters.begin(), total.exporters.end(), same)) return;
    ExporterAccount account;
    account.name = name;
    for (const ProcessAccount& process : processes) {
        const uint64_t pending = process.exporters.front().pending_ring;  // in the ring: the same for all
        account.pending_ring += pending;
        account.elsewhere +=
            process.handed_on() - std::min(process.dropped_by_process() + pending, process.handed_on());
    }
    total.exporters.push_back(std::move(account));
}

void add_exporter_accounts(Exposition& page, const ProcessAccount& total) {
    for (const ExporterAccount& account : total.exporters) {
        if (account.name == kNoExporterYet || account.name == kBestEffort) continue;
        const MetricLabels labels = {{"exporter", account.name}};
        page.counter("spanring_exporter_spans_exported_total", "Spans delivered, at once or out of the spool.", labels,
                     number(account.exported));
        page.counter("spanring_exporter_spans_rejected_total", "Spans that the backend rejected.", labels,
                     number(account.rejected));
        page.counter("spanring_exporter_spans_spooled_total",
                     "Spans handed to the spool; what became of them is in the other metrics.", labels,
                     number(account.spooled));
        page.counter("spanring_exporter_spans_filtered_total", "Spans that a processor left out.", labels,
                     number(account.filtered));
        page.counter("spanring_exporter_spans_sampled_out_total", "Spans of traces that were decided against.", labels,
                     number(account.sampled_out));
        constexpr const char* kDropped =
            "Spans that the agent dropped: invalid; queue: had to wait and found no room or time; spool: lost there.";
        const std::array<std::pair<const char*, uint64_t>, 3> causes = {
            {{"invalid", account.dropped_invalid}, {"queue", account.dropped_queue}, {"spool", account.dropped_spool}}};
        for (const auto& [cause, spans] : causes) {
            page.counter("spanring_exporter_spans_dropped_total", kDropped, with(labels, "cause", cause),
                         number(spans));
        }
        constexpr const char* kPending = "Spans that wait, in rings (queued and in flight included) or in the spool.";
        page.gauge("spanring_exporter_pending_spans", kPending, with(labels, "where", "ring"),
                   number(account.pending_ring));
        page.gauge("spanring_exporter_pending_spans", kPending, with(labels, "where", "spool"),
                   number(account.pending_spool));
        page.gauge("spanring_exporter_elsewhere_spans",
                   "Spans that an agent without this exporter acknowledged: they are in other exporters' numbers.",
                   labels, number(account.elsewhere));
    }
}

void add_rules(Exposition& page, const ProcessAccount& total, const std::vector<std::string>& names) {
    std::vector<RuleAccount> rules;
    // A slot that was never used has none, and a rule that was changed is there several times.
    for (const std::string& name : std::set<std::string>(names.begin(), names.end()))
        if (!name.empty()) rules.push_back({name, 0, 0});
    RuleAccount others{kOtherRuleNames, 0, 0};
    for (const RuleAccount& account : total.rules) {
        const auto own = std::find_if(rules.begin(), rules.end(),
                                      [&](const RuleAccount& rule) { return rule.name == account.name; });
        RuleAccount& rule = own != rules.end() ? *own : others;
        rule.sampled_out += account.sampled_out;
        rule.late += account.late;
    }
    if (others.sampled_out != 0) rules.push_back(others);
    for (const RuleAccount& rule : rules) {
        const MetricLabels labels = {{"rule", rule.name}};
        page.counter("spanring_spans_sampled_out_total",
                     "Spans of traces that a rule decided against; (other): rules of earlier configurations.", labels,
                     number(rule.sampled_out));
        page.counter("spanring_spans_late_total", "Of these, those with an error that came after the decision.", labels,
                     number(rule.late));
    }
}

void add_senders(Exposition& page, const Survey& survey) {
    uint64_t received = 0;
    for (const ProcessAccount& sender : survey.senders) received += sender.received;
    page.gauge("spanring_senders", "Senders by OTLP that the ledger knows.", {}, number(survey.senders.size()));
    page.counter("spanring_spans_received_total", "Spans of all senders by OTLP, invalid ones included.", {},
                 number(received));
}

void add_receiver(Exposition& page, const ReceiverStatus& status) {
    const MetricLabels labels = {{"receiver", "otlp"}};
    page.counter("spanring_receiver_accepted_spans_total",
                 "Spans that the receiver took over, since the agent's start.", labels, number(status.accepted_spans));
    page.counter("spanring_receiver_refused_spans_total",
                 "Spans that were read and not taken over: their sender was asked to send them again.", labels,
                 number(status.refused_spans));
    page.counter("spanring_receiver_invalid_spans_total",
                 "Spans that were taken over and dropped, invalid: their sender was told.", labels,
                 number(status.invalid_spans));
    constexpr const char* kRequests =
        "Requests: accepted; refused, to be sent again; malformed, or too large, never to be sent again; "
        "unauthenticated, by somebody who is not known.";
    const std::array<std::pair<const char*, uint64_t>, 4> results = {
        {{"accepted", status.accepted_requests},
         {"refused", status.refused_requests},
         {"malformed", status.malformed_requests},
         {"unauthenticated", status.unauthenticated_requests}}};
    for (const auto& [result, requests] : results) {
        page.counter("spanring_receiver_requests_total", kRequests, with(labels, "result", result), number(requests));
    }
    page.counter("spanring_receiver_kept_requests_total",
                 "Requests that were answered before their spans were delivered.", labels,
                 number(status.kept_requests));
    page.gauge("spanring_receiver_queue_bytes", "Requests in memory that are not delivered.", labels,
               number(status.queued_bytes));
    page.gauge("spanring_receiver_kept_bytes", "Requests on disk that are answered and not delivered.", labels,
               number(status.kept_bytes));
    page.gauge("spanring_receiver_connections", "Open connections.", labels, number(status.connections));
    for (size_t why = 0; why < kRefusalNames.size(); ++why)
        page.counter("spanring_receiver_refused_connections_total",
                     "Connections that came to nothing before a request, by TLS.",
                     with(labels, "reason", kRefusalNames[why]), number(status.refused_connections[why]));
}

void add_processor_figures(Exposition& page, const Processors& processors) {
    for (const auto& [id, figures] : processors.figures()) {
        const MetricLabels labels = {{"processor", id}};
        page.counter("spanring_processor_changed_spans_total",
                     "Spans that a processor changed, since the agent's start.", labels, number(figures.changed));
        page.counter("spanring_processor_filtered_spans_total",
                     "Spans that a processor left out, since the agent's start.", labels, number(figures.filtered));
        page.counter("spanring_processor_redacted_total",
                     "Attributes that a processor masked or took away, of spans, resources and scopes.", labels,
                     number(figures.redacted));
    }
}

void add_decisions(Exposition& page, const DecisionCounters& decisions) {
    // One that was changed while the agent runs has several places.
    struct Sums {
        uint64_t kept = 0, dropped = 0, spans_kept = 0, spans_sampled_out = 0, late_errors = 0;
    };
    std::map<std::string, Sums> rules;
    const std::vector<std::string> names = decisions.names();
    for (size_t place = 0; place < names.size(); ++place) {
        if (names[place].empty()) continue;
        const DecisionCounters::Rule& rule = decisions.rule(place);
        Sums& sums = rules[names[place]];
        sums.kept += rule.traces_kept.get();
        sums.dropped += rule.traces_dropped.get();
        sums.spans_kept += rule.spans_kept.get();
        sums.spans_sampled_out += rule.spans_sampled_out.get();
        sums.late_errors += rule.late_errors.get();
    }
    for (const auto& [name, sums] : rules) {
        const MetricLabels labels = {{"rule", name}};
        const auto decided = [&](const char* decision, uint64_t traces) {
            page.counter("spanring_tail_sampling_traces_total", "Traces that were decided, by the rule that did.",
                         with(labels, "decision", decision), number(traces));
        };
        decided("kept", sums.kept);
        decided("dropped", sums.dropped);
        page.counter("spanring_tail_sampling_kept_spans_total", "Spans of traces that were kept, by its rule.", labels,
                     number(sums.spans_kept));
        page.counter("spanring_tail_sampling_sampled_out_spans_total",
                     "Spans of traces that were dropped, by its rule.", labels, number(sums.spans_sampled_out));
        page.counter("spanring_tail_sampling_late_errors_total",
                     "Spans with an error that came after their trace was dropped, by its rule.", labels,
                     number(sums.late_errors));
    }
    for (size_t i = 0; i < static_cast<size_t>(EarlyCause::kCount); ++i) {
        const auto cause = static_cast<EarlyCause>(i);
        page.counter("spanring_tail_sampling_early_total", "Traces that were decided before they were over.",
                     {{"cause", name_of(cause)}}, number(decisions.early(cause).get()));
    }
    page.counter("spanring_tail_sampling_rounds_total", "Looks at all open spans, each with a decision.", {},
                 number(decisions.rounds.get()));
    page.counter("spanring_tail_sampling_unseen_total", "Processes of which a look did not see all open spans.", {},
                 number(decisions.open_unseen.get()));
    page.gauge("spanring_tail_sampling_undecided_traces", "Traces that wait for a decision.", {},
               number(decisions.undecided_traces.get()));
    page.gauge("spanring_tail_sampling_undecided_spans", "Spans of them.", {}, number(decisions.undecided_spans.get()));
    page.gauge("spanring_tail_sampling_undecided_bytes", "Memory that they take.", {},
               number(decisions.undecided_bytes.get()));
    page.gauge("spanring_tail_sampling_ring_bytes", "What undecided spans take in the memory of processes.", {},
               number(decisions.undecided_ring_bytes.get()));
    page.gauge("spanring_tail_sampling_filed_spans", "Undecided spans that lie in files.", {},
               number(decisions.filed_spans.get()));
    page.gauge("spanring_tail_sampling_filed_bytes", "What they take there.", {}, number(decisions.filed_bytes.get()));
    page.gauge("spanring_tail_sampling_filed_memory_bytes", "Memory that knows where in the files they are.", {},
               number(decisions.filed_memory.get()));
    page.gauge("spanring_tail_sampling_file_bytes", "All that is in the files, decided or not.", {},
               number(decisions.file_bytes.get()));
    page.gauge("spanring_tail_sampling_decisions", "Decisions that are remembered.", {},
               number(decisions.remembered.get()));
}

void add_drain(Exposition& page, const DrainStatus& status) {
    const auto counter = [&](const char* name, const char* help, uint64_t value) {
        page.counter(name, help, {}, number(value));
    };
    page.gauge("spanring_agent_attached_segments", "Segments that the agent is attached to.", {},
               number(status.serving));
    page.gauge("spanring_agent_sleeping_segments", "Attached segments that are quiet, and whose process would ring.",
               {}, number(status.asleep));
    page.gauge("spanring_agent_outstanding_batches", "Batches that wait for an exporter's answer.", {},
               number(status.outstanding));
    counter("spanring_agent_segments_attached_total", "Segments attached since the agent's start.", status.attached);
    counter("spanring_agent_segments_finished_total", "Segments of dead processes drained and removed.",
            status.finished);
    counter("spanring_agent_segments_quarantined_total", "Segments quarantined because they broke a rule.",
            status.quarantined);
    counter("spanring_agent_segments_refused_total", "Files that were refused as segments.", status.refused);
    counter("spanring_agent_drain_passes_total", "Passes of the drain threads.", status.passes);
    counter("spanring_agent_drain_held_back_total", "Of these, that left spans in rings: exporters had enough.",
            status.held_back);
    counter("spanring_agent_drain_patient_sleeps_total", "Sleeps of the drain threads from which no answer woke them.",
            status.patient);
    counter("spanring_agent_looks_total", "Looks at segments.", status.looks);
    counter("spanring_agent_glances_total", "Of these, looks at some words of a process that sleeps.", status.glances);
    counter("spanring_agent_bells_total", "Times that a process woke the agent.", status.bells);
    counter("spanring_agent_drained_spans_total", "Spans taken out of segments.", status.spans);
    counter("spanring_agent_drained_bytes_total", "Bytes taken out of segments.", status.bytes);
    counter("spanring_agent_segments_moved_total", "Segments given to another drain thread.", status.moved);
    counter("spanring_agent_given_back_bytes_total", "Memory of processes that the agent gave back to the system.",
            status.given_back);
    counter("spanring_agent_invalid_spans_total", "Spans taken out of segments that were invalid and dropped.",
            status.invalid);
    counter("spanring_agent_repaired_strings_total", "Strings in spans that were not UTF-8.", status.repaired);
    counter("spanring_agent_batches_total", "Batches handed to the exporters.", status.batches());
    for (size_t i = 0; i < status.closed.size(); ++i) {
        page.counter("spanring_agent_batches_closed_total", "Batches, by why they were closed and handed on.",
                     {{"cause", name_of(static_cast<CloseCause>(i))}}, number(status.closed[i]));
    }
    counter("spanring_agent_files_set_aside_total", "State files that were damaged, renamed and made anew.",
            files_set_aside());
}

}  // namespace spanring::agent
