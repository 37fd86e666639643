// SPDX-License-Identifier: Apache-2.0
//
// The local span store's file: what the exporter writes and the reader reads.
#pragma once

#include "base/database.hpp"

namespace spanring::agent {

// A row of `traces` is what one batch holds of one trace. Its head is the root where this batch has it, else the span
// that began first. `services` are the names, each followed by a newline.
inline constexpr DatabaseSchema kStoreSchema = {"span store", 0x53505253, 1, R"sql(
CREATE TABLE batches (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    stored_unix_nano INTEGER NOT NULL,
    spans INTEGER NOT NULL,
    request BLOB NOT NULL
);
CREATE TABLE traces (
    trace_id BLOB NOT NULL,
    batch INTEGER NOT NULL,
    first_start INTEGER NOT NULL,
    last_end INTEGER NOT NULL,
    spans INTEGER NOT NULL,
    errors INTEGER NOT NULL,
    unfinished INTEGER NOT NULL,
    head_is_root INTEGER NOT NULL,
    head_start INTEGER NOT NULL,
    head_name TEXT NOT NULL,
    head_service TEXT NOT NULL,
    services TEXT NOT NULL,
    PRIMARY KEY (trace_id, batch)
) WITHOUT ROWID;
CREATE INDEX traces_by_start ON traces (first_start);
CREATE INDEX traces_by_batch ON traces (batch);
CREATE TABLE totals (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) WITHOUT ROWID;
)sql"};

}  // namespace spanring::agent
