// SPDX-License-Identifier: Apache-2.0
#include "store/operation_log.hpp"

#include <string>
#include <string_view>
#include <utility>

#include "base/wall_clock.hpp"
#include "store/operation_slice.hpp"
#include "store/store_schema.hpp"

namespace spanring::agent {
namespace {

int64_t slice_of(int64_t unix_nano) { return unix_nano / static_cast<int64_t>(kNanosecondsOfSlice); }

// Adds what came on top of `before`. False: nothing did.
bool add_news(const OperationTable& measured, const OperationTable& before, OperationTable& ret_content) {
    static const OperationCounts kNothing;
    bool any = false;
    for (const auto& [name, counts] : measured) {
        const auto known = before.find(name);
        const OperationCounts news = counts.since(known != before.end() ? known->second : kNothing);
        if (news.spans() == 0) continue;
        ret_content[name].add(news);
        any = true;
    }
    return any;
}

}  // namespace

OperationLog::OperationLog(Database& database, uint64_t most_bytes, OperationTable written)
    : database_(database), most_bytes_(most_bytes), before_(std::move(written)) {
    database_.execute(kOperationsTable);
    Statement(database_, "INSERT OR IGNORE INTO totals SELECT ?1, ?2 WHERE NOT EXISTS (SELECT 1 FROM operations)")
        .bind(1, std::string_view(kOperationsSince))
        .bind(2, unix_nano())
        .run();
    read_ = Statement(database_, "SELECT content FROM operations WHERE slice = ?1");
    write_ = Statement(database_, "REPLACE INTO operations VALUES (?1, ?2)");
    delete_before_ = Statement(database_, "DELETE FROM operations WHERE slice < ?1");
    bytes_ = Statement(database_, "SELECT SUM(LENGTH(content)) FROM operations");
    delete_oldest_ = Statement(database_, "DELETE FROM operations WHERE slice = (SELECT MIN(slice) FROM operations)");
}

bool OperationLog::put(OperationTable measured, int64_t now) {
    const int64_t slice = slice_of(now);
    OperationTable content = slice == slice_ ? content_ : written_in(slice);
    if (!add_news(measured, before_, content)) return false;
    const std::string bytes = encode_operations(content);
    Transaction transaction(database_);
    write_.reset();  // an earlier one may have failed in the middle
    write_.bind(1, slice).bind(2, std::span(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size())).run();
    if (slice != slice_) give_way();
    transaction.commit();
    before_ = std::move(measured);
    content_ = std::move(content);
    slice_ = slice;
    return true;
}

void OperationLog::forget_before(int64_t oldest) { delete_before_.bind(1, slice_of(oldest)).run(); }

OperationTable OperationLog::written_in(int64_t slice) {
    OperationTable content;
    read_.reset();
    read_.bind(1, slice);
    if (read_.step() && !decode_operations(read_.blob(0), content)) content.clear();
    read_.reset();
    return content;
}

// The oldest first.
void OperationLog::give_way() {
    bytes_.reset();
    uint64_t bytes = bytes_.step() ? bytes_.unsigned_integer(0) : 0;
    for (; bytes > most_bytes_; bytes = bytes_.step() ? bytes_.unsigned_integer(0) : 0) {
        bytes_.reset();
        delete_oldest_.run();
        if (database_.changes() == 0) break;
    }
    bytes_.reset();
}

}  // namespace spanring::agent
