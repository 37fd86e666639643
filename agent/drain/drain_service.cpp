// SPDX-License-Identifier: Apache-2.0
#include "drain/drain_service.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "base/event_loop_progress.hpp"
#include "base/named_thread.hpp"
#include "crash/alternate_stack.hpp"

namespace spanring::agent {

namespace {

constexpr std::chrono::milliseconds kLook{1};            // between looks of somebody who waits
constexpr std::chrono::milliseconds kBookAtLeast{1000};  // exporters are done: this only stores marks and totals

std::string name_of(size_t thread) { return "drain/" + std::to_string(thread); }

}  // namespace

DrainService::~DrainService() {
    if (thread_.joinable()) {
        shutdown(Clock::now());
    } else if (drainer_ != nullptr) {  // not all of its threads could be started
        phase_.store(Phase::kDraining, std::memory_order_release);
        drainer_->wake_all();
        join_helpers();
    }
}

void DrainService::start(DrainOptions options, std::vector<Exporter*> exporters, Ledger* ledger) {
    exporters_ = exporters;
    drainer_ = std::make_unique<Drainer>(std::move(options), std::move(exporters), ledger);
    for (size_t number = 1; number < drainer_->threads(); ++number)
        helpers_.push_back(named_thread(name_of(number), [this, number] { help(number); }));
    thread_ = named_thread("drain/0", [this] { run(); });
}

bool DrainService::wait_until(Clock::time_point deadline, const std::function<bool()>& reached) {
    while (!reached()) {
        if (Clock::now() >= deadline) return false;
        std::this_thread::sleep_for(kLook);
    }
    return true;
}

void DrainService::follow(const std::shared_ptr<const ExportPlan>& plan) {
    drainer_->exchange().tell_plan(plan);
    while (!drainer_->exchange().all_follow(plan->number)) std::this_thread::sleep_for(kLook);
    exporters_ = plan->exporters;
}

// The first thread first: what it finds is shared out by the time the others take everything.
bool DrainService::flush(Clock::time_point deadline) {
    DrainExchange& exchange = drainer_->exchange();
    exchange.hold_still(true);
    bool flushed = true;
    for (size_t number = 0; flushed && number < drainer_->threads(); ++number) {
        DrainShare& share = drainer_->share(number);
        flushed = wait_until(deadline, [&] { return exchange.arrived(); });
        const uint64_t ticket = share.ask_flush();
        flushed = flushed && wait_until(deadline, [&] { return share.flushed(ticket); });
    }
    exchange.hold_still(false);
    return flushed;
}

bool DrainService::shutdown(Clock::time_point deadline) {
    if (!thread_.joinable()) return true;
    phase_.store(Phase::kDraining, std::memory_order_release);  // pairs with the acquire in run()
    drainer_->wake_all();
    // One pass over memory: no deadline is needed, and none could be kept by leaving it in the middle.
    while (phase_.load(std::memory_order_acquire) != Phase::kDrained) std::this_thread::sleep_for(kLook);
    for (Exporter* exporter : exporters_) exporter->shutdown(deadline);
    book_until_ = std::max(deadline, Clock::now() + kBookAtLeast);
    phase_.store(Phase::kBooking, std::memory_order_release);  // publishes book_until_; pairs with the acquire in run()
    drainer_->wake_all();
    thread_.join();
    drainer_.reset();
    return all_answered_;
}

void DrainService::help(size_t number) {
    const AlternateStack stack;
    DrainShare& share = drainer_->share(number);
    constexpr int kNothingElse = -1;
    // Asked for a sign of life while it sleeps: it is woken.
    EventLoopProgress progress(name_of(number), [this] { drainer_->wake_all(); });
    while (phase_.load(std::memory_order_acquire) == Phase::kRunning) {
        progress.working();
        share.do_work(Clock::now());
        progress.waiting();
        share.wait(Clock::time_point::max(), kNothingElse);
    }
}

void DrainService::join_helpers() {
    for (std::thread& helper : helpers_) helper.join();
    helpers_.clear();
}

void DrainService::serve() {
    EventLoopProgress progress(name_of(0), [this] { drainer_->wake_all(); });  // likewise
    while (phase_.load(std::memory_order_acquire) == Phase::kRunning) {
        progress.working();
        drainer_->do_work();
        progress.waiting();
        drainer_->wait();
    }
}

void DrainService::run() {
    const AlternateStack stack;
    serve();
    join_helpers();
    drainer_->drain_everything();
    phase_.store(Phase::kDrained, std::memory_order_release);  // pairs with the acquire in shutdown()
    // Answers come in while the exporters finish.
    while (phase_.load(std::memory_order_acquire) != Phase::kBooking) {
        drainer_->process_answers();
        std::this_thread::sleep_for(kLook);
    }
    bool all_booked = false;
    do {
        drainer_->process_answers();
        all_booked = drainer_->quiet();
        if (!all_booked) std::this_thread::sleep_for(kLook);
    } while (!all_booked && !drainer_->stuck() && Clock::now() < book_until_);
    all_answered_ = all_booked && !drainer_->undecided() && !drainer_->left_behind();
    drainer_->update_ledger();
}

}  // namespace spanring::agent
