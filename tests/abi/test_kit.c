/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The test kit from C, as a program's test uses it: with the shared library, and as the two files of tools/amalgamate
 * beside those of the library.
 */
/* clang-format off */
#include <spanring/test_kit.h>
#include <spanring/test_kit.h>
/* clang-format on */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define EXPECT(condition)                                                           \
    do {                                                                            \
        if (!(condition)) {                                                         \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
            return 1;                                                               \
        }                                                                           \
    } while (0)

/* What is tested: an instrumented function. */
static void checkout(spr_tracer *tracer, int items) {
    spr_span span;
    spr_span_start(tracer, SPR_S("checkout"), &span);
    spr_span_set_int64(&span, SPR_S("items"), items);
    if (items == 0) spr_span_set_status(&span, SPR_STATUS_ERROR, SPR_S("the cart is empty"));
    spr_span_end(&span);
}

/* Ends spans of some 1,000 bytes until there is no room for another; returns how many. */
static size_t fill(spr_tracer *tracer) {
    char text[900];
    memset(text, 'x', sizeof text);
    for (size_t count = 0;; ++count) {
        spr_span span;
        if (spr_span_start(tracer, SPR_S("work"), &span) != 1) return count; /* no slot is left by those that wait */
        spr_span_set_string(&span, SPR_S("text"), text, sizeof text);
        if (spr_span_end(&span) != 0) return count;
    }
}

/* Spans for which no chunk had room, and which wait in the slots that others had, have ended like any other. */
static int waiting(void) {
    enum { kOpen = 600 };
    static spr_span open[kOpen];
    spr_provider *provider;
    spr_tracer *tracer;
    const spr_test_spans *seen = NULL;
    spr_provider_options options = SPR_PROVIDER_OPTIONS_INIT;
    options.memory_limit = 4 << 20;
    EXPECT(spr_test_clear() == 0);
    EXPECT(spr_provider_open(&options, &provider) == 0);
    EXPECT(spr_tracer_get(provider, SPR_S("small"), NULL, 0, NULL, 0, &tracer) == 0);
    for (int i = 0; i < kOpen; ++i) EXPECT(spr_span_start(tracer, SPR_S("open"), &open[i]) == 1);
    const size_t room = fill(tracer);
    EXPECT(room > 100);
    EXPECT(spr_test_read(SPR_TEST_OF_PROCESS, &seen) == 0);
    EXPECT(seen->count == room + kOpen && seen->lost == 1);
    for (size_t i = 0; i < seen->count; ++i) {
        EXPECT(seen->spans[i].is_open == (i >= room));
        EXPECT(i >= room || seen->spans[i].end_time_ns >= seen->spans[i].start_time_ns);
    }
    spr_test_free(seen);

    EXPECT(spr_test_clear() == 0);
    EXPECT(spr_test_read(SPR_TEST_OF_PROCESS, &seen) == 0);
    EXPECT(seen->count == kOpen && seen->lost == 0 && seen->spans[0].is_open);
    spr_test_free(seen);
    EXPECT(fill(tracer) + 40 >= room); /* what they had is room again: but for a chunk that the thread has */
    spr_provider_shutdown(provider, 0);
    return 0;
}

int main(void) {
    spr_provider *provider;
    spr_tracer *tracer;
    const spr_test_spans *seen = NULL;
    EXPECT(spr_test_read(SPR_TEST_OF_PROCESS, &seen) < 0);
    EXPECT(spr_test_begin() == 0);
    EXPECT(spr_provider_open(NULL, &provider) == 0);
    EXPECT(spr_tracer_get(provider, SPR_S("shop"), NULL, 0, NULL, 0, &tracer) == 0);

    checkout(tracer, 3);
    EXPECT(spr_test_read(SPR_TEST_OF_PROCESS, &seen) == 0);
    const spr_test_span *span = spr_test_find(seen, "checkout", SPR_NUL);
    EXPECT(span != NULL && !span->is_open && span->status == SPR_STATUS_UNSET);
    EXPECT(span->kind == SPR_KIND_INTERNAL && strcmp(span->scope->name, "shop") == 0);
    const spr_attribute *items = spr_test_attribute(span->attributes, span->attribute_count, SPR_S("items"));
    EXPECT(items != NULL && items->type == SPR_TYPE_INT64 && items->value.int64 == 3);
    spr_test_free(seen);

    EXPECT(spr_test_clear() == 0);
    checkout(tracer, 0);
    EXPECT(spr_test_read(SPR_TEST_OF_PROCESS, &seen) == 0);
    EXPECT(seen->count == 1 && seen->lost == 0);
    EXPECT(seen->spans[0].status == SPR_STATUS_ERROR);
    EXPECT(strcmp(seen->spans[0].status_message, "the cart is empty") == 0);
    spr_test_free(seen);

    /* A provider that was shut down leaves what it recorded. */
    spr_provider_shutdown(provider, 0);
    EXPECT(spr_test_read(SPR_TEST_OF_PROCESS, &seen) == 0 && seen->count == 1);
    spr_test_free(seen);

    EXPECT(waiting() == 0);

    spr_test_end();
    EXPECT(spr_test_read(SPR_TEST_OF_PROCESS, &seen) == -ENOENT);
    return 0;
}
