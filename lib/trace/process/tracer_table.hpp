// SPDX-License-Identifier: Apache-2.0
//
// The tracers of a provider, and the instrumentation scopes that they stand for: a private image of the segment's
// scopes region, entry for entry and byte for byte. Publishing a scope copies it to its place in the segment; doing
// that twice, or by two threads at once, writes the same bytes. The image outlives a fork(), so the child publishes
// anew.
#pragma once

#include <cstdint>

#include "ring/segment_view.hpp"
#include "spanring/spanring.h"

namespace spanring::trace {

class Provider;

}  // namespace spanring::trace

// One of the process's, which no other provider has before thousands of others were taken: until then a pointer to it
// is known for spent, because it leads to a provider that is shut down.
struct spr_tracer {
    spanring::trace::Provider* provider;  // atomic
    uint32_t scope;                       // atomic; in control records; 0 only in a tracer that was never made
    uint32_t published;                   // atomic; Life::number of the segment that has this scope
    uint32_t taken;                       // atomic
};

namespace spanring::trace {

// Where tracers come from. The one that was given back longest ago is taken first.
class TracerPool {
public:
    // COLD, any thread. nullptr: all are taken.
    spr_tracer* take();
    void give(spr_tracer& tracer, Provider& spent);

private:
    static constexpr uint32_t kTracers = 4096;

    uint32_t next_ = 0;
    spr_tracer tracers_[kTracers] = {};
};

class TracerTable {
public:
    // COLD, by one thread alone. Without tracers, whatever it had.
    void open(Provider& provider);
    // COLD, by one thread alone. Gives the tracers back; whoever still has one finds `spent`.
    void close(Provider& spent);

    // COLD, any thread. 0, -EINVAL, -ENOSPC.
    int get(const spr_tracer_options& options, spr_tracer** ret_tracer);

    // COLD, any thread, any number of times.
    void publish(spr_tracer& tracer, ring::SegmentView segment, uint32_t life);

private:
    spr_tracer* find(const uint8_t* bytes, uint32_t scope_size, uint32_t schema_size, uint32_t entries);

    Provider* provider_ = nullptr;
    // What is handed out, in one word so that a tracer is made only if no other was made since the search.
    alignas(8) uint64_t used_ = 0;  // entries << 32 | bytes
    spr_tracer* tracers_[ring::kScopeEntries] = {};
    ring::ScopeEntry entries_[ring::kScopeEntries] = {};
    uint8_t bytes_[ring::kScopesSize - ring::kScopeBytesOffset] = {};
};

}  // namespace spanring::trace
