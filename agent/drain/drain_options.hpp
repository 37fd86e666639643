// SPDX-License-Identifier: Apache-2.0
//
// What the drain is told when it starts.
//
// Header bill: it holds the options of a batcher, a pace and a heartbeat; the drain's service and its threads include
// it.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "batch/zero_copy.hpp"
#include "decide/tail_sampling_options.hpp"
#include "drain/batcher.hpp"
#include "drain/heartbeat.hpp"
#include "drain/pace.hpp"
#include "segment/host_facts.hpp"

namespace spanring::agent {

class CrashJournal;
class DecisionCounters;
class DecisionDesk;
class LiveRules;
class FolderSource;
class ProcessorChain;
class SpanRecorder;

// One of four cores drains; more than four of them would wait for the exporters.
constexpr uint32_t drain_threads_for(uint32_t cores) { return std::clamp<uint32_t>(cores / 4, 1, 4); }

struct DrainOptions {
    std::vector<std::string> directories;  // empty: those of this user, in the order of the library
    FolderSource* users = nullptr;         // instead of directories; outlives the drain
    BatchLimits batch;
    std::shared_ptr<const ExportPlan> plan;  // of the exporters, where it will change; null: it never does
    PaceLimits pace;
    ZeroCopy zero_copy = ZeroCopy::kOff;
    HeartbeatOptions heartbeat;
    uint64_t pass_bytes = 1u << 20;                   // of one segment, before it is the next one's turn
    uint64_t queue_bytes = 64u << 20;                 // of all that waits for exporters, shared by users
    std::chrono::milliseconds liveness_period{1000};  // beside the hints of the kernel
    std::chrono::milliseconds scan_period{2000};      // likewise
    std::chrono::milliseconds ledger_period{1000};
    std::chrono::seconds temporary_age{10};
    std::chrono::milliseconds give_back_after{10'000};  // memory that is not used; 0: never
    std::string state_directory;                        // has the rules of sampling; empty: there are none
    HostFacts host{};                                   // added to every resource that does not say it itself
    uint32_t threads = 1;
    std::vector<SpanRecorder*> recorders;     // one for each thread, measures all spans; outlive the drain. Or none
    std::vector<ProcessorChain*> processors;  // likewise, change them
    TailSamplingOptions tail_sampling;        // decided by one thread alone
    DecisionCounters* decisions = nullptr;    // of it, outlive the drain; nullptr: nothing waits for a decision
    DecisionDesk* desk = nullptr;             // likewise, for spans that lie elsewhere; nullptr: there are none
    const LiveRules* rules = nullptr;         // likewise, which stand before its policies; nullptr: there are none
    const CrashJournal* crashes = nullptr;    // outlives the drain; nullptr: nothing is held against a segment
};

}  // namespace spanring::agent
