// SPDX-License-Identifier: Apache-2.0
//
// The part of the sender that ends: where something failed, to begin anew with what it owes; and at the agent's end.
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "export/otlp_sender.hpp"

namespace spanring::agent {

namespace {

constexpr std::chrono::milliseconds kRestartPause{100};
constexpr uint32_t kMostFailuresAtEnd = 3;

}  // namespace

// Everything that an exception may have left halfway is made anew. True: it is the end, and too late for that.
bool OtlpSender::fail(const char* what) {
    failed_ = true;
    sated_.store(false,
                 std::memory_order_relaxed);  // relaxed: see leaves_in_rings(). No ring waits for what may not come
    watch_.reset();
    suspect_.blame();
    books_.note_restart(what);
    log_.begins_again(what);
    const Clock::time_point now = Clock::now();
    const std::optional<Clock::time_point> stop_at = inbox_.stop_at();
    if (stop_at && now >= *stop_at && ++failures_at_end_ >= kMostFailuresAtEnd) {
        inbox_.close(false, now);
        owed_.add(inbox_.take());
        owed_.close_all({Outcome::kLeftBehind, 0});
        return true;
    }
    circuit_.fail(now, {}, circuit_.probing());
    std::this_thread::sleep_for(kRestartPause);
    return false;
}

void OtlpSender::restart() {
    std::unique_ptr<Transport> transport = make_transport_();
    inbox_.undisturbed([&] { transport_.swap(transport); });
    if (transport) transport->abandon();
    transport.reset();
    queue_.clear();
    owed_.forget_parts();
    flights_.forget();
    identity_.forget();
    replays_ = 0;
    open_spool();
    for (const Inbox::Arrival& each : owed_.all()) queue_.push(ship(each.batch, each.sequence));
    failed_ = false;
}

// The end: nothing is waited for any more. What has no answer goes to the spool, of each batch all or nothing.
void OtlpSender::wind_up() {
    std::map<uint64_t, std::vector<ShipmentPtr>> batches;  // by their numbers
    for (ShipmentPtr& shipment : transport_->abandon()) {
        if (shipment->entry)
            spool_.give_back(*shipment);
        else
            batches[shipment->sequence].push_back(std::move(shipment));
    }
    take_inbox();
    while (!queue_.empty()) {
        ShipmentPtr shipment = queue_.take_oldest();
        batches[shipment->sequence].push_back(std::move(shipment));
    }
    for (auto& [sequence, parts] : batches) {
        const bool goes = spool_.is_open() && !parts.front()->batch->partial;
        for (ShipmentPtr& part : parts)
            if (goes && part->mapped) part = unmap(*part);
        const bool stored = goes && spool_.store_all(parts, most_bytes());
        for (const ShipmentPtr& part : parts)
            owed_.close(*part, {stored ? Outcome::kSpooled : Outcome::kLeftBehind, 0});
        parts.clear();
    }
    note_health();
    transport_.reset();
}

}  // namespace spanring::agent
