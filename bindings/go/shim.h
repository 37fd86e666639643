/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one span needs of C, in as few calls as possible. Go may not pass memory that holds pointers to Go memory, and a
 * list of spr_attribute is nothing else; so Go packs lists into plain bytes, and these functions turn them into the
 * lists that the library takes, on the stack where they are short.
 *
 * Packed, in the machine's byte order, unaligned:
 *
 *     attribute   u8 type, u32 key size, key, then u32 size and the string, or 8 bytes (bool, int64, double)
 *     event       u64 time, u32 name size, u32 number of attributes, name, attributes
 *     link        spr_context, u32 number of attributes, attributes
 *
 * Called by wire.go's packer alone, which is trusted: sizes are not checked again.
 */
#ifndef SPANRING_GO_SHIM_H
#define SPANRING_GO_SHIM_H

#include <spanring/spanring.h>

/* In all of them `total` counts the attributes of the span and those inside its events or links. */

int spr_go_span_start(spr_tracer *tracer, const char *name, size_t name_size, int kind, const spr_context *parent,
                      uint64_t start_time_ns, const char *trace_state, size_t trace_state_size,
                      const uint8_t *attributes, uint32_t attribute_count, const uint8_t *links, uint32_t link_count,
                      uint32_t total, spr_span *ret_span);

/* end = 0 sets what is there and leaves the span open. */
int spr_go_span_finish(const spr_span *span, int end, uint64_t end_time_ns, int status, const char *status_message,
                       size_t status_message_size, const char *name, size_t name_size, int has_name,
                       const uint8_t *attributes, uint32_t attribute_count, const uint8_t *events, uint32_t event_count,
                       uint32_t total);

int spr_go_span_add_link(const spr_span *span, const uint8_t *link, uint32_t total);

int spr_go_provider_open(const char *service_name, size_t service_name_size, const uint8_t *attributes,
                         uint32_t attribute_count, uint64_t memory_limit, uint32_t full_policy, uint64_t full_wait_ns,
                         spr_provider **ret_provider);

#endif
