// SPDX-License-Identifier: Apache-2.0
#include "metrics/periodic_metrics.hpp"

#include <algorithm>
#include <cstring>
#include <exception>
#include <iterator>
#include <utility>

#include <spdlog/spdlog.h>

#include "base/content_coding.hpp"
#include "base/named_thread.hpp"
#include "batch/batch.hpp"
#include "receive/request_reader.hpp"

namespace spanring::agent {

PeriodicMetrics::PeriodicMetrics(std::vector<Task> tasks) {
    const Clock::time_point now = Clock::now();
    for (Task& task : tasks) {
        const Clock::time_point first = now + task.interval;
        tasks_.push_back({std::move(task), first});
    }
    if (!tasks_.empty()) thread_ = named_thread("metrics-push", [this] { run(); });
}

PeriodicMetrics::~PeriodicMetrics() { stop(); }

void PeriodicMetrics::stop() {
    if (!thread_.joinable()) return;
    {
        const MutexLock lock(mutex_);
        stop_ = true;
    }
    changed_.notify_one();
    thread_.join();
    for (const Timed& each : tasks_) push(each.task);
}

// What cannot be made now (no memory, a ledger that is locked) is made the next time: it is cumulative.
void PeriodicMetrics::push(const Task& task) {
    try {
        task.push();
    } catch (const std::exception& error) {
        spdlog::warn("metrics are not pushed this time: {}", error.what());
    }
}

void PeriodicMetrics::run() {
    MutexLock lock(mutex_);
    for (;;) {
        const auto next = std::min_element(tasks_.begin(), tasks_.end(),
                                           [](const Timed& one, const Timed& other) { return one.at < other.at; });
        progress_.waiting();
        changed_.wait_until(lock.native(), next->at, [this]() SPR_REQUIRES(mutex_) { return stop_; });
        if (stop_) return;
        if (Clock::now() < next->at) continue;
        progress_.working();
        lock.unlock();
        push(next->task);
        next->at = std::max(next->at + next->task.interval, Clock::now());
        lock.lock();
    }
}

std::shared_ptr<Batch> batch_of_metrics(const std::string& request) {
    Body body{std::make_unique_for_overwrite<uint8_t[]>(request.size()), request.size()};
    std::memcpy(body.bytes.get(), request.data(), request.size());
    RequestReader reader([](const std::string&, const std::string&) { return ProcessIdentity(); }, 0, Signal::kMetrics);
    ReceivedSpans received;
    reader.read(body.span(), 0, received);
    auto batch = std::make_shared<Batch>();
    batch->spans = static_cast<uint32_t>(received.spans - received.invalid);
    for (const Run& run : received.runs) batch->bytes += run.bytes.size();
    batch->memory = body.size;
    batch->runs = std::move(received.runs);
    batch->buffers.push_back(std::move(body.bytes));
    return batch;
}

}  // namespace spanring::agent
