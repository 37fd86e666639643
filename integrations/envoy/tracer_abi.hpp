// SPDX-License-Identifier: Apache-2.0
//
// The part of Envoy's ABI of dynamic modules that a tracer needs: which functions Envoy looks up in a module, and which
// a module finds in Envoy. Declared here from their description (source/extensions/dynamic_modules/abi/abi.h of Envoy,
// of which this is no copy); envoy_build.cpp knows for which Envoys that holds, and the tests run them.
//
// SPANRING_ENVOY_MINOR is the 40 of 1.40. What differs between them is marked.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace spanring::envoy {

// A text of Envoy's holds during the call that brings it; one of ours as long as the function below says.
struct Text {
    const char* data;
    size_t size;
};

enum class LogLevel : uint32_t { kTrace, kDebug, kInfo, kWarn, kError, kCritical };

// Why Envoy wants a request traced, or not (Tracing::Reason).
enum class TraceReason : uint32_t { kNotTraceable, kHealthCheck, kSampling, kServiceForced, kClientForced };

// What Envoy says of its ABI: a module that says something else is loaded all the same, with a warning.
#if SPANRING_ENVOY_MINOR >= 40
constexpr char kAbiVersion[] = "v0.2.0";
#else
constexpr char kAbiVersion[] = "v0.1.0";  // 1.38 and 1.39, though they are not the same
#endif

}  // namespace spanring::envoy

// ---- Of Envoy ------------------------------------------------------------------------------------------------------
// `request` is what start_span and inject_context were given; it is good for no longer than that call. A key is in
// lower case. What get writes holds until the headers change.
extern "C" {

void envoy_dynamic_module_callback_log(spanring::envoy::LogLevel level, spanring::envoy::Text message);
bool envoy_dynamic_module_callback_tracer_get_trace_context_value(void* request, spanring::envoy::Text key,
                                                                  spanring::envoy::Text* ret_value);
void envoy_dynamic_module_callback_tracer_set_trace_context_value(void* request, spanring::envoy::Text key,
                                                                  spanring::envoy::Text value);
void envoy_dynamic_module_callback_tracer_remove_trace_context_value(void* request, spanring::envoy::Text key);
// Of the request line; false: there is none.
bool envoy_dynamic_module_callback_tracer_get_trace_context_host(void* request, spanring::envoy::Text* ret_value);
bool envoy_dynamic_module_callback_tracer_get_trace_context_path(void* request, spanring::envoy::Text* ret_value);
bool envoy_dynamic_module_callback_tracer_get_trace_context_method(void* request, spanring::envoy::Text* ret_value);

}  // extern "C"

// ---- Of the module -------------------------------------------------------------------------------------------------
// What has no comment is said by its name. A span is used by one thread at a time. Of trace id and span id the text
// holds until the span is destroyed, of baggage until the next call for it: Envoy copies all three at once.
#define SPANRING_ENVOY_HOOK extern "C" [[gnu::visibility("default")]]

// When the module is loaded. nullptr: Envoy refuses it.
SPANRING_ENVOY_HOOK const char* envoy_dynamic_module_on_program_init();

// In the main thread. nullptr: Envoy refuses its configuration.
SPANRING_ENVOY_HOOK const void* envoy_dynamic_module_on_tracer_config_new(void* envoy_config,
                                                                          spanring::envoy::Text name,
                                                                          spanring::envoy::Text config);
// When nothing uses it any more, its last span included; in the thread of that.
SPANRING_ENVOY_HOOK void envoy_dynamic_module_on_tracer_config_destroy(const void* config);

// nullptr: the request goes on without a span.
SPANRING_ENVOY_HOOK const void* envoy_dynamic_module_on_tracer_start_span(const void* config, void* request,
                                                                          spanring::envoy::Text operation, bool traced,
                                                                          spanring::envoy::TraceReason reason);
SPANRING_ENVOY_HOOK void envoy_dynamic_module_on_tracer_span_set_operation(const void* span,
                                                                           spanring::envoy::Text operation);
SPANRING_ENVOY_HOOK void envoy_dynamic_module_on_tracer_span_set_tag(const void* span, spanring::envoy::Text key,
                                                                     spanring::envoy::Text value);
#if SPANRING_ENVOY_MINOR >= 40
// How many tags will come.
SPANRING_ENVOY_HOOK void envoy_dynamic_module_on_tracer_span_reserve_tags(const void* span, size_t count);
#endif
SPANRING_ENVOY_HOOK void envoy_dynamic_module_on_tracer_span_log(const void* span, int64_t time_ns,
                                                                 spanring::envoy::Text event);
SPANRING_ENVOY_HOOK void envoy_dynamic_module_on_tracer_span_finish(const void* span);
SPANRING_ENVOY_HOOK void envoy_dynamic_module_on_tracer_span_inject_context(const void* span, void* request);
SPANRING_ENVOY_HOOK const void* envoy_dynamic_module_on_tracer_span_spawn_child(const void* span,
                                                                                spanring::envoy::Text name,
                                                                                int64_t start_time_ns);
SPANRING_ENVOY_HOOK void envoy_dynamic_module_on_tracer_span_set_sampled(const void* span, bool sampled);
// Whether the decision was Envoy's: it then says set_sampled when it thinks again, at a new route.
SPANRING_ENVOY_HOOK bool envoy_dynamic_module_on_tracer_span_use_local_decision(const void* span);
SPANRING_ENVOY_HOOK bool envoy_dynamic_module_on_tracer_span_get_baggage(const void* span, spanring::envoy::Text key,
                                                                         spanring::envoy::Text* ret_value);
SPANRING_ENVOY_HOOK void envoy_dynamic_module_on_tracer_span_set_baggage(const void* span, spanring::envoy::Text key,
                                                                         spanring::envoy::Text value);
SPANRING_ENVOY_HOOK bool envoy_dynamic_module_on_tracer_span_get_trace_id(const void* span,
                                                                          spanring::envoy::Text* ret_value);
SPANRING_ENVOY_HOOK bool envoy_dynamic_module_on_tracer_span_get_span_id(const void* span,
                                                                         spanring::envoy::Text* ret_value);
SPANRING_ENVOY_HOOK void envoy_dynamic_module_on_tracer_span_destroy(const void* span);
