// SPDX-License-Identifier: Apache-2.0
#include "accounts/process_accounts.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <map>
#include <utility>

#include "base/descriptor.hpp"
#include "base/directory.hpp"
#include "base/error_text.hpp"
#include "ring/runtime_directory.hpp"
#include "segment/segment_probe.hpp"

namespace spanring::agent {
namespace {

using ring::Counter;

// A difference that a reading in the middle of a step can make negative.
uint64_t minus(uint64_t a, uint64_t b) { return a > b ? a - b : 0; }

std::string exporter_name(uint64_t hash, const Ledger* ledger) {
    if (ledger != nullptr) {
        std::string name = ledger->exporter_name(hash);
        if (!name.empty()) return name;
    }
    for (const char* name :
         {"otlp_grpc", "otlp", "otlp_http", "otlphttp", "kafka", "unix", "exec", "file", "store", "debug"}) {
        if (exporter_hash(name) == hash) return name;
    }
    return "exporter " + std::to_string(hash);
}

std::string rule_name(uint64_t rule, const Ledger* ledger) {
    if (rule == ring::kOtherRules) return kOtherRuleNames;
    std::string name = ledger != nullptr ? ledger->rule_name(rule) : std::string();
    return !name.empty() ? name : "rule " + std::to_string(rule);
}

// All that it knows: numbers and the reason for a quarantine.
void believe_ledger(ProcessAccount& process, const ProcessRow& row, const Ledger& ledger) {
    process.identity() = row.identity();
    process.quarantine = row.quarantine;
    process.agent_died = row.agent_died;
    process.state = !row.quarantine.empty() ? ProcessState::kQuarantined
                    : row.finished          ? ProcessState::kFinished
                                            : ProcessState::kGone;
    process.attached = true;
    process.writer = row.writer;
    process.exporters.clear();
    fill_exporters(process, row.agent, &ledger);
    fill_rules(process, row.rules, &ledger);
    process.undecided = row.undecided;
    // A process that was drained to its end has no open span left; what any other had open is known only as the
    // difference.
    process.open = row.finished ? 0 : minus(process.started(), process.ended() + process.unfinished);
}

ProcessAccount from_ledger(const ProcessRow& row, const Ledger& ledger) {
    ProcessAccount process;
    believe_ledger(process, row, ledger);
    process.since_unix_nano = row.attached_unix_nano;
    return process;
}

ProcessAccount from_sender(const ProcessRow& row, const Ledger& ledger) {
    ProcessAccount sender = from_ledger(row, ledger);
    sender.state = ProcessState::kSender;
    sender.received = sender.ended();
    sender.writer = {};
    sender.open = 0;
    return sender;
}

// Of a segment that its agent quarantined and of which no ledger says more.
void forget_numbers(ProcessAccount& process) {
    process.credible = false;
    process.writer = {};
    process.open = process.unfinished = 0;
    process.fill = 0;
    process.given_back = 0;
    process.moving = false;
    process.exporters.clear();
    process.rules.clear();
    process.undecided = {};
    fill_exporters(process, {}, nullptr);
}

// False: it cannot be listed, errno says why.
bool list_segments(int directory, std::vector<std::string>& ret_names) {
    const bool listed = each_name(directory, [&](const char* name) {
        if (ring::parse_segment_name(name, nullptr)) ret_names.emplace_back(name);
    });
    std::sort(ret_names.begin(), ret_names.end());
    return listed;
}

void sort(std::vector<ProcessAccount>& processes) {
    std::stable_sort(processes.begin(), processes.end(), [](const ProcessAccount& a, const ProcessAccount& b) {
        return a.state != b.state ? a.state < b.state : a.since_unix_nano < b.since_unix_nano;
    });
}

bool exists(int directory, const std::string& name) { return ::faccessat(directory, name.c_str(), F_OK, 0) == 0; }

}  // namespace

ProcessAccount account_of(const SegmentSnapshot& segment, const std::string& file, const Ledger* ledger) {
    ProcessAccount process;
    process.identity() = segment.producer->identity();
    process.file = file;
    process.state = segment.quarantined ? ProcessState::kQuarantined
                    : segment.alive     ? ProcessState::kLive
                                        : ProcessState::kDead;
    process.attached = segment.attached;
    process.moving = segment.moving;
    process.since_unix_nano = segment.created_unix_nano;
    process.writer = segment.writer;
    process.open = segment.open;
    process.memory = segment.memory_bytes;
    process.given_back = segment.given_back_bytes;
    process.fill = segment.capacity_bytes == 0
                       ? 0
                       : static_cast<double>(segment.used_bytes) / static_cast<double>(segment.capacity_bytes);
    fill_exporters(process, segment.agent, ledger);
    fill_rules(process, segment.rules, ledger);
    return process;
}

const char* state_name(ProcessState state) {
    switch (state) {
        case ProcessState::kLive: return "live";
        case ProcessState::kDead: return "dead";
        case ProcessState::kFinished: return "finished";
        case ProcessState::kGone: return "gone";
        case ProcessState::kQuarantined: return "quarantined";
        case ProcessState::kSender: return "sender";
    }
    return "unknown";
}

uint64_t ProcessAccount::dropped_by_process() const {
    uint64_t sum = 0;
    for (const Cause& cause : drop_causes(*this)) sum += cause.spans;
    return sum;
}

std::vector<Cause> drop_causes(const ProcessAccount& process) {
    std::vector<Cause> causes = {{"full", process.counter(Counter::kDroppedFull)},
                                 {"nested", process.counter(Counter::kDroppedNested)},
                                 {"overwritten", process.counter(Counter::kDroppedOverwritten)}};
    std::erase_if(causes, [](const Cause& cause) { return cause.spans == 0; });
    return causes;
}

std::vector<Cause> drop_causes(const ExporterAccount& exporter) {
    std::vector<Cause> causes = {
        {"invalid", exporter.dropped_invalid}, {"queue", exporter.dropped_queue}, {"spool", exporter.dropped_spool}};
    std::erase_if(causes, [](const Cause& cause) { return cause.spans == 0; });
    return causes;
}

void fill_exporters(ProcessAccount& process, const ring::Totals& totals, const Ledger* ledger) {
    process.unfinished = totals.unfinished;
    // Of what was committed, `acknowledged` is below the marks. A row books that and the unfinished ones.
    const uint64_t committed = minus(process.ended(), process.dropped_by_process());
    const uint64_t pending = minus(committed, totals.acknowledged);
    for (const ring::ExporterTotals& row : totals.exporters) {
        if (row.exporter == 0) continue;
        ExporterAccount account;
        account.name = exporter_name(row.exporter, ledger);
        const SpoolRow spool = ledger != nullptr ? ledger->spool(process.account(), account.name) : SpoolRow{};
        account.exported = row.exported + spool.exported;
        account.rejected = row.rejected + spool.rejected;
        account.spooled = row.spooled;
        account.dropped_invalid = row.dropped_invalid;
        account.dropped_queue = row.dropped_spool;
        account.dropped_spool = spool.dropped;
        account.filtered = row.filtered;
        account.sampled_out = row.sampled_out;
        account.pending_ring = pending;
        const uint64_t answered = spool.exported + spool.rejected + spool.dropped;
        account.pending_spool = minus(row.spooled, answered);
        account.redelivered = minus(answered, row.spooled);
        account.elsewhere = row.elsewhere;
        process.exporters.push_back(std::move(account));
    }
    if (process.exporters.empty()) {
        ExporterAccount account;
        account.elsewhere = totals.acknowledged + totals.unfinished;
        account.name = account.elsewhere != 0 ? kBestEffort : kNoExporterYet;
        account.pending_ring = pending;
        process.exporters.push_back(std::move(account));
    }
}

void fill_rules(ProcessAccount& process, std::span<const ring::RuleTotals> rules, const Ledger* ledger) {
    process.rules.clear();
    for (const ring::RuleTotals& row : rules) {
        if (row.rule != 0) process.rules.push_back({rule_name(row.rule, ledger), row.sampled_out, row.late});
    }
}

void add(Survey& survey, Survey more) {
    std::move(more.processes.begin(), more.processes.end(), std::back_inserter(survey.processes));
    std::move(more.senders.begin(), more.senders.end(), std::back_inserter(survey.senders));
    std::move(more.problems.begin(), more.problems.end(), std::back_inserter(survey.problems));
    sort(survey.processes);
    sort(survey.senders);
}

std::vector<ProcessAccount> sender_accounts(const Ledger& ledger) {
    std::vector<ProcessAccount> senders;
    for (const ProcessRow& row : ledger.processes()) {
        if (row.sender) senders.push_back(from_sender(row, ledger));
    }
    return senders;
}

Survey survey(const std::vector<std::string>& directories, const Ledger* ledger, bool finished) {
    Survey result;
    std::map<AccountId, size_t> found;
    for (const std::string& path : directories) {
        const Descriptor directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        std::vector<std::string> names;
        if (!directory || !list_segments(directory.get(), names)) {
            if (errno != ENOENT) result.problems.push_back(path + ": " + error_text(errno));
            continue;
        }
        for (const std::string& name : names) {
            const std::string file = path + "/" + name;
            const auto probed = probe_segment(directory.get(), name);
            if (const auto* problem = std::get_if<std::string>(&probed)) {
                if (exists(directory.get(), name)) result.problems.push_back(file + ": " + *problem);
                continue;  // else it was drained to its end a moment ago
            }
            result.processes.push_back(account_of(std::get<SegmentSnapshot>(probed), file, ledger));
            result.processes.back().untold = ledger != nullptr;
            found.emplace(result.processes.back().account(), result.processes.size() - 1);
        }
    }
    if (ledger != nullptr) {
        for (const ProcessRow& row : ledger->processes()) {
            if (row.sender) {
                result.senders.push_back(from_sender(row, *ledger));
            } else if (const auto place = found.find(row.account()); place != found.end()) {
                ProcessAccount& process = result.processes[place->second];
                process.agent_died = row.agent_died;
                process.untold = false;
                process.undecided = row.undecided;
                if (!row.quarantine.empty()) believe_ledger(process, row, *ledger);
            } else if (finished) {
                result.processes.push_back(from_ledger(row, *ledger));
            }
        }
    }
    for (ProcessAccount& process : result.processes) {
        if (process.state == ProcessState::kQuarantined && process.quarantine.empty()) forget_numbers(process);
    }
    sort(result.processes);
    sort(result.senders);
    return result;
}

}  // namespace spanring::agent
