// SPDX-License-Identifier: Apache-2.0
//
// The local span store's file: what the exporter writes and the reader reads.
#pragma once

#include "base/database.hpp"

namespace spanring::agent {

// A batch of the agent is a row of `batches` for each user whose processes it holds spans of. Its row of `indexes` is
// what searches read of it (store/batch_index.hpp); of a batch that was stored before there were any it is made when it
// is read.
//
// `held` says whose a row of `batches` is and what it takes, with its row of `indexes`; `owners` what each has in all.
// Owner -1: stored by an agent that did not ask; whoever opens the store next takes it on.
inline constexpr DatabaseSchema kStoreSchema = {"span store", 0x53505253, 3, R"sql(
CREATE TABLE batches (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    stored_unix_nano INTEGER NOT NULL,
    spans INTEGER NOT NULL,
    request BLOB NOT NULL
);
CREATE TABLE indexes (
    batch INTEGER PRIMARY KEY,
    traces BLOB NOT NULL,
    content BLOB NOT NULL
);
CREATE TABLE totals (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE held (
    batch INTEGER PRIMARY KEY,
    owner INTEGER NOT NULL,
    bytes INTEGER NOT NULL
);
CREATE INDEX held_by_owner ON held (owner, batch);
CREATE TABLE owners (
    owner INTEGER PRIMARY KEY,
    bytes INTEGER NOT NULL
);
)sql",
                                                R"sql(
DROP TABLE traces;
CREATE TABLE indexes (
    batch INTEGER PRIMARY KEY,
    traces BLOB NOT NULL,
    content BLOB NOT NULL
);
)sql"};

// Spans that went on when they were sent (drain/heartbeat.hpp): each as it was last, until it, or what its process's
// death left of it, is stored. `request` has it alone. Added beside the tables above, which say nothing of such spans:
// a file without it is as good, and whoever does not know it reads the rest.
inline constexpr char kPartialsTable[] = R"sql(
CREATE TABLE IF NOT EXISTS partials (
    trace_id BLOB NOT NULL,
    span_id BLOB NOT NULL,
    owner INTEGER NOT NULL,
    stored_unix_nano INTEGER NOT NULL,
    request BLOB NOT NULL,
    PRIMARY KEY (trace_id, span_id, owner)
) WITHOUT ROWID;
)sql";

// What operations did, a row for each minute in which they did something (store/operation_slice.hpp). Likewise.
inline constexpr char kOperationsTable[] = R"sql(
CREATE TABLE IF NOT EXISTS operations (
    slice INTEGER PRIMARY KEY,
    content BLOB NOT NULL
);
)sql";

}  // namespace spanring::agent
