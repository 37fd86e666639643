// SPDX-License-Identifier: Apache-2.0
//
// What an exporter could not deliver yet: requests in append-only files, oldest first, bounded in bytes. What append()
// took survives kill -9 of the agent (page cache), and with `fsync` the death of the host. One agent at a time (a lock
// in the directory); one thread at a time: the exporter's.
//
// An entry is finished by one word in its header, so a restart sends again only what was in flight. Each owner's
// entries are in files of their own: a full spool, or a full disk, drops the oldest file of whoever has most in it and
// reports each lost entry; and what waits is taken of each owner in turn. A damaged entry is reported and costs no
// other.
//
// What comes first is in files of its own, too: of an owner's entries it is taken before the rest, and of an owner's
// files the rest gives way to it; either has a share of the turns and of the room that the other cannot take from it.
// Between owners it makes no difference: whoever says of all that it comes first has no more turns than others.
//
// Header bill: owner_lanes.hpp; spooled_shipments.hpp alone includes it.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>

#include <sys/types.h>

#include "base/descriptor.hpp"
#include "batch/priority.hpp"
#include "spool/owner_lanes.hpp"
#include "spool/spool_options.hpp"
#include "spool/taken_entry.hpp"

namespace spanring::agent {

class Spool {
public:
    using Share = spool::Share;
    using Ticket = spool::Ticket;
    using Entry = spool::TakenEntry;

    // Told of each entry that is lost: the spool was full, or the entry is damaged.
    using OnLost = std::function<void(std::span<const Share> shares)>;

    // Start-up only. Files that are none of a spool's, or in which nothing is sound, are set aside. Throws
    // std::system_error where the system does not let it (a full disk), and std::runtime_error where another agent uses
    // the directory; both name it.
    Spool(const SpoolOptions& options, OnLost on_lost);
    Spool(const Spool&) = delete;
    Spool& operator=(const Spool&) = delete;

    // `owner`: of the processes that `shares` name. False: it is not in the spool, error() says why.
    bool append(uid_t owner, std::span<const Share> shares, std::span<const std::span<const uint8_t>> request,
                Priority priority = Priority::kRest);
    const std::string& error() const { return error_; }
    // What append() took last. As if it had never been there: where it still is, finish() does that.
    const Ticket& appended() const { return appended_; }
    bool has(const Ticket& ticket);  // its file was not dropped

    // Of the owner whose turn it is, and the lane, the oldest entry that is neither taken nor finished. It stays on
    // disk until finish().
    std::optional<Entry> take();
    // To be taken again, in its old place. False: the spool dropped it meanwhile (not reported: the caller has it).
    bool give_back(const Ticket& ticket);
    // Delivered, or rejected.
    void finish(const Ticket& ticket);

    // Spans that are in it and not finished, by process: for the accounts, at the start.
    std::map<AccountId, uint64_t> unfinished();

    bool waiting() const;  // is there anything to take?
    size_t next_bytes();   // the request of what take() gives next; 0: there is nothing
    uint64_t bytes() const { return bytes_; }
    uint64_t bytes(Priority priority) const;
    // Spans that were reported as lost.
    uint64_t lost(Priority priority) const { return lost_[static_cast<size_t>(priority)]; }
    uint64_t damaged() const { return damaged_; }  // entries, or places where entries were

private:
    using Owners = std::map<uid_t, spool::OwnerLanes>;  // who has none has no row

    void lock();
    void recover();
    void recover(const spool::FileName& name);
    uint64_t most_in_a_file() const;
    void make_room(uid_t owner, uint64_t bytes);
    int write(uid_t owner, Priority priority, std::span<const Share> shares,
              std::span<const std::span<const uint8_t>> request, uint64_t size);
    spool::SpoolFile new_file(uid_t owner, Priority priority);
    Owners::iterator biggest(uid_t owner, uint64_t more);
    void drop_oldest(Owners::iterator owner, Priority priority);
    void lose(Priority priority, std::span<const Share> shares);
    Owners::iterator next_turn();
    void rest(spool::SpoolFile& file);
    void remove(Owners::iterator owner, uint64_t file);

    const SpoolOptions options_;
    const uint64_t file_bytes_;
    const OnLost on_lost_;
    Descriptor lock_;
    Owners owners_;
    uid_t last_turn_ = 0;
    std::array<uint64_t, 2> lost_{};
    uint64_t next_number_ = 1;
    uint64_t bytes_ = 0;
    uint64_t damaged_ = 0;
    Ticket appended_;
    std::string error_;
};

}  // namespace spanring::agent
