// SPDX-License-Identifier: Apache-2.0
//
// What is known of each process, from its segment while that exists, else from the agent's ledger; and what the agent
// did with its spans, exporter by exporter. Of a quarantined segment, which nobody writes to any more, the ledger has
// the last word: batches that were on their way are answered there.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/process_identity.hpp"
#include "ledger/ledger.hpp"

namespace spanring::agent {

enum class ProcessState : uint8_t {
    kLive,
    kDead,         // its segment exists, and is not yet drained to the end
    kFinished,     // drained and unlinked: the ledger's last word
    kGone,         // its segment is gone, and was not drained to the end
    kQuarantined,  // the agent quarantined its segment
    kSender,       // not a process that has a segment: somebody who sends by OTLP
};

struct ExporterAccount {
    std::string name;
    uint64_t exported = 0;  // at once, or out of the spool
    uint64_t rejected = 0;
    uint64_t spooled = 0;  // ever handed to the spool; what became of it is in the others
    uint64_t dropped_invalid = 0;
    uint64_t dropped_queue = 0;  // had to wait, and there was no room or no time left for it
    uint64_t dropped_spool = 0;  // was in the spool, and was lost there
    uint64_t filtered = 0;       // left out, as the agent was told to
    uint64_t sampled_out = 0;    // of traces that were decided against
    uint64_t pending_ring = 0;   // not acknowledged
    uint64_t pending_spool = 0;
    uint64_t elsewhere = 0;    // acknowledged by an agent that ran without this exporter
    uint64_t redelivered = 0;  // what its spool answered for beyond what was booked as spooled (not yet, or twice)

    uint64_t dropped() const { return dropped_invalid + dropped_queue + dropped_spool; }
    uint64_t pending() const { return pending_ring + pending_spool; }
    bool operator==(const ExporterAccount&) const = default;
};

// A policy of tail sampling that decided against traces.
struct RuleAccount {
    std::string name;
    uint64_t sampled_out = 0;
    uint64_t late = 0;  // of these, those with an error that came after the decision

    bool operator==(const RuleAccount&) const = default;
};
// Stands in for rules that found no row of their own.
inline constexpr const char* kOtherRuleNames = "(other)";

// Stands in for the exporters of a process of which no agent has answered for anything yet.
inline constexpr const char* kNoExporterYet = "none yet";
// Stands in for them where everything went to exporters that are not counted.
inline constexpr const char* kBestEffort = "best effort";

struct ProcessAccount : ProcessIdentity {
    std::string file;  // of the segment; empty: it is gone
    std::string quarantine;
    ProcessState state = ProcessState::kLive;
    bool attached = false;
    bool moving = false;      // the numbers are not of one instant
    bool credible = true;     // false: of a quarantined segment that no ledger knows, and then there are no numbers
    bool agent_died = false;  // an agent was killed while it served this process
    bool untold = false;      // its segment is there, and the ledger says nothing of it yet: nor whether an agent died
    uint64_t since_unix_nano = 0;
    WriterTotals writer{};
    uint64_t open = 0;        // still open
    uint64_t unfinished = 0;  // were open when it died, and were handed on as unfinished
    uint64_t received = 0;    // of a sender: what it sent. The numbers of a process are zero then
    double fill = 0;          // of the ring, 0 to 1
    uint64_t memory = 0;      // bytes of shared memory that it has now
    uint64_t given_back = 0;  // and that it gave back itself, without an agent
    std::vector<ExporterAccount> exporters;
    UndecidedShare undecided;  // of what is pending, not more than that
    // Together they are the `sampled_out` of an exporter that has nothing elsewhere.
    std::vector<RuleAccount> rules;

    uint64_t counter(ring::Counter which) const { return writer[static_cast<size_t>(which)]; }
    uint64_t started() const { return counter(ring::Counter::kStarted); }
    uint64_t ended() const { return counter(ring::Counter::kEnded); }
    // All that exporters have to answer for.
    uint64_t handed_on() const { return ended() + unfinished + received; }
    uint64_t dropped_by_process() const;
    bool operator==(const ProcessAccount&) const = default;
};

struct Cause {
    const char* name;
    uint64_t spans;
};
std::vector<Cause> drop_causes(const ProcessAccount& process);    // by the process; those that are not zero
std::vector<Cause> drop_causes(const ExporterAccount& exporter);  // by the agent
const char* state_name(ProcessState state);

struct SegmentSnapshot;
ProcessAccount account_of(const SegmentSnapshot& segment, const std::string& file, const Ledger* ledger);

// Splits the agent's totals of one process into its exporters' accounts. `ledger` may be null.
void fill_exporters(ProcessAccount& process, const ring::Totals& totals, const Ledger* ledger);

// Likewise, what rules sampled out.
void fill_rules(ProcessAccount& process, std::span<const ring::RuleTotals> rules, const Ledger* ledger);

std::vector<ProcessAccount> sender_accounts(const Ledger& ledger);

struct Survey {
    std::vector<ProcessAccount> processes;  // live ones first, then by age
    std::vector<ProcessAccount> senders;    // by age; all that the ledger knows
    std::vector<std::string> problems;      // files that are not sound segments; places that cannot be read
};
// One of several places, put to those of others in the same order.
void add(Survey& survey, Survey more);
// `finished`: also the processes that are known from the ledger alone.
Survey survey(const std::vector<std::string>& directories, const Ledger* ledger, bool finished);

}  // namespace spanring::agent
