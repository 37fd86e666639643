// SPDX-License-Identifier: Apache-2.0
//
// Shipments that wait for their turn, the oldest first, and how many bytes they hold.
#pragma once

#include <cstddef>
#include <deque>
#include <utility>

#include "export/shipment.hpp"

namespace spanring::agent {

class ShipmentQueue {
public:
    bool empty() const { return queue_.empty(); }
    size_t bytes() const { return bytes_; }
    const Shipment& oldest() const { return *queue_.front(); }

    void push(ShipmentPtr shipment) {
        bytes_ += shipment->held();
        queue_.push_back(std::move(shipment));
    }
    // In front of all others: it had its turn and needs another.
    void push_first(ShipmentPtr shipment) {
        bytes_ += shipment->held();
        queue_.push_front(std::move(shipment));
    }

    ShipmentPtr take_oldest() {
        ShipmentPtr shipment = std::move(queue_.front());
        queue_.pop_front();
        bytes_ -= shipment->held();
        return shipment;
    }
    ShipmentPtr take_newest() {
        ShipmentPtr shipment = std::move(queue_.back());
        queue_.pop_back();
        bytes_ -= shipment->held();
        return shipment;
    }

private:
    std::deque<ShipmentPtr> queue_;
    size_t bytes_ = 0;
};

}  // namespace spanring::agent
