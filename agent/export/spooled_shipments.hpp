// SPDX-License-Identifier: Apache-2.0
//
// A sender's spool: shipments into it and out of it, and what became of their spans in the books. Where the disk does
// not take it, it is as if there were none, and it is tried again. One thread at a time: the sender's.
//
// Header bill: it holds a whole Spool; otlp_sender.hpp alone includes it.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "export/delivery_books.hpp"
#include "export/priority_options.hpp"
#include "export/shipment.hpp"
#include "export/tenants.hpp"
#include "spool/spool.hpp"

namespace spanring::agent {

class SpooledShipments {
public:
    using Clock = std::chrono::steady_clock;

    // `tenants` and `books` stay the caller's, and must live as long. Throws std::runtime_error where another agent has
    // the spool.
    SpooledShipments(std::string exporter, const SpoolOptions& options, const PriorityOptions& priority,
                     Tenants& tenants, DeliveryBooks& books);

    bool is_open() const { return spool_.has_value(); }
    // Is it to be there, and not? Then when to try again.
    std::optional<Clock::time_point> missing_until() const;
    // As it is on disk: an entry that was taken is in it again.
    void open_again();

    uint64_t bytes() const { return spool_ ? spool_->bytes() : 0; }
    bool waiting() const { return spool_ && spool_->waiting(); }
    size_t next_bytes() { return spool_->next_bytes(); }  // of what take() gives next, while something waits
    ShipmentPtr take();                                   // null: there is nothing, after all

    // Stores it, of each owner, lane and tenant by itself, in entries of at most `most` bytes. Answers for all of its
    // spans from here: what does not get in is booked as lost. False: nothing got in, and nothing is booked.
    bool store(const Shipment& shipment, size_t most);
    // The end: all of these, which are what is left of a batch, or nothing of any, so that the next agent has each span
    // from one place. Only where the room for one cost another its place it is as in store().
    bool store_all(std::span<const ShipmentPtr> parts, size_t most);

    // What was taken. settle() books what became of its spans, and done() removes it; between them it is on disk, and
    // would be sent again.
    void settle(const Shipment& taken, uint64_t exported, uint64_t rejected, uint64_t dropped);
    void done(const Shipment& taken) { spool_->finish(taken.entry->ticket); }
    // To be taken again, unless its file was dropped meanwhile.
    void give_back(const Shipment& taken);
    // Into entries of one tenant and of at most `most` bytes. False: it cannot be cut, and is left as it is.
    bool divide(const Shipment& taken, size_t most);

    // How much is in its lanes, and what was lost of them, for the books.
    void note_lanes();

private:
    struct Piece {
        uid_t owner = 0;
        Priority priority = Priority::kRest;
        std::vector<Run> runs;
    };

    struct Stored {
        std::vector<Spool::Ticket> tickets;
        uint64_t spans = 0;
        std::vector<Spool::Share> refused;
        std::array<uint64_t, 2> sorted{}, dropped{};  // by lane
    };

    void open();
    std::vector<Piece> pieces_of(const Shipment& shipment) const;
    Stored put(const Shipment& shipment, size_t most);
    void book(const Shipment& shipment, const Stored& stored);
    bool take_back(std::span<const Stored> stored);

    const std::string exporter_;
    SpoolOptions options_;
    const PriorityOptions priority_;
    Tenants& tenants_;
    DeliveryBooks& books_;
    std::optional<Spool> spool_;
    bool missing_ = false;            // it could not be opened
    Clock::time_point next_trial_{};  // when to try again
    std::array<uint64_t, 2> lost_{};  // of each lane, as noted
};

}  // namespace spanring::agent
