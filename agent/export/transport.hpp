// SPDX-License-Identifier: Apache-2.0
//
// One way to carry requests to a backend. It knows connections and ends every attempt at its deadline; what an end
// leads to (books, retries, the spool) is the sender's.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "batch/exporter.hpp"
#include "export/answer.hpp"
#include "export/request_headers.hpp"
#include "export/shipment.hpp"

namespace spanring::agent {

class Transport {
public:
    using Clock = std::chrono::steady_clock;

    struct Ended {
        ShipmentPtr shipment;
        bool probe = false;
        Answer answer;
    };

    Transport() = default;
    virtual ~Transport() = default;
    Transport(const Transport&) = delete;
    Transport& operator=(const Transport&) = delete;

    virtual const std::string& peer() const = 0;  // for messages

    // Any thread: wait() returns.
    virtual void wake() = 0;

    // Any thread, one at a time.

    // CPU time that threads below used since the last time this was asked.
    virtual std::chrono::nanoseconds threads_cpu() { return std::chrono::nanoseconds(0); }
    // Whether it is this one's peer that does it, where listening costs too much: threads may do the work of several
    // transports, and then CPU time alone does not tell.
    virtual bool is_to_blame() { return true; }
    // Bounds what the kernel keeps of what comes over the connection, where that could not be done before it was there.
    // False: there is an attempt, and no connection yet; to be asked again soon.
    virtual bool settle() { return true; }
    // The peer keeps the agent busy: closes all connections. What is in flight ends as kept_busy(), and wait() returns.
    virtual void cut() = 0;

    // All others: one thread, the sender's.

    // Where it does not carry memory that a process can still write, mapped shipments are copied first. While it is
    // still connecting what would carry them, they are worth waiting for; wait() returns when that is decided.
    virtual bool carries_mapped() { return false; }
    virtual bool connecting() { return false; }
    // The attempt that was started last has a connection on which settle() did its work.
    virtual bool settled() { return true; }

    // `probe`: the backend was down, this one finds out whether it still is.
    virtual void start(ShipmentPtr shipment, bool probe, RequestHeaders headers) = 0;
    // Both throw: FailedShipment where one shipment is the reason; then the transport is good for abandon() alone.
    // What came to its end, each attempt once. Returns when something did, at `until`, when woken, or for no reason.
    virtual std::vector<Ended> wait(Clock::time_point until) = 0;
    // Of attempts that came to their end, and whose memory something below still holds.
    virtual size_t memory_out() const { return 0; }
    // Where it has several.
    virtual std::vector<EndpointStatus> endpoints() const { return {}; }
    // The end: what is in flight, which will not be reported any more. Only the destructor may follow.
    virtual std::vector<ShipmentPtr> abandon() = 0;
};

// start() or wait() could not carry this one: for lack of memory, or because of what is in it.
class FailedShipment : public std::runtime_error {
public:
    FailedShipment(const std::string& what, ShipmentPtr shipment)
        : std::runtime_error(what), shipment_(std::move(shipment)) {}
    const Shipment& shipment() const { return *shipment_; }

private:
    const ShipmentPtr shipment_;
};

// A new one each time; throws std::runtime_error or std::invalid_argument with what is wrong with its options.
using MakeTransport = std::function<std::unique_ptr<Transport>()>;

}  // namespace spanring::agent
