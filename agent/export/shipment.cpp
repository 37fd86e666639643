// SPDX-License-Identifier: Apache-2.0
#include "export/shipment.hpp"

#include <map>
#include <utility>

#include "export/span_priority.hpp"

namespace spanring::agent {

std::vector<spool::Share> shares_of(std::span<const Run> runs) {
    std::map<AccountId, uint64_t> spans;
    for (const Run& run : runs) spans[run.producer->account()] += run.spans;
    std::vector<spool::Share> shares;
    shares.reserve(spans.size());
    for (const auto& [account, count] : spans) shares.push_back({account, count});
    return shares;
}

std::vector<spool::Share> Shipment::shares() const { return entry ? entry->shares : shares_of(runs()); }

ShipmentPtr ship(std::shared_ptr<Batch> batch, uint64_t sequence) {
    auto shipment = std::make_shared<Shipment>();
    shipment->batch = std::move(batch);
    shipment->sequence = sequence;
    shipment->request = assemble(shipment->batch->runs);
    shipment->spans = shipment->batch->spans;
    shipment->mapped = shipment->batch->pin != nullptr;
    shipment->submitted = std::chrono::steady_clock::now();
    return shipment;
}

ShipmentPtr ship(spool::TakenEntry entry) {
    auto shipment = std::make_shared<Shipment>();
    shipment->entry = std::move(entry);
    const std::string& bytes = shipment->entry->request;
    shipment->request.slices.push_back({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
    shipment->request.bytes = bytes.size();
    shipment->spans = shipment->entry->spans;
    shipment->priority = shipment->entry->priority;
    shipment->submitted = std::chrono::steady_clock::now();
    return shipment;
}

ShipmentPtr ship_part(const ShipmentPtr& whole, std::vector<Run> part, std::optional<Priority> priority) {
    auto shipment = std::make_shared<Shipment>();
    shipment->batch = whole->batch;
    shipment->sequence = whole->sequence;
    shipment->whole = whole;
    shipment->part = std::move(part);
    shipment->priority = priority ? priority : whole->priority;
    shipment->request = assemble(shipment->part);
    for (const Run& run : shipment->part) shipment->spans += run.spans;
    shipment->submitted = whole->submitted;
    return shipment;
}

std::vector<ShipmentPtr> ship_sorted(const ShipmentPtr& whole, std::chrono::nanoseconds slow) {
    std::vector<ShipmentPtr> parts;
    auto lanes = by_priority(whole->runs(), slow);
    for (const Priority priority : kPriorities) {
        std::vector<Run>& runs = lanes[static_cast<size_t>(priority)];
        if (!runs.empty()) parts.push_back(ship_part(whole, std::move(runs), priority));
    }
    return parts;
}

ShipmentPtr unmap(const Shipment& mapped) {
    auto shipment = std::make_shared<Shipment>();
    shipment->batch = mapped.batch;
    shipment->sequence = mapped.sequence;
    shipment->own = copy_runs(mapped.batch->runs);
    shipment->request = assemble(shipment->own->runs);
    shipment->spans = mapped.spans - shipment->own->lost;
    shipment->submitted = mapped.submitted;
    return shipment;
}

}  // namespace spanring::agent
