// SPDX-License-Identifier: Apache-2.0
//
// What a sender has to deliver: a batch, or an entry of the spool, as one request. Never changes once it is shared
// with gRPC, which reads its bytes until it gives the slices back.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "batch/batch.hpp"
#include "batch/priority.hpp"
#include "export/private_runs.hpp"
#include "otlp/request.hpp"
#include "spool/taken_entry.hpp"

namespace spanring::agent {

struct Shipment {
    std::shared_ptr<Batch> batch;  // null: out of the spool
    uint64_t sequence = 0;         // of the batch, as submitted
    std::optional<PrivateRuns> own;
    std::optional<spool::TakenEntry> entry;
    std::shared_ptr<const Shipment> whole;  // of a part: whose memory its runs refer to
    std::vector<Run> part;
    std::optional<Priority> priority;  // nothing: nobody asked, so it has what comes first and the rest
    Request request;
    uint64_t spans = 0;
    bool mapped = false;  // the request points into memory that a process can still write
    std::chrono::steady_clock::time_point submitted{};

    std::span<const Run> runs() const { return whole ? part : own ? std::span<const Run>(own->runs) : batch->runs; }
    std::vector<spool::Share> shares() const;
    // What a queue holds by it; a part, its share of the memory of its batch.
    size_t held() const {
        if (!batch) return request.bytes;
        const size_t memory = whole && batch->spans != 0 ? batch->memory * spans / batch->spans : batch->memory;
        return request.bytes < memory ? memory : request.bytes;
    }
    uint64_t lost() const { return own ? own->lost : 0; }  // spans of the batch that the request does not have
};

using ShipmentPtr = std::shared_ptr<const Shipment>;

ShipmentPtr ship(std::shared_ptr<Batch> batch, uint64_t sequence);
ShipmentPtr ship(spool::TakenEntry entry);
// A copy of a mapped shipment whose bytes are in private memory.
ShipmentPtr unmap(const Shipment& mapped);
// Some of the runs of a batch that goes in several requests; of the lane that `whole` is of, where none is given.
ShipmentPtr ship_part(const ShipmentPtr& whole, std::vector<Run> part, std::optional<Priority> priority = {});

// Its parts by priority; one where all of it goes one way.
std::vector<ShipmentPtr> ship_sorted(const ShipmentPtr& whole, std::chrono::nanoseconds slow);

std::vector<spool::Share> shares_of(std::span<const Run> runs);

}  // namespace spanring::agent
