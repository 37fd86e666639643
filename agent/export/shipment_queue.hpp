// SPDX-License-Identifier: Apache-2.0
//
// Shipments that wait for their turn, and how many bytes they hold: the oldest first, of what comes first before the
// rest, in turns. What nobody sorted yet waits among the rest.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include "batch/priority.hpp"
#include "export/shipment.hpp"

namespace spanring::agent {

class ShipmentQueue {
public:
    explicit ShipmentQueue(double first_share = 1) : turns_(first_share) {}

    bool empty() const { return lanes_[0].empty() && lanes_[1].empty(); }
    size_t bytes() const { return bytes_; }
    const Shipment& next() const { return *lane(next_lane()).front(); }
    // Of both lanes.
    const Shipment& oldest() const { return *lane(older_lane()).front(); }
    bool has_unsorted() const { return unsorted_ != 0; }

    void push(ShipmentPtr shipment) { lane_for(*shipment).push_back(std::move(shipment)); }
    // In front of all others of its lane: it had its turn and needs another.
    void push_first(ShipmentPtr shipment) { lane_for(*shipment).push_front(std::move(shipment)); }

    ShipmentPtr take_next() {
        const Priority priority = next_lane();
        if (!lanes_[0].empty() && !lanes_[1].empty()) turns_.took(priority, lane(priority).front()->request.bytes);
        return take_front(priority);
    }
    ShipmentPtr take_oldest() { return take_front(older_lane()); }
    ShipmentPtr take_newest() {
        const bool rest = !lane(Priority::kRest).empty();
        Lane& from = lane(rest ? Priority::kRest : Priority::kFirst);
        ShipmentPtr shipment = std::move(from.back());
        from.pop_back();
        forget(*shipment);
        return shipment;
    }
    // Those that nobody sorted, the oldest first.
    std::vector<ShipmentPtr> take_unsorted() {
        std::vector<ShipmentPtr> taken;
        std::erase_if(lane(Priority::kRest), [&](ShipmentPtr& each) {
            if (!is_unsorted(*each)) return false;
            forget(*each);
            taken.push_back(std::move(each));
            return true;
        });
        return taken;
    }
    void clear() {
        for (Lane& each : lanes_) each.clear();
        bytes_ = unsorted_ = 0;
    }

private:
    using Lane = std::deque<ShipmentPtr>;

    // Spans that go on are not: there will be newer ones.
    static bool is_unsorted(const Shipment& shipment) {
        return !shipment.priority && !(shipment.batch && shipment.batch->partial);
    }
    Lane& lane(Priority priority) { return lanes_[static_cast<size_t>(priority)]; }
    const Lane& lane(Priority priority) const { return lanes_[static_cast<size_t>(priority)]; }
    Priority next_lane() const { return turns_.next(!lane(Priority::kFirst).empty(), !lane(Priority::kRest).empty()); }
    Priority older_lane() const {
        const Lane &first = lane(Priority::kFirst), &rest = lane(Priority::kRest);
        const bool is_first = rest.empty() || (!first.empty() && first.front()->submitted < rest.front()->submitted);
        return is_first ? Priority::kFirst : Priority::kRest;
    }
    Lane& lane_for(const Shipment& shipment) {
        bytes_ += shipment.held();
        unsorted_ += is_unsorted(shipment);
        return lane(shipment.priority.value_or(Priority::kRest));
    }
    ShipmentPtr take_front(Priority priority) {
        ShipmentPtr shipment = std::move(lane(priority).front());
        lane(priority).pop_front();
        forget(*shipment);
        return shipment;
    }
    void forget(const Shipment& shipment) {
        bytes_ -= shipment.held();
        unsorted_ -= is_unsorted(shipment);
    }

    PriorityTurns turns_;
    std::array<Lane, 2> lanes_;
    size_t bytes_ = 0, unsorted_ = 0;
};

}  // namespace spanring::agent
