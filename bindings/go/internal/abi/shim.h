/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one span needs of C, in as few calls as possible. Go may not pass memory that holds pointers to Go memory, and a
 * list of spr_attribute is nothing else; so Go packs lists into plain bytes, and these functions turn them into the
 * lists that the library takes, on the stack where they are short.
 *
 * Packed, in the machine's byte order, unaligned:
 *
 * - a text: u32 size, bytes
 * - a payload: a text (string, bytes); 8 bytes (bool, int64, uint64, double); of other types nothing; of a list u32
 *   number of elements, then values (array) or attributes (key-values)
 * - a value: u8 type, payload
 * - an attribute: u8 type, key as a text, payload
 * - an event: u64 time, name as a text, u32 attributes dropped before, u32 number of attributes, attributes
 * - a link: spr_context, trace state as a text, u32 attributes dropped before, u32 number of attributes, attributes
 * - a whole span: u8 kind, u8 status, u8 whether it has a context of its own, spr_context, parent's spr_context, u64
 *   start, u64 end, name, status message and trace state as texts, u32 of attributes, events and links dropped before,
 *   then of each of these u32 their number and they
 *
 * Called with what the packer of ../../wire.go wrote alone, which is trusted: sizes are not checked again, and lists
 * are nested no deeper than valueDepth of ../../value.go.
 */
#ifndef SPANRING_GO_SHIM_H
#define SPANRING_GO_SHIM_H

#include "library.h"

/* How much of each there is in all of a call's lists, also inside of other lists. */
typedef struct spr_go_total {
    uint32_t attributes;
    uint32_t values;
} spr_go_total;

/* Those of spr_provider_options. */
typedef struct spr_go_limits {
    uint32_t attribute_count;
    uint32_t attribute_value_length;
    uint32_t event_count;
    uint32_t link_count;
    uint32_t event_attribute_count;
    uint32_t link_attribute_count;
} spr_go_limits;

/*
 * What *io_span has in its context are ids of its own, where has_ids says so. Nobody asks how a start or an end went,
 * and a result costs: cgo has to find out where Go's stack lies by then.
 */
void spr_go_span_start(spr_tracer *tracer, const char *name, size_t name_size, int kind, spr_context parent,
                       uint64_t start_time_ns, const char *trace_state, size_t trace_state_size,
                       const uint8_t *attributes, uint32_t attribute_count, const uint8_t *links, uint32_t link_count,
                       spr_go_total total, uint32_t sampling, int has_ids, spr_span *io_span);

/* The same with nothing but a parent to say. */
void spr_go_span_start_child(spr_tracer *tracer, const char *name, size_t name_size, spr_context parent,
                             const char *trace_state, size_t trace_state_size, spr_span *ret_span);

/* end = 0 sets what is there and leaves the span open. */
void spr_go_span_finish(const spr_span *span, int end, uint64_t end_time_ns, int status, const char *status_message,
                        size_t status_message_size, const char *name, size_t name_size, int has_name,
                        const uint8_t *attributes, uint32_t attribute_count, const uint8_t *events,
                        uint32_t event_count, spr_go_total total);

/* The end of a span of which nothing but the status was said since its start. */
void spr_go_span_end_plain(const spr_span *span, int status);

/* Nothing but these and attributes. */
void spr_go_span_end_attributes(const spr_span *span, int status, const uint8_t *attributes, uint32_t attribute_count,
                                spr_go_total total);

int spr_go_span_add_link(const spr_span *span, const uint8_t *link, spr_go_total total);

int spr_go_span_record(spr_tracer *tracer, const uint8_t *whole_span, spr_go_total total, spr_context *ret_context);

int spr_go_provider_open(const char *service_name, size_t service_name_size, const char *schema_url,
                         size_t schema_url_size, const uint8_t *attributes, uint32_t attribute_count,
                         spr_go_total total, uint64_t memory_limit, uint32_t full_policy, uint64_t full_wait_ns,
                         spr_go_limits limits, spr_provider **ret_provider);

int spr_go_tracer_get(spr_provider *provider, const char *name, size_t name_size, const char *version,
                      size_t version_size, const char *schema_url, size_t schema_url_size, const uint8_t *attributes,
                      uint32_t attribute_count, spr_go_total total, spr_tracer **ret_tracer);

#endif
