// SPDX-License-Identifier: Apache-2.0
#include "propagation.hpp"

#include <string.h>

#include <string_view>

#include "tracer_abi.hpp"

namespace spanring::envoy {
namespace {

constexpr std::string_view kTraceParent = "traceparent";
constexpr std::string_view kTraceState = "tracestate";
constexpr std::string_view kBaggage = "baggage";
constexpr std::string_view kB3 = "b3";
constexpr std::string_view kB3TraceId = "x-b3-traceid";
constexpr std::string_view kB3SpanId = "x-b3-spanid";
constexpr std::string_view kB3ParentSpanId = "x-b3-parentspanid";
constexpr std::string_view kB3Sampled = "x-b3-sampled";
constexpr std::string_view kB3Flags = "x-b3-flags";

void set(void* request, std::string_view key, std::string_view value) {
    envoy_dynamic_module_callback_tracer_set_trace_context_value(request, {key.data(), key.size()},
                                                                 {value.data(), value.size()});
}

void remove(void* request, std::string_view key) {
    envoy_dynamic_module_callback_tracer_remove_trace_context_value(request, {key.data(), key.size()});
}

void set_or_remove(void* request, std::string_view key, std::string_view value) {
    if (value.empty())
        remove(request, key);
    else
        set(request, key, value);
}

Texts* texts_of(Incoming& incoming) {
    if (incoming.texts == nullptr) incoming.texts = take_texts();
    return incoming.texts;
}

void take_context(Incoming& incoming, const spr_context& context, uint32_t flags) {
    incoming.context = context;
    incoming.flags = flags;
    incoming.has_context = true;
    incoming.has_decision = true;
    incoming.sampled = (context.trace_flags & SPR_TRACE_FLAG_SAMPLED) != 0;
    if (incoming.texts != nullptr) incoming.texts->trace_state.size = 0;  // that of another context
}

void extract_w3c(void* request, Incoming& incoming) {
    std::string_view header;
    spr_context context;
    if (!get_header(request, kTraceParent, header)) return;
    if (spr_traceparent_extract(header.data(), header.size(), &context) != 0) return;
    take_context(incoming, context, 0);
    if (!get_header(request, kTraceState, header) || header.empty() || texts_of(incoming) == nullptr) return;
    spr_tracestate_extract(header.data(), header.size(), &incoming.texts->trace_state);
}

// What B3 says, in one header or several: `found` is 1 with ids, 0 with a decision alone.
void take_b3(Incoming& incoming, int found, const spr_context& context, uint32_t flags) {
    if (found > 0) {
        take_context(incoming, context, flags);
    } else if (found == 0 && !incoming.has_context) {
        incoming.has_decision = true;
        incoming.sampled = (context.trace_flags & SPR_TRACE_FLAG_SAMPLED) != 0;
        incoming.flags = flags;
    }
}

void extract_b3(void* request, Incoming& incoming) {
    std::string_view header;
    spr_context context;
    uint32_t flags = 0;
    if (!get_header(request, kB3, header)) return;
    const int found = spr_b3_extract(header.data(), header.size(), &context, &flags);
    take_b3(incoming, found, context, flags);
}

void extract_b3multi(void* request, Incoming& incoming) {
    std::string_view values[4];
    const std::string_view keys[4] = {kB3TraceId, kB3SpanId, kB3Sampled, kB3Flags};
    bool any = false;
    for (int i = 0; i < 4; ++i) any = get_header(request, keys[i], values[i]) || any;
    if (!any) return;
    spr_context context;
    uint32_t flags = 0;
    const int found =
        spr_b3multi_extract(values[0].data(), values[0].size(), values[1].data(), values[1].size(), values[2].data(),
                            values[2].size(), values[3].data(), values[3].size(), &context, &flags);
    take_b3(incoming, found, context, flags);
}

void extract_baggage(void* request, Incoming& incoming) {
    std::string_view header;
    if (!get_header(request, kBaggage, header) || header.empty() || texts_of(incoming) == nullptr) return;
    spr_baggage_extract(header.data(), header.size(), &incoming.texts->baggage);
}

void inject_w3c(void* request, const Outgoing& outgoing) {
    char header[SPR_TRACEPARENT_SIZE];
    if (spr_traceparent_inject(outgoing.context, header) != 0) return;
    set(request, kTraceParent, {header, sizeof header - 1});
    set_or_remove(request, kTraceState, {outgoing.trace_state.data, outgoing.trace_state.size});
}

void inject_b3(void* request, const Outgoing& outgoing) {
    char header[SPR_B3_SIZE];
    if (spr_b3_inject(outgoing.context, outgoing.flags, header) == 0) set(request, kB3, header);
}

void inject_b3multi(void* request, const Outgoing& outgoing) {
    spr_b3_headers headers;
    if (spr_b3multi_inject(outgoing.context, outgoing.flags, &headers) != 0) return;
    set(request, kB3TraceId, headers.trace_id);
    set(request, kB3SpanId, headers.span_id);
    remove(request, kB3ParentSpanId);  // that of the request which came: no header of ours says it
    set_or_remove(request, kB3Sampled, headers.sampled);
    set_or_remove(request, kB3Flags, headers.flags);
}

}  // namespace

TextsPool texts_pool;

bool get_header(void* request, std::string_view key, std::string_view& ret) {
    Text value = {nullptr, 0};
    if (!envoy_dynamic_module_callback_tracer_get_trace_context_value(request, {key.data(), key.size()}, &value))
        return false;
    ret = {value.data, value.size};
    return true;
}

Texts* take_texts() {
    Texts* const texts = texts_pool.take();
    if (texts != nullptr) texts->clear();
    return texts;
}

Texts* copy_of(const Texts* texts) {
    if (texts == nullptr) return nullptr;
    Texts* const copy = take_texts();
    if (copy == nullptr) return nullptr;
    memcpy(copy->trace_state_memory, texts->trace_state_memory, texts->trace_state.size);
    memcpy(copy->baggage_memory, texts->baggage_memory, texts->baggage.size);
    copy->trace_state.size = texts->trace_state.size;
    copy->baggage.size = texts->baggage.size;
    return copy;
}

void extract(const Configuration& configuration, void* request, Incoming& ret_incoming) {
    memset(&ret_incoming, 0, sizeof ret_incoming);
    for (size_t i = 0; i < configuration.propagator_count; ++i) {
        switch (configuration.propagators[i]) {
            case Propagator::kTraceContext: extract_w3c(request, ret_incoming); break;
            case Propagator::kBaggage: extract_baggage(request, ret_incoming); break;
            case Propagator::kB3: extract_b3(request, ret_incoming); break;
            case Propagator::kB3Multi: extract_b3multi(request, ret_incoming); break;
        }
    }
}

void inject(const Configuration& configuration, void* request, const Outgoing& outgoing) {
    for (size_t i = 0; i < configuration.propagator_count; ++i) {
        switch (configuration.propagators[i]) {
            case Propagator::kTraceContext: inject_w3c(request, outgoing); break;
            case Propagator::kBaggage:
                set_or_remove(request, kBaggage, {outgoing.baggage.data, outgoing.baggage.size});
                break;
            case Propagator::kB3: inject_b3(request, outgoing); break;
            case Propagator::kB3Multi: inject_b3multi(request, outgoing); break;
        }
    }
}

}  // namespace spanring::envoy
