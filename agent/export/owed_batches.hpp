// SPDX-License-Identifier: Apache-2.0
//
// Every batch that an exporter still owes an answer, wherever its shipments are, and what became of the parts of those
// that go in several. One thread: the sender's.
//
// Header bill: lists of batches; otlp_sender.hpp alone includes it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>

#include "batch/batch.hpp"
#include "batch/priority.hpp"
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
    void forget_parts();

    // Spans of that batch go into that lane: how many of them for the first time, since no answer has come.
    uint64_t newly_sorted(uint64_t sequence, Priority priority, uint64_t spans);

    // An answer: of a shipment, which may be the last part of its batch, or of a whole batch.
    void close(const Shipment& shipment, Resolution resolution);
    void close(const std::shared_ptr<Batch>& batch, uint64_t sequence, Resolution resolution);
    void close_all(Resolution resolution);

private:
    struct Sorted {  // by lane, and without an answer
        std::array<uint64_t, 2> spans{};
        std::array<uint64_t, 2> before{};  // and not sorted again since the parts were forgotten
    };

    DeliveryBooks& books_;
    std::list<Inbox::Arrival> owed_;
    std::map<uint64_t, BatchParts> parts_;  // by the batch's number
    std::map<uint64_t, Sorted> sorted_;     // likewise
    size_t bytes_ = 0;
};

}  // namespace spanring::agent
