// SPDX-License-Identifier: Apache-2.0
//
// A look at a segment from outside, while its process and the agent use it: opened read-only, copied by read() and
// never mapped, and nothing of it is ever written.
//
// What it finds is true of one instant. Every counter only ever rises, so where two readings of all of them agree, they
// stood still from the end of the first to the beginning of the second; the slots are read in between, and those that
// show a call in the middle of its steps are recognised by their own words and intents. Where that is not possible,
// `moving` says so.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <variant>

#include "batch/batch.hpp"
#include "ledger/ledger.hpp"
#include "ring/extent_map.hpp"
#include "ring/rule_rows.hpp"
#include "ring/segment_view.hpp"

namespace spanring::agent {

struct SegmentSnapshot {
    std::shared_ptr<const Producer> producer;
    uint64_t created_unix_nano = 0;
    bool alive = false;
    bool attached = false;  // an agent has ever attached to it
    bool quarantined = false;
    WriterTotals writer{};                                  // of a dead process as its recovery will find them
    ring::Totals agent{};                                   // an acknowledgement that is under way counts as done
    std::array<ring::RuleTotals, ring::kRuleRows> rules{};  // likewise
    uint64_t open = 0;                                      // slots that hold an open span
    bool moving = false;        // counters rose while they were read, or a call is half done: they may be a step apart
    uint64_t memory_bytes = 0;  // that the file has
    uint64_t given_back_bytes = 0;  // that its process gave back itself
    uint64_t used_bytes = 0;        // of chunks: full ones whole, open ones as far as they are written
    uint64_t capacity_bytes = 0;    // that chunks may ever have: of extents which are not taken for something else
};

// `directory` is an open directory; `name` a segment's file in it. Otherwise what is wrong with it, as text.
std::variant<SegmentSnapshot, std::string> probe_segment(int directory, const std::string& name);

// Of a copy: how much of the ring is used.
void measure_ring(ring::SegmentView view, const ring::ExtentMap& extents, SegmentSnapshot& ret_snapshot);

}  // namespace spanring::agent
