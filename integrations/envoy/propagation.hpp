// SPDX-License-Identifier: Apache-2.0
//
// What comes with a request and goes on with it, by the propagators that the configuration names; those of the process
// (spr_propagators_set) are one list for all, and two listeners may have two.
#pragma once

#include <stdint.h>

#include <atomic>
#include <string_view>

#include "configuration.hpp"
#include "pool.hpp"

namespace spanring::envoy {

// Trace state and baggage of a span. Most have neither, and no such block.
struct Texts {
    std::atomic<uint32_t> next;
    uint32_t index;
    uint32_t list;
    spr_text trace_state;
    spr_text baggage;
    char trace_state_memory[SPR_TRACESTATE_SIZE];
    char baggage_memory[SPR_BAGGAGE_SIZE];
    char decoded[SPR_BAGGAGE_SIZE];  // what get_baggage has answered

    void clear() {
        trace_state = {trace_state_memory, 0, sizeof trace_state_memory};
        baggage = {baggage_memory, 0, sizeof baggage_memory};
    }
};

using TextsPool = Pool<Texts, 16, 4'096>;
extern TextsPool texts_pool;

Texts* take_texts();  // empty; nullptr: no memory
Texts* copy_of(const Texts* texts);

struct Incoming {
    spr_context context;  // all zero: none
    uint32_t flags;       // SPR_PROPAGATED_*
    bool has_context;
    bool has_decision;  // B3's, which may come without ids: `sampled` is it
    bool sampled;
    Texts* texts;  // the caller's to give back; nullptr: neither
};

// Of two propagators that find a context the later one counts.
void extract(const Configuration& configuration, void* request, Incoming& ret_incoming);

// The value of a header. false: there is none.
bool get_header(void* request, std::string_view key, std::string_view& ret);

struct Outgoing {
    const spr_context* context;
    uint32_t flags;
    spr_text trace_state;
    spr_text baggage;
};

// Without a valid context only baggage is written. What has no value this time is removed.
void inject(const Configuration& configuration, void* request, const Outgoing& outgoing);

}  // namespace spanring::envoy
