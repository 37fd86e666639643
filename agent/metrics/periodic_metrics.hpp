// SPDX-License-Identifier: Apache-2.0
//
// Pushes metrics at intervals, on a thread of its own, and once more at the end.
//
// Header bill: std::function and a thread; main.cpp and its own .cpp include it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.hpp"
#include "base/thread_progress.hpp"

namespace spanring::agent {

struct Batch;

class PeriodicMetrics {
public:
    struct Task {
        std::chrono::milliseconds interval{60'000};
        std::function<void()> push;
    };

    explicit PeriodicMetrics(std::vector<Task> tasks);
    ~PeriodicMetrics();
    PeriodicMetrics(const PeriodicMetrics&) = delete;
    PeriodicMetrics& operator=(const PeriodicMetrics&) = delete;

    // Each task pushes for the last time. Once.
    void stop();

private:
    using Clock = std::chrono::steady_clock;
    struct Timed {
        Task task;
        Clock::time_point at{};
    };

    void run();
    static void push(const Task& task);

    std::vector<Timed> tasks_;
    Mutex mutex_;
    std::condition_variable changed_;
    bool stop_ SPR_GUARDED_BY(mutex_) = false;
    ThreadProgress progress_{"metrics-push"};
    std::thread thread_;
};

// A request of metrics as an exporter takes it, who asks for no answer.
std::shared_ptr<Batch> batch_of_metrics(const std::string& request);

}  // namespace spanring::agent
