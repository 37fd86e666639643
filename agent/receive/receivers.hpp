// SPDX-License-Identifier: Apache-2.0
//
// The receivers of one listener, one for each signal that a pipeline takes. The protocols find them by it. Whoever has
// to do with one, beyond what any thread may do, holds the mutex.
//
// Header bill: receivers, which it owns; the two servers and the service include it.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/mutex.hpp"
#include "otlp/signal.hpp"
#include "receive/receiver.hpp"

namespace spanring::agent {

class Receivers {
public:
    // `open`: for what comes from outside, too.
    void add(Signal signal, std::unique_ptr<Receiver> receiver, bool open = true) {
        if (first_ == nullptr) first_ = receiver.get();
        if (open) open_[static_cast<size_t>(signal)] = receiver.get();
        all_[static_cast<size_t>(signal)] = std::move(receiver);
    }

    // Null: no pipeline takes it; and of what comes from outside.
    Receiver* any_of(Signal signal) const { return all_[static_cast<size_t>(signal)].get(); }
    Receiver* of(Signal signal) const { return open_[static_cast<size_t>(signal)]; }
    // For what is of no signal: connections, requests of something else.
    Receiver& first() const { return *first_; }

    Mutex& mutex() const { return mutex_; }

    // By what the last request came. Any thread. Relaxed: nothing is read by it.
    void note(ReceivedBy by) const { last_by_.store(by, std::memory_order_relaxed); }
    ReceivedBy last_by() const { return last_by_.load(std::memory_order_relaxed); }

    template <class Visit>
    void each(Visit visit) const {
        for (const auto& receiver : all_)
            if (receiver != nullptr) visit(*receiver);
    }

private:
    std::array<std::unique_ptr<Receiver>, kSignals> all_;
    std::array<Receiver*, kSignals> open_{};
    Receiver* first_ = nullptr;
    mutable Mutex mutex_;
    mutable std::atomic<ReceivedBy> last_by_{ReceivedBy::kHttp};
};

// What an answer names where a request is of nothing that is taken: "/v1/traces, /v1/logs".
inline std::string join_names(const Receivers& receivers, const char* SignalNames::*which) {
    std::string names;
    for (const Signal signal : {Signal::kTraces, Signal::kLogs, Signal::kMetrics})
        if (receivers.of(signal) != nullptr)
            names += (names.empty() ? "" : ", ") + std::string(names_of(signal).*which);
    return names;
}

// By its path of HTTP, or by its method of gRPC.
inline std::optional<Signal> signal_of(std::string_view text, const char* SignalNames::*which = &SignalNames::path) {
    for (const Signal signal : {Signal::kTraces, Signal::kLogs, Signal::kMetrics})
        if (text == names_of(signal).*which) return signal;
    return std::nullopt;
}

}  // namespace spanring::agent
