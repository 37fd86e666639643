// SPDX-License-Identifier: Apache-2.0
//
// Every batch that an exporter still owes an answer, wherever its shipments are, and what became of the parts of those
// that go in several. One thread: the sender's.
//
// Header bill: lists of batches; otlp_sender.hpp alone includes it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>

#include "batch/batch.hpp"
#include "export/batch_parts.hpp"
#include "export/inbox.hpp"

namespace spanring::agent {

class DeliveryBooks;
struct Shipment;

class OwedBatches {
public:
    explicit OwedBatches(DeliveryBooks& books) : books_(books) {}

    const std::list<Inbox::Arrival>& all() const { return owed_; }
    size_t bytes() const { return bytes_; }  // that they hold

    // The first of them, as it is in all().
    std::list<Inbox::Arrival>::const_iterator add(std::list<Inbox::Arrival> arrivals);

    // `shipment`, of a batch, goes in so many parts from now on.
    void divided(const Shipment& shipment, size_t parts);
    // A batch without an answer is sent again as a whole.
    void forget_parts() { parts_.clear(); }

    // An answer: of a shipment, which may be the last part of its batch, or of a whole batch.
    void close(const Shipment& shipment, Resolution resolution);
    void close(const std::shared_ptr<Batch>& batch, uint64_t sequence, Resolution resolution);
    void close_all(Resolution resolution);

private:
    DeliveryBooks& books_;
    std::list<Inbox::Arrival> owed_;
    std::map<uint64_t, BatchParts> parts_;  // by the batch's number
    size_t bytes_ = 0;
};

}  // namespace spanring::agent
