// SPDX-License-Identifier: Apache-2.0
//
// What Envoy calls: each hands on to Tracer and Span.
#include "envoy_build.hpp"
#include "span.hpp"
#include "tracer.hpp"
#include "tracer_abi.hpp"

using spanring::envoy::Span;
using spanring::envoy::Text;
using spanring::envoy::Tracer;

namespace {

std::string_view view(Text text) { return {text.data, text.size}; }

// Envoy hands what it got back as const; they are ours.
Span& span_of(const void* span) { return *static_cast<Span*>(const_cast<void*>(span)); }

bool answer(std::string_view value, Text* ret) {
    *ret = {value.data(), value.size()};
    return !value.empty();
}

uint64_t time_of(int64_t time_ns) { return time_ns > 0 ? static_cast<uint64_t>(time_ns) : 0; }

// Envoy unloads a module that nothing uses any more: no span of it is left then.
[[gnu::destructor]] void give_memory_back() {
    spanring::envoy::span_pool.unmap();
    spanring::envoy::texts_pool.unmap();
}

}  // namespace

const char* envoy_dynamic_module_on_program_init() {
    return spanring::envoy::is_for_this_envoy() ? spanring::envoy::kAbiVersion : nullptr;
}

const void* envoy_dynamic_module_on_tracer_config_new(void*, Text name, Text config) {
    return Tracer::open(name, config);
}

void envoy_dynamic_module_on_tracer_config_destroy(const void* config) {
    static_cast<Tracer*>(const_cast<void*>(config))->close();
}

const void* envoy_dynamic_module_on_tracer_start_span(const void* config, void* request, Text operation, bool traced,
                                                      spanring::envoy::TraceReason reason) {
    return Span::start(*static_cast<const Tracer*>(config), request, view(operation), traced, reason);
}

void envoy_dynamic_module_on_tracer_span_set_operation(const void* span, Text operation) {
    span_of(span).set_name(view(operation));
}

void envoy_dynamic_module_on_tracer_span_set_tag(const void* span, Text key, Text value) {
    span_of(span).set_tag(view(key), view(value));
}

#if SPANRING_ENVOY_MINOR >= 40
void envoy_dynamic_module_on_tracer_span_reserve_tags(const void*, size_t) {}  // their room is there
#endif

void envoy_dynamic_module_on_tracer_span_log(const void* span, int64_t time_ns, Text event) {
    span_of(span).add_event(time_of(time_ns), view(event));
}

void envoy_dynamic_module_on_tracer_span_finish(const void* span) { span_of(span).finish(); }

void envoy_dynamic_module_on_tracer_span_inject_context(const void* span, void* request) {
    span_of(span).inject(request);
}

const void* envoy_dynamic_module_on_tracer_span_spawn_child(const void* span, Text name, int64_t start_time_ns) {
    return span_of(span).start_child(view(name), time_of(start_time_ns));
}

void envoy_dynamic_module_on_tracer_span_set_sampled(const void* span, bool sampled) {
    span_of(span).set_sampled(sampled);
}

bool envoy_dynamic_module_on_tracer_span_use_local_decision(const void* span) {
    return span_of(span).decision_is_envoys();
}

bool envoy_dynamic_module_on_tracer_span_get_baggage(const void* span, Text key, Text* ret_value) {
    std::string_view value;
    if (!span_of(span).baggage(view(key), value)) return answer({}, ret_value);
    *ret_value = {value.data(), value.size()};  // it may be empty, and there
    return true;
}

void envoy_dynamic_module_on_tracer_span_set_baggage(const void* span, Text key, Text value) {
    span_of(span).set_baggage(view(key), view(value));
}

bool envoy_dynamic_module_on_tracer_span_get_trace_id(const void* span, Text* ret_value) {
    return answer(span_of(span).trace_id(), ret_value);
}

bool envoy_dynamic_module_on_tracer_span_get_span_id(const void* span, Text* ret_value) {
    return answer(span_of(span).span_id(), ret_value);
}

void envoy_dynamic_module_on_tracer_span_destroy(const void* span) { span_of(span).destroy(); }
