// SPDX-License-Identifier: Apache-2.0
#include "drain/drain_service.hpp"

#include <algorithm>
#include <utility>

#include "base/named_thread.hpp"
#include "crash/alternate_stack.hpp"

namespace spanring::agent {

namespace {

constexpr std::chrono::milliseconds kLook{1};            // between looks of somebody who waits
constexpr std::chrono::milliseconds kBookAtLeast{1000};  // exporters are done: this only stores marks and totals

}  // namespace

DrainService::~DrainService() {
    if (thread_.joinable()) shutdown(Clock::now());
}

void DrainService::start(DrainOptions options, std::vector<Exporter*> exporters, Ledger* ledger) {
    exporters_ = exporters;
    drainer_ = std::make_unique<Drainer>(std::move(options), std::move(exporters), ledger);
    thread_ = named_thread("drain/0", [this] { run(); });
}

bool DrainService::wait_until(Clock::time_point deadline, const std::function<bool()>& reached) {
    while (!reached()) {
        if (Clock::now() >= deadline) return false;
        std::this_thread::sleep_for(kLook);
    }
    return true;
}

bool DrainService::flush(Clock::time_point deadline) {
    const uint64_t ticket = drainer_->ask_flush();
    return wait_until(deadline, [&] { return drainer_->flushed(ticket); });
}

bool DrainService::shutdown(Clock::time_point deadline) {
    if (!thread_.joinable()) return true;
    phase_.store(Phase::kDraining, std::memory_order_release);  // pairs with the acquire in run()
    drainer_->wake();
    // One pass over memory: no deadline is needed, and none could be kept by leaving it in the middle.
    while (phase_.load(std::memory_order_acquire) != Phase::kDrained) std::this_thread::sleep_for(kLook);
    for (Exporter* exporter : exporters_) exporter->shutdown(deadline);
    book_until_ = std::max(deadline, Clock::now() + kBookAtLeast);
    phase_.store(Phase::kBooking, std::memory_order_release);  // publishes book_until_; pairs with the acquire in run()
    drainer_->wake();
    thread_.join();
    drainer_.reset();
    return all_booked_;
}

void DrainService::run() {
    const AlternateStack stack;
    while (phase_.load(std::memory_order_acquire) == Phase::kRunning) {
        progress_.working();
        drainer_->do_work();
        progress_.waiting();
        drainer_->wait();
    }
    drainer_->drain_everything();
    phase_.store(Phase::kDrained, std::memory_order_release);  // pairs with the acquire in shutdown()
    // Answers come in while the exporters finish.
    while (phase_.load(std::memory_order_acquire) != Phase::kBooking) {
        drainer_->process_answers();
        std::this_thread::sleep_for(kLook);
    }
    do {
        drainer_->process_answers();
        all_booked_ = drainer_->quiet();
        if (!all_booked_) std::this_thread::sleep_for(kLook);
    } while (!all_booked_ && !drainer_->stuck() && Clock::now() < book_until_);
    drainer_->update_ledger();
}

}  // namespace spanring::agent
