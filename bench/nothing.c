/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions with the shapes of spr_span_start(), spr_span_set_string() and spr_span_end() that do nothing, in a shared
 * library as the real ones are: what a call costs before anything is done in it.
 */
#include <stddef.h>

int nothing_start(void *tracer, const char *name, size_t name_size, void *span);
int nothing_set(const void *span, const char *key, size_t key_size, const char *value, size_t value_size);
int nothing_end(const void *span);

int nothing_start(void *tracer, const char *name, size_t name_size, void *span) {
    (void)tracer, (void)name, (void)name_size, (void)span;
    return 0;
}
int nothing_set(const void *span, const char *key, size_t key_size, const char *value, size_t value_size) {
    (void)span, (void)key, (void)key_size, (void)value, (void)value_size;
    return 0;
}
int nothing_end(const void *span) {
    (void)span;
    return 0;
}
