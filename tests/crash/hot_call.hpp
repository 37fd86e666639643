// SPDX-License-Identifier: Apache-2.0
//
// Calls that take the fast ways, one each: what a kill, a vanished thread, a handler and a fork must harm no more than
// the general way. What lies around them is not looked at.
#pragma once

#include <cstdint>
#include <string>

#include <spanring/spanring.h>

#include "trace/base/hot_path.hpp"
#include "workload.hpp"

namespace spanring::test {

// What a call works on, and what is to be ended and detached after it.
struct HotState {
    spr_span span{}, other{};  // handle 0: not recorded
    spr_token token{};
    bool is_attached = false;
    spr_start_options options = SPR_START_OPTIONS_INIT;
    spr_context context{};
    spr_tracer* tracer = nullptr;
};

struct HotCall {
    trace::HotPath path;
    const char* name;
    void (*prepare)(Workload&, HotState&);
    void (*call)(Workload&, HotState&);
    // Which it goes on as, where `path` is only its first part.
    trace::HotPath then = path;
};

inline constexpr auto kHotPaths = static_cast<uint32_t>(trace::HotPath::kCount);

// Each is taken by the call of the same place.
extern const HotCall kHotCalls[kHotPaths];

// What the thread needs, once, so that they go as fast as they can.
void warm_up_for_hot_calls(Workload& workload);

void finish(Workload& workload, HotState& state);

// All of them, one after the other, by a thread that is new to the library.
void make_hot_calls(Workload& workload);

// A time-stamp counter for who is stepped from here on: later than all that the thread has read, and as early as
// its anchor allows (SteppedClock).
uint64_t stop_clock(Workload& workload);

// How often each was taken, to be looked at by another process: where the library counts them.
struct HotPathCounts {
    uint32_t of[kHotPaths] = {};

    void note() {
#ifdef SPR_HOT_PATHS
        for (uint32_t path = 0; path < kHotPaths; ++path) of[path] = trace::hot_paths[path];
#endif
    }
    void add(const HotPathCounts& more) {
        for (uint32_t path = 0; path < kHotPaths; ++path) of[path] += more.of[path];
    }
    uint32_t operator[](trace::HotPath path) const { return of[static_cast<uint32_t>(path)]; }
};
inline void forget_hot_paths() {
#ifdef SPR_HOT_PATHS
    for (uint32_t& taken : trace::hot_paths) taken = 0;
#endif
}

// What is left out of `counts`; empty: nothing is.
std::string hot_calls_that_went_another_way(const HotPathCounts& counts);

}  // namespace spanring::test
