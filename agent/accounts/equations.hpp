// SPDX-License-Identifier: Apache-2.0
//
// The accounting, as equations with numbers:
//
//     started            = ended + open + unfinished
//     ended + unfinished = exported + rejected + filtered + sampled_out{rule} + dropped{cause} + undecided + pending
//
// for each exporter, and of a sender by OTLP, likewise,
//
//     received           = exported + rejected + filtered + sampled_out{rule} + dropped{cause} + pending
//
// A span that its process left open when it died never ended; the agent hands it on as unfinished, so from then on it
// is found at the exporters, together with the ended ones.
//
// A killed agent may have put spans into its spool, or sent them out of it, without booking that: the next one delivers
// them once more. So where an agent died while it served a process,
//
//     ended + unfinished + redelivered = exported + ...
//
// with what the spool answered for beyond what was handed to it. Without such a death nothing excuses an excess; with
// one a loss in the ring still shows, since it is in no spool's numbers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "accounts/process_accounts.hpp"

namespace spanring::agent {

enum class Judgement : uint8_t {
    kOk,
    kBusy,  // does not hold in these numbers, and need not: the process or the agent was in the middle of something
    kUntrusted,  // does not hold for a quarantined segment, whose counters prove nothing
    kMismatch,
};

struct Term {
    std::string name;
    uint64_t value = 0;
};

struct Equation {
    std::string exporter;  // empty: the process's own
    std::vector<Term> left;
    std::vector<Term> right;  // terms that are zero and that nobody expects are left out
    uint64_t lost = 0;        // counted as open or pending on the right, but nobody will read it any more
    Judgement verdict = Judgement::kOk;

    uint64_t left_sum() const;
    uint64_t right_sum() const;
    std::string text() const;        // "ended 12 = exported 10 + rejected 0 + dropped{full} 2 + pending 0"
    std::string difference() const;  // "3 missing", "1 too many"; empty: it holds
};

// The process's own, then one for each exporter, by the numbers of that exporter alone: what another one has answered
// for explains nothing. The numbers of an account that does not move are of one instant, so they must hold. None for an
// account without credible numbers.
std::vector<Equation> equations_of(const ProcessAccount& process);

// The sums over several processes and senders, exporter by exporter. It moves if one of them does.
ProcessAccount total_of(const std::vector<ProcessAccount>& processes);

}  // namespace spanring::agent
