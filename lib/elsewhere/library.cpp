// SPDX-License-Identifier: Apache-2.0
//
// The functions of spanring.h where there is no such shared memory (another system than Linux): as where tracing is
// off. A provider opens, its spans do nothing and pass their parent's context on, what is attached to a thread is
// current there; headers are neither read nor written. Only tools/amalgamate takes it, and only what the C and C++
// standards have is in it.
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <spanring/spanring.h>

struct spr_provider {
    int unused;
};
struct spr_tracer {
    int unused;
};

namespace {

spr_provider only_provider = {0};
spr_tracer only_tracer = {0};

// The innermost token that is attached to this thread. Its `reserved` is the address of what spr_context_attach_with()
// attached, or that of the token around it.
thread_local spr_token* top = nullptr;

spr_context current() { return top != nullptr ? top->context : spr_context{}; }

int attach(const spr_context& context, uint64_t propagated, spr_token* token) {
    *token = spr_token{};
    token->context = context;
    token->previous = top;
    token->reserved = propagated;
    top = token;
    return 0;
}

int hex(const uint8_t* bytes, size_t count, char* digits) {
    for (size_t i = 0; i < count; ++i) {
        digits[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
        digits[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
    }
    digits[2 * count] = 0;
    return 0;
}

// What a span, or a text, of which nothing is kept returns.
int nothing(const void* of) { return of != nullptr ? 0 : -EINVAL; }

// What a function returns that would have to write something.
int unable(const void* of) { return of != nullptr ? -ENOTSUP : -EINVAL; }

}  // namespace

extern "C" {

int spr_provider_open(const spr_provider_options*, spr_provider** ret_provider) noexcept {
    if (ret_provider == nullptr) return -EINVAL;
    *ret_provider = &only_provider;
    return 0;
}

int spr_provider_state(const spr_provider* provider) noexcept { return unable(provider); }

int spr_provider_flush(spr_provider* provider, uint64_t) noexcept { return nothing(provider); }

int spr_provider_shutdown(spr_provider* provider, uint64_t) noexcept { return nothing(provider); }

int spr_provider_statistics(const spr_provider* provider, spr_statistics* statistics) noexcept {
    if (provider == nullptr || statistics == nullptr || statistics->struct_size < sizeof statistics->struct_size)
        return -EINVAL;
    const uint32_t size = statistics->struct_size;
    memset(statistics, 0, size < sizeof *statistics ? size : sizeof *statistics);
    statistics->struct_size = size;
    return 0;
}

int spr_tracer_get(spr_provider* provider, const char*, size_t, const char*, size_t, const char*, size_t,
                   spr_tracer** ret_tracer) noexcept {
    if (provider == nullptr || ret_tracer == nullptr) return -EINVAL;
    *ret_tracer = &only_tracer;
    return 0;
}

int spr_tracer_get_with(spr_provider* provider, const spr_tracer_options*, spr_tracer** ret_tracer) noexcept {
    return spr_tracer_get(provider, nullptr, 0, nullptr, 0, nullptr, 0, ret_tracer);
}

int spr_tracer_enabled(const spr_tracer*) noexcept { return 0; }

int spr_span_start(spr_tracer* tracer, const char* name, size_t name_size, spr_span* ret_span) noexcept {
    return spr_span_start_with(tracer, name, name_size, nullptr, ret_span);
}

int spr_span_start_with(spr_tracer* tracer, const char*, size_t, const spr_start_options* options,
                        spr_span* ret_span) noexcept {
    if (ret_span == nullptr) return -EINVAL;
    *ret_span = spr_span{};
    const uint8_t parent = options != nullptr ? options->parent_mode : SPR_PARENT_CURRENT;
    if (parent == SPR_PARENT_CURRENT) ret_span->context = current();
    if (parent == SPR_PARENT_EXPLICIT && options->parent != nullptr) ret_span->context = *options->parent;
    return tracer != nullptr ? -ECANCELED : -EINVAL;
}

int spr_span_set_string(const spr_span* span, const char*, size_t, const char*, size_t) noexcept {
    return nothing(span);
}

int spr_span_set_bool(const spr_span* span, const char*, size_t, int) noexcept { return nothing(span); }

int spr_span_set_int64(const spr_span* span, const char*, size_t, int64_t) noexcept { return nothing(span); }

int spr_span_set_double(const spr_span* span, const char*, size_t, double) noexcept { return nothing(span); }

int spr_span_set_attributes(const spr_span* span, const spr_attribute*, size_t) noexcept { return nothing(span); }

int spr_span_add_event(const spr_span* span, const spr_event*) noexcept { return nothing(span); }

int spr_span_add_link(const spr_span* span, const spr_link*) noexcept { return nothing(span); }

int spr_span_record_exception(const spr_span* span, const spr_exception*) noexcept { return nothing(span); }

int spr_span_set_status(const spr_span* span, int, const char*, size_t) noexcept { return nothing(span); }

int spr_span_set_name(const spr_span* span, const char*, size_t) noexcept { return nothing(span); }

int spr_span_set_kind(const spr_span* span, int) noexcept { return nothing(span); }

int spr_span_is_recording(const spr_span*) noexcept { return 0; }

int spr_span_end(const spr_span* span) noexcept { return nothing(span); }

int spr_span_end_with(const spr_span* span, const spr_end_options*) noexcept { return nothing(span); }

int spr_span_record(spr_tracer* tracer, const spr_whole_span* span, spr_context* ret_context) noexcept {
    if (tracer == nullptr || span == nullptr) return -EINVAL;
    if (ret_context != nullptr) *ret_context = span->parent != nullptr ? *span->parent : spr_context{};
    return -ECANCELED;
}

int spr_trace_id_hex(const spr_context* context, char ret_hex[SPR_TRACE_ID_HEX_SIZE]) noexcept {
    return context != nullptr && ret_hex != nullptr ? hex(context->trace_id, sizeof context->trace_id, ret_hex)
                                                    : -EINVAL;
}

int spr_span_id_hex(const spr_context* context, char ret_hex[SPR_SPAN_ID_HEX_SIZE]) noexcept {
    return context != nullptr && ret_hex != nullptr ? hex(context->span_id, sizeof context->span_id, ret_hex) : -EINVAL;
}

int spr_context_current(spr_context* ret_context) noexcept {
    if (ret_context == nullptr) return -EINVAL;
    *ret_context = current();
    return top != nullptr;
}

int spr_context_attach(const spr_context* context, spr_token* token) noexcept {
    if (context == nullptr || token == nullptr) return -EINVAL;
    return attach(*context, top != nullptr ? top->reserved : 0, token);
}

int spr_context_attach_with(const spr_propagated* propagated, spr_token* token) noexcept {
    if (propagated == nullptr || token == nullptr) return -EINVAL;
    return attach(propagated->context, reinterpret_cast<uintptr_t>(propagated), token);
}

int spr_context_detach(spr_token* token) noexcept {
    if (token == nullptr) return -EINVAL;
    for (const spr_token* one = top; one != nullptr; one = one->previous) {
        if (one != token) continue;
        const int others = top != token;
        top = token->previous;
        return others;
    }
    return -EINVAL;
}

int spr_context_current_with(spr_propagated* ret_propagated) noexcept {
    if (ret_propagated == nullptr || ret_propagated->struct_size < sizeof *ret_propagated) return -EINVAL;
    const uint32_t size = ret_propagated->struct_size;
    *ret_propagated = spr_propagated{};
    ret_propagated->struct_size = size;
    ret_propagated->context = current();
    if (top == nullptr) return 0;
    if (const auto* attached = reinterpret_cast<const spr_propagated*>(static_cast<uintptr_t>(top->reserved))) {
        ret_propagated->baggage = {attached->baggage.data, attached->baggage.size, 0};
        if (memcmp(attached->context.trace_id, top->context.trace_id, sizeof top->context.trace_id) == 0) {
            ret_propagated->flags = attached->flags;
            ret_propagated->trace_state = {attached->trace_state.data, attached->trace_state.size, 0};
        }
    }
    return 1;
}

int spr_span_attach(const spr_span* span, spr_span_token* token) noexcept {
    return span != nullptr && token != nullptr ? spr_context_attach(&span->context, &token->token) : -EINVAL;
}

int spr_span_current(spr_span* ret_span) noexcept {
    if (ret_span == nullptr) return -EINVAL;
    *ret_span = spr_span{};
    ret_span->context = current();
    return 0;
}

int spr_span_trace_state(const spr_span* span, spr_text* ret_trace_state) noexcept {
    if (span == nullptr || ret_trace_state == nullptr) return -EINVAL;
    ret_trace_state->size = 0;
    return 0;
}

int spr_extract(const spr_carrier* carrier, spr_propagated* propagated) noexcept {
    return propagated != nullptr ? nothing(carrier) : -EINVAL;
}

int spr_inject(const spr_context*, const spr_carrier* carrier) noexcept { return nothing(carrier); }

int spr_span_inject(const spr_span* span, const spr_carrier* carrier) noexcept {
    return span != nullptr ? nothing(carrier) : -EINVAL;
}

int spr_inject_with(const spr_propagated* propagated, const spr_carrier* carrier) noexcept {
    return propagated != nullptr ? nothing(carrier) : -EINVAL;
}

int spr_propagators_set(const char*, size_t) noexcept { return 0; }

const char* spr_propagation_field(size_t) noexcept { return nullptr; }

int spr_environment_carrier(spr_environment* environment, spr_carrier* ret_carrier) noexcept {
    return ret_carrier != nullptr ? unable(environment) : -EINVAL;
}

int spr_traceparent_inject(const spr_context* context, char ret_header[SPR_TRACEPARENT_SIZE]) noexcept {
    return ret_header != nullptr ? unable(context) : -EINVAL;
}

int spr_traceparent_extract(const char*, size_t, spr_context* ret_context) noexcept { return unable(ret_context); }

int spr_tracestate_extract(const char*, size_t, spr_text* trace_state) noexcept { return nothing(trace_state); }

int spr_tracestate_next(const char*, size_t, size_t* cursor, spr_member* ret_member) noexcept {
    return ret_member != nullptr ? nothing(cursor) : -EINVAL;
}

int spr_tracestate_get(const char*, size_t, const char*, size_t, const char** ret_value,
                       size_t* ret_value_size) noexcept {
    return ret_value_size != nullptr ? nothing(ret_value) : -EINVAL;
}

int spr_tracestate_set(spr_text* trace_state, const char*, size_t, const char*, size_t) noexcept {
    return unable(trace_state);
}

int spr_tracestate_remove(spr_text* trace_state, const char*, size_t) noexcept { return nothing(trace_state); }

int spr_baggage_extract(const char*, size_t, spr_text* baggage) noexcept { return nothing(baggage); }

int spr_baggage_next(const char*, size_t, size_t* cursor, spr_member* ret_member) noexcept {
    return ret_member != nullptr ? nothing(cursor) : -EINVAL;
}

int spr_baggage_next_property(const char*, size_t, size_t* cursor, spr_member* ret_member) noexcept {
    return ret_member != nullptr ? nothing(cursor) : -EINVAL;
}

int spr_baggage_decode(const char*, size_t, spr_text* ret_value) noexcept { return unable(ret_value); }

int spr_baggage_get(const char*, size_t, const char*, size_t, spr_text* ret_value) noexcept {
    return nothing(ret_value);
}

int spr_baggage_set(spr_text* baggage, const char*, size_t, const char*, size_t, const char*, size_t) noexcept {
    return unable(baggage);
}

int spr_baggage_remove(spr_text* baggage, const char*, size_t) noexcept { return nothing(baggage); }

int spr_b3_inject(const spr_context* context, uint32_t, char ret_header[SPR_B3_SIZE]) noexcept {
    return ret_header != nullptr ? unable(context) : -EINVAL;
}

int spr_b3multi_inject(const spr_context* context, uint32_t, spr_b3_headers* ret_headers) noexcept {
    return ret_headers != nullptr ? unable(context) : -EINVAL;
}

int spr_b3_extract(const char*, size_t, spr_context* ret_context, uint32_t*) noexcept { return unable(ret_context); }

int spr_b3multi_extract(const char*, size_t, const char*, size_t, const char*, size_t, const char*, size_t,
                        spr_context* ret_context, uint32_t*) noexcept {
    return unable(ret_context);
}

const char* spr_strerror(int error) noexcept {
    switch (error < 0 ? -error : error) {
        case 0: return "Success";
        case EINVAL: return "Invalid argument";
        case ECANCELED: return "Tracing is off";
        case ENOTSUP: return "spanring does not run on this system";
        default: return "Unknown error";
    }
}

#define SPR_AS_TEXT(number) #number
#define SPR_VERSION_TEXT(major, minor, patch) SPR_AS_TEXT(major) "." SPR_AS_TEXT(minor) "." SPR_AS_TEXT(patch)

const char* spr_version(void) noexcept {
    return SPR_VERSION_TEXT(SPR_VERSION_MAJOR, SPR_VERSION_MINOR, SPR_VERSION_PATCH);
}

}  // extern "C"
