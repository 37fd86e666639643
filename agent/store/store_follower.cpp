// SPDX-License-Identifier: Apache-2.0
#include "store/store_follower.hpp"

#include <sys/stat.h>

#include <utility>

#include "store/operation_slice.hpp"
#include "store/store_schema.hpp"

namespace spanring::agent {

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
    database_ = {};
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
        if (database_.number("SELECT COUNT(*) FROM sqlite_master WHERE name = 'operations'") == 0) return fresh;
        Statement minutes(database_, knows_operations_
                                         ? "SELECT slice, content FROM operations WHERE slice >= ?1 ORDER BY slice"
                                         : "SELECT slice, content FROM operations ORDER BY slice DESC LIMIT 1");
        if (knows_operations_) minutes.bind(1, slice_);
        while (minutes.step()) {
            OperationTable content;
            decode_operations(minutes.blob(1), content);
            const bool same = minutes.unsigned_integer(0) == slice_;
            for (const auto& [name, counts] : content) {
                const auto seen = same ? seen_.find(name) : seen_.end();
                const OperationCounts news = seen != seen_.end() ? counts.since(seen->second) : counts;
                if (knows_operations_ && news.spans() != 0) fresh[name].add(news);
            }
            slice_ = minutes.unsigned_integer(0);
            seen_ = std::move(content);
        }
        knows_operations_ = true;
    } catch (const DatabaseError&) {
        close();
        throw;
    }
    return fresh;
}

}  // namespace spanring::agent
