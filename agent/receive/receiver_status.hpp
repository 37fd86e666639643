// SPDX-License-Identifier: Apache-2.0
//
// What a receiver says of itself, for metrics and log: since the agent's start.
#pragma once

#include <cstdint>

#include "base/mutex.hpp"
#include "receive/refused_connections.hpp"

namespace spanring::agent {

enum class ReceivedBy : uint8_t { kHttp, kGrpc };

struct ReceiverStatus {
    uint64_t accepted_spans = 0;                         // answered for: delivered, kept, rejected or invalid
    uint64_t refused_spans = 0;                          // the sender was asked to send them again
    uint64_t accepted_by_grpc = 0, refused_by_grpc = 0;  // of these spans; the others came by HTTP
    uint64_t invalid_spans = 0;                          // of the accepted ones
    uint64_t accepted_requests = 0;
    uint64_t refused_requests = 0;    // 429, 503: those whose body was not read included
    uint64_t malformed_requests = 0;  // any other 4xx, but
    uint64_t unauthenticated_requests = 0;
    uint64_t kept_requests = 0;  // answered before they were delivered
    uint64_t queued_bytes = 0;   // gauge: in memory
    uint64_t kept_bytes = 0;     // gauge: on disk
    uint64_t connections = 0;    // gauge
    RefusedConnections refused_connections{};
};

class ReceiverStatusBoard {
public:
    void post(const ReceiverStatus& status) {
        const MutexLock lock(mutex_);
        latest_ = status;
    }
    ReceiverStatus latest() const {
        const MutexLock lock(mutex_);
        return latest_;
    }

private:
    mutable Mutex mutex_;
    ReceiverStatus latest_ SPR_GUARDED_BY(mutex_);
};

}  // namespace spanring::agent
