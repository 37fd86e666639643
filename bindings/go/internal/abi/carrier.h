/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The library's propagators over headers that Go packs and unpacks: no callback into Go, one call for a request that
 * comes and one for a request that goes.
 *
 * Packed, in the machine's byte order, unaligned: u32 size of the key, key, u32 size of the value, value. Of what is
 * written, the size SPR_GO_REMOVED stands for a key that is to be removed.
 */
#ifndef SPANRING_GO_CARRIER_H
#define SPANRING_GO_CARRIER_H

#include "library.h"

#define SPR_GO_REMOVED 0xffffffffu

/* The sizes are capacities on the way in. What is not found is empty. Called by cgo.go alone, which is trusted. */
int spr_go_extract(const uint8_t *packed, size_t packed_size, spr_context *ret_context, uint32_t *ret_flags,
                   char *trace_state, size_t *io_trace_state_size, char *baggage, size_t *io_baggage_size);

/* Returns the bytes that were written, or -ENOSPC. */
int spr_go_inject(const spr_context *context, uint32_t flags, char *trace_state, size_t trace_state_size, char *baggage,
                  size_t baggage_size, uint8_t *packed, size_t capacity);

/*
 * The trace state that a context is sent on with: that of before, and what the sampler said of its ratio. Returns its
 * size; 0 where there is none, or no propagator sends it.
 */
size_t spr_go_trace_state(const spr_context *context, char *before, size_t before_size, char *state, size_t capacity);

/* One call each, because Go may not pass an spr_text that names Go memory. */
int spr_go_baggage_set(char *baggage, size_t *io_size, size_t capacity, const char *key, size_t key_size,
                       const char *value, size_t value_size);
int spr_go_baggage_remove(char *baggage, size_t *io_size, const char *key, size_t key_size);
int spr_go_baggage_get(const char *baggage, size_t size, const char *key, size_t key_size, char *value,
                       size_t *io_value_size);

#endif
