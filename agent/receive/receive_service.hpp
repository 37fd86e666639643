// SPDX-License-Identifier: Apache-2.0
//
// The OTLP receiver: threads of its own, with the sockets, the receivers and the accounts of senders.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "decide/tail_sampling_options.hpp"
#include "otlp/signal.hpp"
#include "receive/receiver_options.hpp"
#include "receive/receiver_status.hpp"

namespace spanring::agent {

class DecisionDesk;
class Ledger;
class LiveRules;
class ListeningSockets;
class ProcessorChain;
class SpanRecorder;
struct ExportPlan;

class ReceiveService {
public:
    using Clock = std::chrono::steady_clock;

    // Those who have to do with spans that come; null: nobody does.
    struct Helpers {
        SpanRecorder* recorder = nullptr;      // measures them
        ProcessorChain* processors = nullptr;  // change them
        DecisionDesk* desk = nullptr;          // has their traces decided, by these:
        std::vector<PolicyOptions> policies;
        const LiveRules* rules = nullptr;     // before them
        ListeningSockets* sockets = nullptr;  // on which it listens; null: on its own
    };

    // Where logs or metrics go, and their accounts, which outlive it.
    struct Other {
        Signal signal = Signal::kLogs;
        std::shared_ptr<const ExportPlan> plan;
        Ledger* ledger = nullptr;
        bool open = true;  // for what comes from outside, and not take() alone
    };

    // Listens at once, and serves. The helpers live until stop() has returned. Throws std::runtime_error that says
    // where it cannot listen, or keep what it has to.
    ReceiveService(const ReceiverOptions& options, const std::shared_ptr<const ExportPlan>& plan, Ledger& ledger,
                   Helpers helpers, const std::vector<Other>& others = {});
    ~ReceiveService();  // as close() and stop() at once
    ReceiveService(const ReceiveService&) = delete;
    ReceiveService& operator=(const ReceiveService&) = delete;

    // Between that and close(), one thread. When it returns nobody uses the plan before; but answers to what was
    // submitted by it may still come.
    void follow(const std::shared_ptr<const ExportPlan>& plan, Signal signal = Signal::kTraces);

    // Any thread, before close(). As if it had come from outside, by somebody who asks for no answer: where there is no
    // room for it, it is not taken.
    void take(Signal signal, const std::string& request);

    // No connection is accepted any more, and those that are there end with their next answers. Returns at the
    // deadline, or before where nobody is about to ask.
    void wind_down(Clock::time_point deadline);
    // No request is taken any more. Before the exporters end.
    void close();
    // After that: everything is resolved, and whoever waits for an answer gets it. Once.
    void stop(Clock::time_point deadline);

    std::optional<ReceiverStatus> status(Signal signal = Signal::kTraces) const;  // any thread; nothing: not taken
    std::vector<std::string> addresses() const;  // with the ports that the kernel chose

private:
    class Worker;
    std::unique_ptr<Worker> worker_;
};

}  // namespace spanring::agent
