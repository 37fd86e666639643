// SPDX-License-Identifier: Apache-2.0
//
// A span of Envoy's, recorded or not: one that is not still carries a context on, and may yet be recorded.
#pragma once

#include <stdint.h>

#include <atomic>
#include <string_view>

#include "pool.hpp"
#include "propagation.hpp"
#include "tracer.hpp"

namespace spanring::envoy {

class Span {
public:
    // nullptr: no memory.
    static Span* start(const Tracer& tracer, void* request, std::string_view operation, bool traced,
                       TraceReason reason);
    Span* start_child(std::string_view name, uint64_t start_time_ns);

    void set_name(std::string_view name);
    void set_tag(std::string_view key, std::string_view value);
    void add_event(uint64_t time_ns, std::string_view name);
    void set_sampled(bool sampled);
    void finish();
    void destroy();

    void inject(void* request) const;
    bool baggage(std::string_view key, std::string_view& ret_value);
    void set_baggage(std::string_view key, std::string_view value);

    bool decision_is_envoys() const { return decision_is_envoys_; }
    std::string_view trace_id();
    std::string_view span_id();

    // The pool's.
    std::atomic<uint32_t> next;
    uint32_t index;
    uint32_t list;

private:
    static Span* take(const Tracer& tracer);
    void begin(std::string_view name, uint64_t start_time_ns, uint32_t sampling);
    void set_request(void* request);
    bool has_ids() const;

    const Tracer* tracer_;
    spr_span span_;
    spr_context parent_;
    uint64_t start_time_ns_;  // 0: now, of one that is recorded
    Texts* texts_;
    uint32_t flags_;  // SPR_PROPAGATED_*
    int kind_;
    bool recorded_;  // it was started; it may have ended
    bool sampled_;   // what goes on with requests
    bool decision_is_envoys_;
    bool ended_;
    uint8_t name_size_;
    char name_[128];  // of one that is not recorded: it may be yet
    char trace_id_[SPR_TRACE_ID_HEX_SIZE];
    char span_id_[SPR_SPAN_ID_HEX_SIZE];
};

using SpanPool = Pool<Span, 64, 16'384>;
extern SpanPool span_pool;

}  // namespace spanring::envoy
