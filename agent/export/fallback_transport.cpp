// SPDX-License-Identifier: Apache-2.0
#include "export/fallback_transport.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include <spdlog/spdlog.h>

#include "export/circuit.hpp"

namespace spanring::agent {

namespace {

constexpr std::chrono::milliseconds kLook{20};  // at the others, while something is on its way there

}  // namespace

FallbackTransport::FallbackTransport(std::string exporter, std::vector<std::unique_ptr<Transport>> endpoints,
                                     std::chrono::milliseconds retry_interval)
    : exporter_(std::move(exporter)),
      endpoints_(std::move(endpoints)),
      retry_interval_(retry_interval),
      figures_(endpoints_.size()) {}

// All: which one the sender waits in changes.
void FallbackTransport::wake() {
    for (const auto& each : endpoints_) each->wake();
}

// Threads below are those of all transports of a kind.
std::chrono::nanoseconds FallbackTransport::threads_cpu() { return endpoints_.front()->threads_cpu(); }

bool FallbackTransport::is_to_blame() {
    return std::any_of(endpoints_.begin(), endpoints_.end(), [](const auto& each) { return each->is_to_blame(); });
}

bool FallbackTransport::settle() {
    bool done = true;
    for (const auto& each : endpoints_) done = each->settle() && done;
    return done;
}

void FallbackTransport::cut() {
    for (const auto& each : endpoints_) each->cut();
}

bool FallbackTransport::settled() {
    return std::all_of(endpoints_.begin(), endpoints_.end(), [](const auto& each) { return each->settled(); });
}

size_t FallbackTransport::memory_out() const {
    size_t bytes = 0;
    for (const auto& each : endpoints_) bytes += each->memory_out();
    return bytes;
}

void FallbackTransport::start(ShipmentPtr shipment, bool probe, RequestHeaders headers) {
    Flight& flight = flights_[shipment.get()];
    flight = {std::move(headers), std::vector<bool>(endpoints_.size())};
    const Clock::time_point now = Clock::now();
    const std::optional<size_t> trial = next_trial(now);
    start_at(trial ? *trial : in_use(now), std::move(shipment), probe, flight);
}

// The current one; or those after it, while it is left alone. Where all are, somebody has to be asked.
size_t FallbackTransport::in_use(Clock::time_point now) {
    for (size_t i = current_; i < endpoints_.size(); ++i) {
        if (is_left_alone(i, now)) continue;
        use(i, "it asked for a pause");
        break;
    }
    return current_;
}

// Of a better endpoint, where it is time for one.
std::optional<size_t> FallbackTransport::next_trial(Clock::time_point now) {
    if (trying_ || now < next_trial_) return std::nullopt;
    for (size_t i = 0; i < current_; ++i) {
        const size_t endpoint = next_better_++ % current_;
        if (is_left_alone(endpoint, now)) continue;
        trying_ = true;
        next_trial_ = now + retry_interval_;
        return endpoint;
    }
    return std::nullopt;
}

void FallbackTransport::start_at(size_t endpoint, ShipmentPtr shipment, bool probe, Flight& flight) {
    flight.tried[endpoint] = true;
    ++figures_[endpoint].in_flight;
    endpoints_[endpoint]->start(std::move(shipment), probe, flight.headers);
}

std::vector<Transport::Ended> FallbackTransport::wait(Clock::time_point until) {
    std::vector<Ended> ended;
    const size_t current = current_;
    for (size_t i = 0; i < endpoints_.size(); ++i)
        if (i != current && figures_[i].in_flight != 0) take(i, endpoints_[i]->wait(Clock::now()), ended);
    if (!ended.empty() || current != current_) return ended;
    // Looked at last: what one did not take may have gone to one before it.
    const bool elsewhere = flights_.size() != figures_[current].in_flight;
    take(current, endpoints_[current]->wait(elsewhere ? std::min(until, Clock::now() + kLook) : until), ended);
    return ended;
}

void FallbackTransport::take(size_t endpoint, std::vector<Ended> attempts, std::vector<Ended>& ended) {
    for (Ended& attempt : attempts) {
        Figures& figures = figures_[endpoint];
        --figures.in_flight;
        ++(attempt.answer.verdict == Verdict::kRetry ? figures.failed : figures.accepted);
        if (attempt.answer.verdict == Verdict::kRetry && attempt.answer.delay)
            figures.alone_until =
                Clock::now() + std::min<Clock::duration>(*attempt.answer.delay, Circuit::kLongestPause);
        const auto flight = flights_.find(attempt.shipment.get());
        if (endpoint < current_) {  // a trial, or what was on its way when it failed
            trying_ = false;
            if (attempt.answer.verdict != Verdict::kRetry) use(endpoint, "it is back");
        }
        if (attempt.answer.verdict == Verdict::kRetry && try_next(endpoint, attempt, flight->second)) continue;
        flights_.erase(flight);
        ended.push_back(std::move(attempt));
    }
}

// False: no endpoint is left for it.
bool FallbackTransport::try_next(size_t failed, Ended& attempt, Flight& flight) {
    const Clock::time_point now = Clock::now();
    const auto is_open = [&](size_t endpoint) { return !flight.tried[endpoint] && !is_left_alone(endpoint, now); };
    const auto left = [&](size_t from) {
        while (from < endpoints_.size() && !is_open(from)) ++from;
        return from;
    };
    size_t next = is_open(current_) ? current_ : left(failed + 1);
    if (next == endpoints_.size()) next = left(0);
    if (next == endpoints_.size()) {
        use(0, attempt.answer.message);  // when it is tried again, the best one is first
        return false;
    }
    if (failed == current_) use(next, attempt.answer.message);
    start_at(next, std::move(attempt.shipment), attempt.probe, flight);
    return true;
}

void FallbackTransport::use(size_t endpoint, const std::string& why) {
    if (endpoint == current_) return;
    if (endpoint > current_) next_trial_ = Clock::now() + retry_interval_;
    if (const auto more = log_.due()) {
        spdlog::warn("exporter {}: spans go to {} from now on, not to {}: {}{}", exporter_,
                     endpoints_[endpoint]->peer(), endpoints_[current_]->peer(), why, *more);
    }
    current_ = endpoint;
    trying_ = false;  // what was tried may not be better any more, and its end says nothing then
}

std::vector<EndpointStatus> FallbackTransport::endpoints() const {
    std::vector<EndpointStatus> all;
    for (size_t i = 0; i < endpoints_.size(); ++i)
        all.push_back(
            {endpoints_[i]->peer(), i == current_, figures_[i].in_flight, figures_[i].accepted, figures_[i].failed});
    return all;
}

std::vector<ShipmentPtr> FallbackTransport::abandon() {
    std::vector<ShipmentPtr> left;
    for (const auto& each : endpoints_) {
        std::vector<ShipmentPtr> there = each->abandon();
        std::move(there.begin(), there.end(), std::back_inserter(left));
    }
    return left;
}

}  // namespace spanring::agent
