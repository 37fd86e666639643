// SPDX-License-Identifier: Apache-2.0
#include "export/spooled_shipments.hpp"

#include <algorithm>
#include <map>
#include <span>
#include <system_error>
#include <utility>
#include <vector>

#include <spdlog/spdlog.h>

#include "batch/runs_by_owner.hpp"
#include "export/shares_in_turn.hpp"
#include "export/span_priority.hpp"
#include "otlp/request_runs.hpp"
#include "ring/testpoint.hpp"

namespace spanring::agent {

namespace {

constexpr std::chrono::seconds kTrialPause{5};

}  // namespace

SpooledShipments::SpooledShipments(std::string exporter, const SpoolOptions& options, const PriorityOptions& priority,
                                   Tenants& tenants, DeliveryBooks& books)
    : exporter_(std::move(exporter)), options_(options), priority_(priority), tenants_(tenants), books_(books) {
    if (priority_.enabled) options_.first_share = priority_.share;
    if (options_.enabled) open();
}

std::optional<SpooledShipments::Clock::time_point> SpooledShipments::missing_until() const {
    return missing_ ? std::optional(next_trial_) : std::nullopt;
}

void SpooledShipments::open_again() {
    if (!options_.enabled) return;
    note_lanes();
    spool_.reset();
    lost_ = {};
    open();
}

void SpooledShipments::open() {
    next_trial_ = Clock::now() + kTrialPause;
    try {
        spool_.emplace(options_, [this](std::span<const Spool::Share> shares) {
            books_.book_spooled(shares, 0, 0, spans_of(shares));
        });
    } catch (const std::system_error& error) {
        if (!std::exchange(missing_, true)) spdlog::error("exporter {} has no spool: {}", exporter_, error.what());
        books_.note(error.what());
        return;
    }
    if (std::exchange(missing_, false)) spdlog::info("exporter {} has its spool again", exporter_);
    if (spool_->damaged() != 0) {
        spdlog::error("exporter {}: {} entries or files of its spool in {} are damaged beyond repair", exporter_,
                      spool_->damaged(), options_.directory);
    }
    const std::map<AccountId, uint64_t> held = spool_->unfinished();
    const uint64_t lost = books_.settle_spool(options_.directory, {held.begin(), held.end()});
    if (lost != 0) {
        spdlog::error("exporter {}: {} spans that were in its spool are not there any more; they are booked as dropped",
                      exporter_, lost);
    }
}

ShipmentPtr SpooledShipments::take() {
    std::optional<Spool::Entry> entry = spool_->take();
    return entry ? ship(std::move(*entry)) : nullptr;
}

// None: the mapping's bytes were gone.
std::vector<SpooledShipments::Piece> SpooledShipments::pieces_of(const Shipment& shipment) const {
    std::vector<Piece> pieces;
    for (OwnerRuns& of : runs_by_owner(shipment.runs())) {
        if (shipment.priority || !priority_.enabled) {
            pieces.push_back({of.owner, shipment.priority.value_or(Priority::kRest), std::move(of.runs)});
            continue;
        }
        auto lanes = by_priority(of.runs, priority_.slow);
        for (const Priority priority : kPriorities) {
            std::vector<Run>& runs = lanes[static_cast<size_t>(priority)];
            if (!runs.empty()) pieces.push_back({of.owner, priority, std::move(runs)});
        }
    }
    return pieces;
}

SpooledShipments::Stored SpooledShipments::put(const Shipment& shipment, size_t most) {
    Stored stored;
    const auto append = [&](const Piece& piece, std::span<const Run> runs, const Request& request) {
        const std::vector<Spool::Share> shares = shares_of(runs);
        const uint64_t spans = spans_of(shares);
        stored.sorted[static_cast<size_t>(piece.priority)] += spans;
        if (spool_->append(piece.owner, shares, request.slices, piece.priority)) {
            stored.spans += spans;
            stored.tickets.push_back(spool_->appended());
        } else {
            books_.note(spool_->error());
            stored.refused.insert(stored.refused.end(), shares.begin(), shares.end());
            stored.dropped[static_cast<size_t>(piece.priority)] += spans;
        }
    };
    const std::vector<Piece> pieces = pieces_of(shipment);
    const bool one = pieces.size() == 1 && !(tenants_.asked_for() && tenants_.are_several(shipment.runs()));
    if (one && shipment.request.bytes <= most) {
        append(pieces.front(), shipment.runs(), shipment.request);
    } else {
        for (const Piece& piece : pieces) {
            for (const auto& part : tenants_.split(piece.runs, most)) append(piece, part, assemble(part));
        }
    }
    return stored;
}

void SpooledShipments::book(const Shipment& shipment, const Stored& stored) {
    for (const Priority priority : kPriorities) {
        if (!shipment.priority) books_.count_sorted(priority, stored.sorted[static_cast<size_t>(priority)]);
        books_.count_lane(priority, 0, 0, stored.dropped[static_cast<size_t>(priority)]);
    }
    const uint64_t refused = spans_of(stored.refused);
    if (refused != 0) books_.book_spooled(stored.refused, 0, 0, refused);
    if (const uint64_t gone = shipment.spans + shipment.lost() - stored.spans - refused; gone != 0) {
        const std::vector<Spool::Share> lost = SharesInTurn(shares_of(shipment.batch->runs)).next(gone);
        books_.book_spooled(lost, 0, 0, spans_of(lost));
    }
}

bool SpooledShipments::store(const Shipment& shipment, size_t most) {
    const Stored stored = put(shipment, most);
    if (stored.spans == 0) return false;
    SPR_TESTPOINT(batch_in_spool);
    book(shipment, stored);
    return true;
}

// False: some of it was dropped for other entries, and is booked as that.
bool SpooledShipments::take_back(std::span<const Stored> stored) {
    const auto all_there = [this](const Stored& each) {
        return std::all_of(each.tickets.begin(), each.tickets.end(),
                           [this](const Spool::Ticket& ticket) { return spool_->has(ticket); });
    };
    if (!std::all_of(stored.begin(), stored.end(), all_there)) return false;
    for (const Stored& each : stored)
        for (const Spool::Ticket& ticket : each.tickets) spool_->finish(ticket);
    return true;
}

bool SpooledShipments::store_all(std::span<const ShipmentPtr> parts, size_t most) {
    std::vector<Stored> stored;
    uint64_t spans = 0;
    bool cannot_go_back = false;
    for (const ShipmentPtr& part : parts) {
        stored.push_back(put(*part, most));
        spans += stored.back().spans;
        if (stored.back().refused.empty() || cannot_go_back) continue;
        if (take_back(stored)) return false;
        cannot_go_back = true;
    }
    if (spans == 0) return false;
    SPR_TESTPOINT(batch_in_spool);
    for (size_t i = 0; i < stored.size(); ++i) book(*parts[i], stored[i]);
    return true;
}

void SpooledShipments::settle(const Shipment& taken, uint64_t exported, uint64_t rejected, uint64_t dropped) {
    books_.book_spooled(taken.entry->shares, exported, rejected, dropped);
    books_.count_lane(taken.entry->priority, exported, rejected, dropped);
}

void SpooledShipments::note_lanes() {
    if (!spool_) return;
    for (const Priority priority : kPriorities) {
        const uint64_t lost = spool_->lost(priority);
        books_.count_lane(priority, 0, 0, lost - std::exchange(lost_[static_cast<size_t>(priority)], lost));
        books_.note_spool(priority, spool_->bytes(priority));
    }
}

void SpooledShipments::give_back(const Shipment& taken) {
    if (!spool_->give_back(taken.entry->ticket)) settle(taken, 0, 0, taken.spans);
}

bool SpooledShipments::divide(const Shipment& taken, size_t most) {
    const std::string& request = taken.entry->request;
    const auto runs = runs_of({reinterpret_cast<const uint8_t*>(request.data()), request.size()}, tenants_.signal());
    if (!runs) return false;
    const auto parts = tenants_.split(*runs, most);
    if (parts.size() < 2) return false;
    SharesInTurn shares(taken.entry->shares);
    for (const auto& part : parts) {
        uint64_t spans = 0;
        for (const Run& run : part) spans += run.spans;
        const std::vector<Spool::Share> own = shares.next(spans);
        if (spool_->append(taken.entry->ticket.owner, own, assemble(part).slices, taken.entry->priority)) continue;
        books_.note(spool_->error());
        books_.book_spooled(own, 0, 0, spans_of(own));
        books_.count_lane(taken.entry->priority, 0, 0, spans_of(own));
    }
    done(taken);
    return true;
}

}  // namespace spanring::agent
