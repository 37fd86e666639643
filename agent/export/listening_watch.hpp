// SPDX-License-Identifier: Apache-2.0
//
// Bounds a new connection as soon as it is there, which gRPC tells nobody in time. Looks twice a second at what
// listening to the backend cost the exporter's thread, and has the connections cut when it was too much. From a thread
// of its own: gRPC does not return to its caller while a peer sends faster than it reads.
//
// Header bill: a thread, its mutex and four functions; the sender includes it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <ctime>
#include <functional>
#include <string>
#include <thread>

#include "base/mutex.hpp"
#include "base/thread_progress.hpp"
#include "export/listening_cost.hpp"

namespace spanring::agent {

class ListeningWatch {
public:
    static constexpr std::chrono::milliseconds kPeriod{500};

    // Made by the thread that is watched. `settle` is asked after settle_soon(), again and again until it is true.
    // `others` says what further threads used since it was asked last, for
    // whichever exporter: it counts where nothing was sent in a period, else the watched thread does the listening.
    // `is_to_blame` is asked where it was too much, and `cut` called where that says so; all on the watch's thread.
    ListeningWatch(const std::string& exporter, std::function<bool()> settle,
                   std::function<ListeningCost::Cpu()> others, std::function<bool()> is_to_blame,
                   std::function<void()> cut);
    ~ListeningWatch();
    ListeningWatch(const ListeningWatch&) = delete;
    ListeningWatch& operator=(const ListeningWatch&) = delete;

    // The watched thread. What it uses between begin() and end() is for listening.
    void begin();
    void end();
    void attempt_started(size_t bytes);
    void settle_soon();
    bool take_cut();  // it was cut since the last time this was asked

private:
    using Clock = std::chrono::steady_clock;

    void run();
    void settle_later() SPR_REQUIRES(mutex_);
    bool costs_too_much() SPR_REQUIRES(mutex_);

    const std::function<bool()> settle_;
    const std::function<ListeningCost::Cpu()> others_;
    const std::function<bool()> is_to_blame_;
    const std::function<void()> cut_;
    clockid_t clock_{};  // of the watched thread

    Mutex mutex_;
    std::condition_variable changed_;
    bool stop_ SPR_GUARDED_BY(mutex_) = false;
    bool listening_ SPR_GUARDED_BY(mutex_) = false;
    bool was_cut_ SPR_GUARDED_BY(mutex_) = false;
    bool attempted_ SPR_GUARDED_BY(mutex_) = false;  // in this period
    Clock::time_point settle_at_ SPR_GUARDED_BY(mutex_) = Clock::time_point::max();
    Clock::duration settle_pause_ SPR_GUARDED_BY(mutex_){};
    ListeningCost::Cpu since_ SPR_GUARDED_BY(mutex_){};
    ListeningCost cost_ SPR_GUARDED_BY(mutex_);
    ThreadProgress progress_;
    std::thread thread_;
};

}  // namespace spanring::agent
