// SPDX-License-Identifier: Apache-2.0
//
// All that a segment's file says, live, dead, copied from another host, truncated or damaged: read once into private
// memory, read-only and without any lock, and then looked at with the agent's eyes. What breaks a rule is a problem
// with its place in the file, and everything else is shown nevertheless.
//
// Beside a living process: what is shown of a chunk was whole when it was copied; a chunk or slot that changed hands
// meanwhile is left out, and `moving` says that the numbers are of several instants.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "batch/batch.hpp"
#include "ring/chunk_word.hpp"
#include "segment/segment_copy.hpp"
#include "segment/segment_probe.hpp"

namespace spanring::agent {

struct DumpProblem {
    uint64_t offset = 0;  // in the file
    std::string what;
};

struct DumpedSpan {
    std::shared_ptr<const Scope> scope;
    std::span<const uint8_t> body;  // the inside of a Span: validated, repaired; memory of the dump
    uint64_t start_unix_nano = 0;
    uint64_t end_unix_nano = 0;
    bool acknowledged = false;  // below the agent's mark
    bool open = false;          // never ended: the end is the last sign of life
    uint32_t thread = 0;        // open: that started it
};

struct ChunkSum {
    uint64_t chunks = 0;
    uint64_t bytes = 0;  // committed
    uint64_t spans = 0;
};
inline constexpr size_t kChunkStates = static_cast<size_t>(ring::ChunkState::kEvicting) + 1;
const char* state_name(ring::ChunkState state);

struct SegmentDump {
    static constexpr size_t kMostProblems = 100;

    uint64_t file_size = 0;
    ring::Header header{};
    bool understood = false;  // false: nothing below was read
    uint64_t extents = 0;     // counted and there
    uint64_t attachments = 0;
    uint64_t given_back = 0;  // bytes, by the process itself
    uint64_t policy = 0;
    SegmentSnapshot numbers;
    std::array<ChunkSum, kChunkStates> chunks{};
    std::vector<DumpedSpan> ended;      // by end
    std::vector<DumpedSpan> open;       // by start
    uint64_t last_sign_unix_nano = 0;   // of the dead: the newest time in the file. Of the living: now
    uint64_t left_out = 0;              // chunks and slots that changed while they were read
    std::vector<DumpProblem> problems;  // the first ones
    uint64_t more_problems = 0;

    // What the spans point into.
    std::optional<SegmentCopy> copy;
    std::deque<std::vector<uint8_t>> unfinished;
};

// A file that cannot be opened, or has no header: why.
std::variant<SegmentDump, std::string> read_dump(const std::string& file);

}  // namespace spanring::agent
