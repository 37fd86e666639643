// SPDX-License-Identifier: Apache-2.0
//
// The drain as the agent's main program uses it: a Drainer on threads of its own. The order of a clean shutdown is kept
// here: the threads but the first one end, which takes the last spans of all shares; the exporters finish, and only
// then is the last acknowledgement booked. The other way round a batch that an exporter spools at its end would be sent
// again by the next agent.
//
// Header bill: a drain on a thread of its own is a Drainer and a std::thread; main.cpp alone includes it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "drain/drainer.hpp"

namespace spanring::agent {

class DrainService {
public:
    using Clock = std::chrono::steady_clock;

    DrainService() = default;
    ~DrainService();  // as shutdown() with a deadline that has passed
    DrainService(const DrainService&) = delete;
    DrainService& operator=(const DrainService&) = delete;

    // Throws AgentBusy (exit with kExitBusy), or std::runtime_error with a clear message. The exporters and the ledger
    // live until shutdown() has returned.
    void start(DrainOptions options, std::vector<Exporter*> exporters, Ledger* ledger);

    const std::vector<std::string>& directories() const { return drainer_->directories(); }

    // Any thread.
    void distrust(const InstanceId& instance) { drainer_->distrust(instance); }
    DrainStatus status() const { return drainer_->status(); }

    // One thread, between start() and shutdown(). When it returns nobody uses the plan before, which was of the options
    // or of the last call; but answers to what was submitted by it may still come.
    void follow(const std::shared_ptr<const ExportPlan>& plan);

    // Any thread. Waits until everything that was committed before is answered by all required exporters. False: not by
    // the deadline.
    bool flush(Clock::time_point deadline);

    // Takes everything that is committed, shuts the exporters down (they resolve every batch), books the answers. Once.
    // False: something was left for the next agent.
    bool shutdown(Clock::time_point deadline);

private:
    enum class Phase { kRunning, kDraining, kDrained, kBooking };

    void run();
    void serve();
    void help(size_t number);
    void join_helpers();
    bool wait_until(Clock::time_point deadline, const std::function<bool()>& reached);

    std::unique_ptr<Drainer> drainer_;
    std::vector<Exporter*> exporters_;
    std::thread thread_;
    std::vector<std::thread> helpers_;  // the other drain threads; joined by the first
    std::atomic<Phase> phase_{Phase::kRunning};
    Clock::time_point book_until_{};  // written before phase_ becomes kBooking
    bool all_answered_ = false;       // read after the thread has ended
};

}  // namespace spanring::agent
