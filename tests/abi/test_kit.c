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

    spr_test_end();
    EXPECT(spr_test_read(SPR_TEST_OF_PROCESS, &seen) == -ENOENT);
    return 0;
}
