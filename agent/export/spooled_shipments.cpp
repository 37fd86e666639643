// SPDX-License-Identifier: Apache-2.0
#include "export/spooled_shipments.hpp"

#include <map>
#include <span>
#include <system_error>
#include <utility>
#include <vector>

#include <spdlog/spdlog.h>

#include "batch/runs_by_owner.hpp"
#include "export/shares_in_turn.hpp"
#include "otlp/request_runs.hpp"
#include "ring/testpoint.hpp"

namespace spanring::agent {

namespace {

constexpr std::chrono::seconds kTrialPause{5};

}  // namespace

SpooledShipments::SpooledShipments(std::string exporter, const SpoolOptions& options, Tenants& tenants,
                                   DeliveryBooks& books)
    : exporter_(std::move(exporter)), options_(options), tenants_(tenants), books_(books) {
    if (options_.enabled) open();
}

std::optional<SpooledShipments::Clock::time_point> SpooledShipments::missing_until() const {
    return missing_ ? std::optional(next_trial_) : std::nullopt;
}

void SpooledShipments::open_again() {
    if (!options_.enabled) return;
    spool_.reset();
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

bool SpooledShipments::store(const Shipment& shipment, size_t most) {
    uint64_t stored = 0;
    std::vector<Spool::Share> refused;
    const auto append = [&](uid_t owner, std::span<const Run> runs, const Request& request) {
        const std::vector<Spool::Share> shares = shares_of(runs);
        if (spool_->append(owner, shares, request.slices)) {
            stored += spans_of(shares);
        } else {
            books_.note(spool_->error());
            refused.insert(refused.end(), shares.begin(), shares.end());
        }
    };
    const std::vector<OwnerRuns> owners = runs_by_owner(shipment.runs());  // none: the mapping's bytes were gone
    const bool one = owners.size() == 1 && !(tenants_.asked_for() && tenants_.are_several(shipment.runs()));
    if (one && shipment.request.bytes <= most) {
        append(owners.front().owner, shipment.runs(), shipment.request);
    } else {
        for (const auto& [owner, runs] : owners) {
            for (const auto& part : tenants_.split(runs, most)) append(owner, part, assemble(part));
        }
    }
    if (stored == 0) return false;
    SPR_TESTPOINT(batch_in_spool);
    if (!refused.empty()) books_.book_spooled(refused, 0, 0, spans_of(refused));
    if (const uint64_t gone = shipment.spans + shipment.lost() - stored - spans_of(refused); gone != 0) {
        const std::vector<Spool::Share> lost = SharesInTurn(shares_of(shipment.batch->runs)).next(gone);
        books_.book_spooled(lost, 0, 0, spans_of(lost));
    }
    return true;
}

void SpooledShipments::settle(const Shipment& taken, uint64_t exported, uint64_t rejected, uint64_t dropped) {
    books_.book_spooled(taken.entry->shares, exported, rejected, dropped);
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
        if (spool_->append(taken.entry->ticket.owner, own, assemble(part).slices)) continue;
        books_.note(spool_->error());
        books_.book_spooled(own, 0, 0, spans_of(own));
    }
    done(taken);
    return true;
}

}  // namespace spanring::agent
