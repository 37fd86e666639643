// SPDX-License-Identifier: Apache-2.0
//
// The tracers of a provider, and the instrumentation scopes that they stand for: a private image of the segment's
// scopes regions, entry for entry and byte for byte. Publishing a scope copies it to its place in the segment; doing
// that twice, or by two threads at once, writes the same bytes. The image outlives a fork(), so the child publishes
// anew.
#pragma once

#include <cstdint>

#include "ring/segment_view.hpp"
#include "spanring/spanring.h"
#include "trace/base/growing_blocks.hpp"

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

// Where tracers come from. The one that was given back longest ago is taken first. Their memory stays: whoever has a
// tracer may use it for ever.
class TracerPool {
public:
    // COLD, any thread. nullptr: all are taken.
    [[gnu::cold]] spr_tracer* take();
    void give(spr_tracer& tracer, Provider& spent);

private:
    static constexpr uint32_t kFirst = 4096;
    static constexpr uint32_t kBlocks = 4;  // as many as all providers may have scopes

    spr_tracer& at(uint32_t number) { return number < kFirst ? tracers_[number] : more_.at(number); }
    [[gnu::cold]] spr_tracer* take(uint32_t limit);

    uint32_t next_ = 0;
    GrowingBlocks<spr_tracer, kFirst, kBlocks> more_;
    spr_tracer tracers_[kFirst] = {};
};

class TracerTable {
public:
    // COLD, by one thread alone. Without tracers, whatever it had. `may_map`: more scopes than fit into the first
    // region may come, which their segments then take memory for.
    void open(Provider& provider, bool may_map);
    // COLD, by one thread alone. Gives the tracers back; whoever still has one finds `spent`.
    void close(Provider& spent);
    // The only thread of a child: what another one was making is nobody's scope, and nobody waits for it. (A call that
    // the fork() itself interrupted still makes it, and then it may be made once more.)
    void after_fork();
    // COLD. The code goes: gives the memory back that was mapped.
    void unmap();

    // COLD, any thread. 0, -EINVAL, -ENOSPC.
    [[gnu::cold]] int get(const spr_tracer_options& options, spr_tracer** ret_tracer);

    // COLD, any thread, any number of times. False: there is no memory for the scope in the segment now.
    [[gnu::cold]] bool publish(spr_tracer& tracer, ring::SegmentView segment, uint32_t life);

private:
    static constexpr uint32_t kFirst = ring::kFirstScopes;
    static constexpr uint32_t kTableSize = 16384;
    static_assert(kTableSize > 2 * (ring::kScopeEntries - kFirst) && ring::kScopeEntries < (1u << 16));
    // What does not fit into the first region, mapped as one.
    struct More {
        spr_tracer* tracers[ring::kScopeEntries - kFirst];
        ring::ScopeEntry entries[ring::kScopeEntries - kFirst];
        // The first so many of these are in the table: one more than the number of an entry each, at its hash or after.
        uint32_t indexed;
        uint16_t table[kTableSize];
        uint8_t bytes[ring::kScopeBytesEnd - ring::kMoreScopeBytes];
    };

    // relaxed: `used_` has ordered it.
    More& more() const { return *static_cast<More*>(__atomic_load_n(&more_, __ATOMIC_RELAXED)); }
    spr_tracer*& tracer(uint32_t i) { return i < kFirst ? tracers_[i] : more().tracers[i - kFirst]; }
    ring::ScopeEntry& entry(uint32_t i) { return i < kFirst ? entries_[i] : more().entries[i - kFirst]; }
    uint8_t* bytes(uint32_t offset) {
        return offset < ring::kMoreScopeBytes ? bytes_ + (offset - ring::kScopeBytesOffset)
                                              : more().bytes + (offset - ring::kMoreScopeBytes);
    }
    struct Encoded {
        const uint8_t* bytes;
        uint32_t scope_size;
        uint32_t schema_size;
    };
    [[gnu::cold]] spr_tracer* find(const Encoded& scope, uint32_t entries);
    bool becomes_ready(uint32_t i);
    bool is(uint32_t i, const Encoded& scope);
    void index(uint32_t i);

    Provider* provider_ = nullptr;
    bool may_map_ = false;
    void* more_ = nullptr;  // atomic
    // What is handed out, in one word so that a tracer is made only if no other was made since the search.
    alignas(8) uint64_t used_ = 0;  // entries << 32 | the end of their bytes, like ScopeEntry::offset
    spr_tracer* tracers_[kFirst] = {};
    ring::ScopeEntry entries_[kFirst] = {};
    uint8_t bytes_[ring::kScopesSize - ring::kScopeBytesOffset] = {};
};

}  // namespace spanring::trace
