// SPDX-License-Identifier: Apache-2.0
//
// A provider in a runtime directory of its own, for a test that runs in a process of its own (child_process.hpp): what
// a test leaves open, and what threads remember of it, is no other's. Plays the agent where a test needs one.
#pragma once

#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "ring/chunk_reader.hpp"
#include "spanring/spanring.h"
#include "support/child_process.hpp"
#include "support/extents.hpp"
#include "support/private_directory.hpp"
#include "support/segment_spans.hpp"
#include "trace/process/provider.hpp"

namespace spanring::test {

inline spr_provider_options small_ring() {
    spr_provider_options options = SPR_PROVIDER_OPTIONS_INIT;
    options.memory_limit = 512 * 1024;  // six extents
    return options;
}

inline spr_provider_options large_ring() { return SPR_PROVIDER_OPTIONS_INIT; }

inline spr_statistics statistics_of(const spr_provider* provider) {
    spr_statistics statistics = SPR_STATISTICS_INIT;
    EXPECT_EQ(spr_provider_statistics(provider, &statistics), 0);
    return statistics;
}

inline spr_attribute text_attribute(const char* key, const char* value) {
    spr_attribute attribute = {};
    attribute.key = key;
    attribute.key_size = SPR_NUL;
    attribute.type = SPR_TYPE_STRING;
    attribute.value.string.data = value;
    attribute.value.string.size = SPR_NUL;
    return attribute;
}

inline spr_attribute int_attribute(const char* key, int64_t value) {
    spr_attribute attribute = {};
    attribute.key = key;
    attribute.key_size = SPR_NUL;
    attribute.type = SPR_TYPE_INT64;
    attribute.value.int64 = value;
    return attribute;
}

// Ids that repeat one byte each.
inline spr_context make_context(uint8_t trace, uint8_t span, uint8_t flags, bool remote = false) {
    spr_context context = {};
    memset(context.trace_id, trace, sizeof context.trace_id);
    memset(context.span_id, span, sizeof context.span_id);
    context.trace_flags = flags;
    context.is_remote = remote;
    return context;
}

// What a test does of the agent's work, through the process's own mapping: there is one alone, so TSan sees it all.
class StandInAgent {
public:
    explicit StandInAgent(ring::SegmentView segment) : segment_(segment) {}

    // Frees every FULL chunk; returns how many spans were in them.
    uint64_t release_full() {
        uint64_t spans = 0;
        each_chunk(segment_, [&](uint32_t chunk) {
            const ring::ChunkWord word = ring::ChunkReader<>::committed(segment_.chunk_line(chunk));
            if (word.state != ring::ChunkState::kFull) return;
            spans += word.spans;
            ring::ChunkReader<>::release(segment_, chunk, word.generation);
        });
        return spans;
    }
    // Moves the mark of every chunk to its end, or in one of them to so many spans before it.
    void acknowledge_but(uint32_t pending) {
        each_chunk(segment_, [&](uint32_t chunk) {
            const ring::ChunkWord word = ring::ChunkReader<>::committed(segment_.chunk_line(chunk));
            const uint32_t left = word.spans < pending ? word.spans : pending;
            pending -= left;
            const ring::ChunkWord mark = ring::mark_of(word.generation, word.length - left, word.spans - left);
            if (word.state != ring::ChunkState::kFree)
                ring::StdAtomics::store(segment_.chunk_mark(chunk), mark.pack(), std::memory_order_release);
        });
    }
    // Answers every flush that was asked for.
    void serve_flush() {
        const uint64_t wanted = ring::StdAtomics::load(segment_.writer().flush_wanted, std::memory_order_acquire);
        ring::StdAtomics::store(segment_.control().flushed, wanted, std::memory_order_release);
    }
    void set_policy(uint64_t bits) {
        ring::StdAtomics::store(segment_.control().policy, bits, std::memory_order_release);
    }

private:
    ring::SegmentView segment_;
};

class Tracing {
public:
    Tracing() : Tracing(small_ring()) {}
    explicit Tracing(const spr_provider_options& options) {
        EXPECT_EQ(spr_provider_open(&options, &provider_), 0);
        EXPECT_EQ(spr_tracer_get(provider_, "test", SPR_NUL, nullptr, 0, nullptr, 0, &tracer_), 0);
    }

    spr_provider* provider() { return provider_; }
    spr_tracer* tracer() { return tracer_; }
    const PrivateDirectory& directory() const { return directory_; }
    spr_statistics statistics() const { return statistics_of(provider_); }

    // A recorded span.
    spr_span start(const char* name) {
        spr_span span;
        EXPECT_EQ(spr_span_start(tracer_, name, SPR_NUL, &span), 1);
        return span;
    }
    // A span that is started and ended; returns what the end said, or what the start said if it failed.
    int make(const char* name) {
        spr_span span;
        const int started = spr_span_start(tracer_, name, SPR_NUL, &span);
        return started == 1 ? spr_span_end(&span) : started;
    }

    // From the first span on.
    ring::SegmentView view() { return trace::Provider::of(provider_)->life()->segment.view(); }
    StandInAgent agent() { return StandInAgent(view()); }

    // The only segment in the directory, as it is now.
    SegmentSpans read() const {
        const std::vector<std::string> files = directory_.files();
        EXPECT_EQ(files.size(), 1u);
        return SegmentSpans(directory_.path() + "/" + files.at(0));
    }

private:
    PrivateDirectory directory_;
    spr_provider* provider_ = nullptr;
    spr_tracer* tracer_ = nullptr;
};

// The equations of the public header that hold whenever it is quiet.
inline void expect_balance(const spr_statistics& statistics, uint64_t open, uint64_t committed) {
    EXPECT_EQ(statistics.started, statistics.ended + open);
    EXPECT_EQ(statistics.ended,
              committed + statistics.dropped_full + statistics.dropped_too_big + statistics.dropped_nested);
}

inline std::string_view bytes_of(const uint8_t* bytes, size_t size) {
    return {reinterpret_cast<const char*>(bytes), size};
}
inline std::string trace_id(const spr_context& context) { return std::string(bytes_of(context.trace_id, 16)); }
inline std::string span_id(const spr_context& context) { return std::string(bytes_of(context.span_id, 8)); }

}  // namespace spanring::test
