// SPDX-License-Identifier: Apache-2.0
//
// Of a sender: what has to wait for a later attempt, in memory or in the spool, and what is left at its end.
#include <utility>

#include "export/otlp_sender.hpp"

namespace spanring::agent {

void OtlpSender::keep(ShipmentPtr shipment) {
    if (shipment->entry) {
        if (!options_.retry.enabled) {
            spool_.settle(*shipment, 0, 0, shipment->spans);
            spool_.done(*shipment);
        } else {
            spool_.give_back(*shipment);
        }
        return;
    }
    if (!options_.retry.enabled || shipment->batch->partial) {
        owed_.close(*shipment, {Outcome::kDroppedQueue, 0});
    } else if (spool_.is_open()) {
        to_spool(std::move(shipment), Outcome::kDroppedQueue);
    } else {
        keep_first(std::move(shipment));
    }
}

// For the next attempt.
void OtlpSender::keep_first(ShipmentPtr shipment) {
    if (shipment->entry) return spool_.give_back(*shipment);
    if (shipment->mapped) shipment = unmap(*shipment);
    queue_.push_first(std::move(shipment));
}

// What came out of the spool was of that size when it went into it.
bool OtlpSender::is_too_large(const Shipment& shipment) const {
    if (shipment.spans <= 1) return false;
    return shipment.request.bytes > (shipment.entry ? limit_.most(Clock::now()) : most_bytes());
}

// Into requests that the backend takes, each of one tenant: entries of the spool, or where that is not there or has no
// room, or need not be, parts in memory. False: it is left as it is.
bool OtlpSender::divide(const ShipmentPtr& shipment, bool by_spool) {
    if (shipment->entry) return spool_.divide(*shipment, limit_.most(Clock::now()));
    const ShipmentPtr whole = shipment->mapped ? unmap(*shipment) : shipment;
    if (!by_spool) adaptation_.was_cut();
    if (by_spool && in_spool(*whole)) {
        owed_.close(*whole, {Outcome::kSpooled, 0});
        return true;
    }
    std::vector<std::vector<Run>> parts = tenants_.split(whole->runs(), most_bytes());
    if (parts.size() < 2) return false;
    owed_.divided(*whole, parts.size());
    for (auto part = parts.rbegin(); part != parts.rend(); ++part)
        queue_.push_first(ship_part(whole, std::move(*part)));
    return true;
}

void OtlpSender::to_spool(ShipmentPtr shipment, Outcome otherwise) {
    if (spool_.is_open() && shipment->mapped) shipment = unmap(*shipment);
    owed_.close(*shipment, {in_spool(*shipment) ? Outcome::kSpooled : otherwise, 0});
}

// False: there is none, or it did not take it.
bool OtlpSender::in_spool(const Shipment& shipment) {
    if (!spool_.is_open() || shipment.batch->partial) return false;
    const bool stored = spool_.store(shipment, most_bytes());
    note_health();
    return stored;
}

}  // namespace spanring::agent
