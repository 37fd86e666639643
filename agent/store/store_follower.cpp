// SPDX-License-Identifier: Apache-2.0
#include "store/store_follower.hpp"

#include <sys/stat.h>

#include <span>
#include <utility>

#include "store/operation_slice.hpp"
#include "store/store_schema.hpp"

namespace spanring::agent {
namespace {

std::span<const uint8_t> bytes_of(const std::string& text) {
    return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

}  // namespace

StoreFollower::StoreFollower(std::string file, uint64_t since_unix_nano)
    : file_(std::move(file)), since_unix_nano_(since_unix_nano) {}

// False: there is none.
bool StoreFollower::open() {
    struct stat status {};
    if (::stat(file_.c_str(), &status) != 0) {
        close();
        return false;
    }
    if (open_ && status.st_dev == device_ && status.st_ino == inode_) return true;
    close();
    database_ = Database::open_read_only(file_, kStoreSchema);
    heads_ = Statement(database_, "SELECT id, spans, length(request) FROM batches WHERE id > ?1 ORDER BY id LIMIT ?2");
    request_ = Statement(database_, "SELECT request FROM batches WHERE id = ?1");
    Statement before(database_, "SELECT id FROM batches WHERE stored_unix_nano < ?1 ORDER BY id DESC LIMIT 1");
    before.bind(1, since_unix_nano_);
    last_ = before.step() ? before.unsigned_integer(0) : 0;
    if (status.st_dev != device_ || status.st_ino != inode_) {  // another file: nothing in it was seen
        slice_ = 0;
        seen_.clear();
    }
    device_ = status.st_dev;
    inode_ = status.st_ino;
    open_ = true;
    return true;
}

void StoreFollower::close() {
    heads_ = {};
    request_ = {};
    minutes_ = {};
    database_ = {};
    has_operations_ = false;
    open_ = false;
}

std::vector<StoreFollower::Head> StoreFollower::fresh() {
    std::vector<Head> found;
    try {
        if (!open()) return found;
        heads_.bind(1, last_).bind(2, uint64_t{kMostHeads});
        while (heads_.step())
            found.push_back({heads_.unsigned_integer(0), heads_.unsigned_integer(1), heads_.unsigned_integer(2)});
        heads_.reset();
    } catch (const DatabaseError&) {
        close();
        throw;
    }
    // Ids have no gaps but where something was removed. What was there before the first is not asked for.
    for (const Head& head : found) {
        if (last_ != 0) missed_ += head.id - last_ - 1;
        last_ = head.id;
    }
    return found;
}

bool StoreFollower::read(const Head& batch, std::string& ret_request) {
    if (!open_) return false;
    try {
        request_.bind(1, batch.id);
        const bool there = request_.step();
        if (there) {
            const auto bytes = request_.blob(0);
            ret_request.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        } else {
            ++missed_;
        }
        request_.reset();
        return there;
    } catch (const DatabaseError&) {
        close();
        throw;
    }
}

OperationTable StoreFollower::fresh_operations() {
    OperationTable fresh;
    try {
        if (!open()) return knows_operations_ = true, fresh;
        if (!has_operations()) return fresh;
        if (!knows_operations_) slice_ = static_cast<uint64_t>(database_.number("SELECT MAX(slice) FROM operations"));
        minutes_.reset();
        minutes_.bind(1, slice_);
        while (minutes_.step()) {
            const uint64_t slice = minutes_.unsigned_integer(0);
            const auto bytes = minutes_.blob(1);
            if (slice != slice_) seen_.clear();
            if (knows_operations_) decode_news(bytes, bytes_of(seen_), fresh);
            slice_ = slice;
            seen_.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        }
        minutes_.reset();
        knows_operations_ = true;
    } catch (const DatabaseError&) {
        close();
        throw;
    }
    return fresh;
}

// A file that an agent without these wrote has none, until another writes on.
bool StoreFollower::has_operations() {
    if (has_operations_) return true;
    has_operations_ = database_.number("SELECT COUNT(*) FROM sqlite_master WHERE name = 'operations'") != 0;
    if (has_operations_)
        minutes_ = Statement(database_, "SELECT slice, content FROM operations WHERE slice >= ?1 ORDER BY slice");
    return has_operations_;
}

}  // namespace spanring::agent
