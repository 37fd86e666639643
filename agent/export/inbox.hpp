// SPDX-License-Identifier: Apache-2.0
//
// What other threads leave for an exporter's own thread: batches, and the word to end. Once it is closed nobody wakes
// that thread any more, so what wakes it may go.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>

#include "base/mutex.hpp"

namespace spanring::agent {

struct Batch;

class Inbox {
public:
    using Time = std::chrono::steady_clock::time_point;

    struct Arrival {
        std::shared_ptr<Batch> batch;
        uint64_t sequence = 0;
    };
    enum class Put { kTaken, kRefused, kClosed };

    explicit Inbox(std::function<void()> wake) : wake_(std::move(wake)) {}

    // Any thread. A batch that is taken is moved from; `admit` is asked while the inbox is open. Throws std::bad_alloc,
    // before it asks.
    Put put(std::shared_ptr<Batch>& batch, uint64_t sequence, const std::function<bool()>& admit);
    void stop(Time deadline);  // the earliest one counts
    void wake();

    // The exporter's own thread.
    std::list<Arrival> take();  // moves them without an allocation: none is lost for lack of memory
    // For a change of what wakes this thread: nobody does meanwhile.
    void undisturbed(const std::function<void()>& work);
    std::optional<Time> stop_at() const;  // nothing: it is not to end yet
    // When it is to end and there is nothing to do any more (`idle`, and nothing arrived), or its deadline has come.
    bool close(bool idle, Time now);

private:
    const std::function<void()> wake_;

    mutable Mutex mutex_;
    std::list<Arrival> arrivals_ SPR_GUARDED_BY(mutex_);
    std::optional<Time> stop_at_ SPR_GUARDED_BY(mutex_);
    bool closed_ SPR_GUARDED_BY(mutex_) = false;
};

}  // namespace spanring::agent
