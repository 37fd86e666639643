// SPDX-License-Identifier: Apache-2.0
//
// The local span store's file: what the exporter writes and the reader reads.
#pragma once

#include "base/database.hpp"

namespace spanring::agent {

// A batch of the agent is a row of `batches` for each user whose processes it holds spans of. A row of `traces` is what
// one of these holds of one trace. Its head is the root where it is there, else the span that began first. `services`
// are the names, each followed by a newline.
//
// `held` says whose a row of `batches` is and what it takes, with its rows of `traces`; `owners` what each has in all.
// Owner -1: stored by an agent that did not ask; whoever opens the store next takes it on.
inline constexpr DatabaseSchema kStoreSchema = {"span store", 0x53505253, 2, R"sql(
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
INSERT INTO held SELECT id, -1, length(request) FROM batches;
INSERT INTO owners SELECT owner, SUM(bytes) FROM held GROUP BY owner;
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

}  // namespace spanring::agent
