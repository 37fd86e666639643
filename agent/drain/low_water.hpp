// SPDX-License-Identifier: Apache-2.0
//
// The acknowledged low-water mark of one chunk in one generation. Pieces of it are completed in any order; the mark
// moves over those that touch it. Never "the last one that was answered": what is still in flight before it would be
// lost with the agent.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "batch/batch.hpp"
#include "decide/rule_shares.hpp"

namespace spanring::agent {

// A receipt of spans that lay in a file of undecided ones: `chunk` is their entry there.
inline constexpr uint32_t kFiledReceipt = ~uint32_t{0};  // its `begin`, which is no place in a chunk

// What became of one piece, for each exporter: 600 bytes.
struct Completion {
    uint32_t begin = 0;
    uint32_t end = 0;
    uint32_t spans = 0;
    uint32_t invalid = 0;
    uint32_t filtered = 0;
    uint32_t sampled_out = 0;
    std::array<Resolution, ring::kExporterRows> resolutions{};
    std::shared_ptr<const void> plan{};  // of the batch (export_plan.hpp): while it waits here, its indexes are taken
    RuleShares rules{};                  // of what is sampled out
};

// A piece that waits for the mark. Those that left for a file are by the hundred where each span of a trace is in
// another process.
struct WaitingPiece {
    uint32_t begin = 0;
    uint32_t end = 0;
    uint32_t spans = 0;
    uint32_t entry = 0;                          // in a file of undecided ones, where nothing is booked
    std::unique_ptr<const Completion> became{};  // null: it left for that file
};

class LowWater {
public:
    void reset(uint32_t mark, uint32_t spans) {
        mark_ = mark;
        spans_ = spans;
        let_go();
    }

    // Pieces never overlap.
    void complete(WaitingPiece piece);
    void complete(const Completion& piece) {
        complete({piece.begin, piece.end, piece.spans, 0, std::make_unique<Completion>(piece)});
    }

    // The next piece at the mark, which moves over it.
    std::optional<WaitingPiece> advance();

    bool ready() const { return first_ != waiting_.size() && waiting_[first_].begin == mark_; }
    uint32_t mark() const { return mark_; }
    uint32_t spans() const { return spans_; }

private:
    void let_go();

    uint32_t mark_ = 0;                  // bytes
    uint32_t spans_ = 0;                 // below the mark
    size_t first_ = 0;                   // of those that wait
    std::vector<WaitingPiece> waiting_;  // by begin; before the first one there are such as the mark has passed
};

}  // namespace spanring::agent
