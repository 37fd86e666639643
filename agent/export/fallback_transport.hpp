// SPDX-License-Identifier: Apache-2.0
//
// Several endpoints of one backend, in the order in which they are wanted: the first one gets everything while it takes
// it. What one does not take goes to the next at once, in the same attempt, and so does what comes after it; the
// attempt fails when none took it. A better one is tried again with one request at a time, every `retry_interval`; when
// it takes that, it gets everything again. One that asked for a pause gets nothing until that is over.
//
// Threads as of every Transport. Of memory that processes can still write it carries none.
//
// Header bill: it holds its transports and what each attempt tried; the two ways of OTLP include it.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/log_pace.hpp"
#include "export/transport.hpp"

namespace spanring::agent {

class FallbackTransport final : public Transport {
public:
    // At least one, the most wanted first.
    FallbackTransport(std::string exporter, std::vector<std::unique_ptr<Transport>> endpoints,
                      std::chrono::milliseconds retry_interval);

    const std::string& peer() const override { return endpoints_[current_]->peer(); }
    void wake() override;
    std::chrono::nanoseconds threads_cpu() override;
    bool is_to_blame() override;
    bool settle() override;
    void cut() override;
    bool settled() override;
    void start(ShipmentPtr shipment, bool probe, RequestHeaders headers) override;
    std::vector<Ended> wait(Clock::time_point until) override;
    size_t memory_out() const override;
    std::vector<EndpointStatus> endpoints() const override;
    std::vector<ShipmentPtr> abandon() override;

private:
    struct Figures {
        size_t in_flight = 0;
        uint64_t accepted = 0, failed = 0;
        Clock::time_point alone_until{};  // as it asked for
    };
    struct Flight {
        RequestHeaders headers;
        std::vector<bool> tried;  // by endpoint
    };

    void start_at(size_t endpoint, ShipmentPtr shipment, bool probe, Flight& flight);
    void take(size_t endpoint, std::vector<Ended> attempts, std::vector<Ended>& ended);
    bool try_next(size_t failed, Ended& attempt, Flight& flight);
    void use(size_t endpoint, const std::string& why);
    bool is_left_alone(size_t endpoint, Clock::time_point now) const { return now < figures_[endpoint].alone_until; }
    std::optional<size_t> next_trial(Clock::time_point now);
    size_t in_use(Clock::time_point now);

    const std::string exporter_;
    const std::vector<std::unique_ptr<Transport>> endpoints_;
    const std::chrono::milliseconds retry_interval_;
    size_t current_ = 0;
    std::vector<Figures> figures_;  // of each endpoint
    bool trying_ = false;           // a better one than the current
    size_t next_better_ = 0;        // which of them, in turn
    Clock::time_point next_trial_{};
    std::unordered_map<const Shipment*, Flight> flights_;
    LogPace log_;
};

}  // namespace spanring::agent
