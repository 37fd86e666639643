/* SPDX-License-Identifier: Apache-2.0
 *
 * A span as LTTng-UST has it: an event at its begin and one at its end; LTTng stamps both with its own clock. */
#undef LTTNG_UST_TRACEPOINT_PROVIDER
#define LTTNG_UST_TRACEPOINT_PROVIDER spanring_bench

#undef LTTNG_UST_TRACEPOINT_INCLUDE
#define LTTNG_UST_TRACEPOINT_INCLUDE "./span_events.h"

#if !defined(SPANRING_BENCH_SPAN_EVENTS_H) || defined(LTTNG_UST_TRACEPOINT_HEADER_MULTI_READ)
#define SPANRING_BENCH_SPAN_EVENTS_H

#include <lttng/tracepoint.h>
#include <stdint.h>

/* Fields follow each other without a comma, which clang-format takes for one expression. */
/* clang-format off */
LTTNG_UST_TRACEPOINT_EVENT(
    spanring_bench, begin,
    LTTNG_UST_TP_ARGS(const uint8_t*, trace_id, uint64_t, span_id, uint64_t, parent_id, const char*, name),
    LTTNG_UST_TP_FIELDS(
        lttng_ust_field_array(uint8_t, trace_id, trace_id, 16)
        lttng_ust_field_integer_hex(uint64_t, span_id, span_id)
        lttng_ust_field_integer_hex(uint64_t, parent_id, parent_id)
        lttng_ust_field_string(name, name)))

LTTNG_UST_TRACEPOINT_EVENT(
    spanring_bench, end,
    LTTNG_UST_TP_ARGS(uint64_t, span_id, const char*, method, const char*, path, int64_t, status_code),
    LTTNG_UST_TP_FIELDS(
        lttng_ust_field_integer_hex(uint64_t, span_id, span_id)
        lttng_ust_field_string(http_request_method, method)
        lttng_ust_field_string(url_path, path)
        lttng_ust_field_integer(int64_t, http_response_status_code, status_code)))
/* clang-format on */

#endif

#include <lttng/tracepoint-event.h>
