/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spanring's test kit: what this process has recorded, read back and decoded, without an agent. For tests of
 * instrumentation; a library of its own (libspanring-test-kit.a), which no program needs that is not a test.
 *
 *     spr_test_begin();                          before the first span
 *     ... the code under test ...
 *     const spr_test_spans *seen;
 *     spr_test_read(SPR_TEST_OF_PROCESS, &seen);
 *     const spr_test_span *span = spr_test_find(seen, "checkout", SPR_NUL);
 *     assert(span != NULL && span->status == SPR_STATUS_OK);
 *     spr_test_free(seen);
 *     spr_test_clear();                          before the next test
 *
 * It reads the segments of the process, so it sees the spans of every copy of libspanring in it, by whatever binding or
 * provider they were made, just as the agent would get them.
 *
 * Conventions: those of spanring.h. What is read has the structs by which it was set, spr_attribute, spr_event and
 * spr_link; texts are given with their length, and have a NUL behind it that does not count. All of it is memory of the
 * spr_test_spans that it came with. The functions may be called by one thread at a time; other threads may trace
 * meanwhile. They allocate, and make system calls. Not promised to stay binary compatible: the archive is linked.
 */
#ifndef SPANRING_TEST_KIT_H
#define SPANRING_TEST_KIT_H

#include <stddef.h>
#include <stdint.h>

#include <spanring/spanring.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct spr_test_resource {
    const spr_attribute *attributes;
    size_t attribute_count;
    const char *schema_url;
    size_t schema_url_size;
} spr_test_resource;

typedef struct spr_test_scope {
    const char *name;
    size_t name_size;
    const char *version;
    size_t version_size;
    const char *schema_url;
    size_t schema_url_size;
    const spr_attribute *attributes;
    size_t attribute_count;
} spr_test_scope;

typedef struct spr_test_span {
    spr_context context; /* trace id, span id, flags; the rest is zero */
    uint8_t parent_span_id[8]; /* zero: a root */
    uint8_t parent_is_remote;
    uint8_t is_open; /* 1: it has not ended */
    uint8_t kind;    /* SPR_KIND_* */
    uint8_t status;  /* SPR_STATUS_* */
    uint32_t pid;    /* of the process that recorded it */
    uint64_t start_time_ns;
    uint64_t end_time_ns; /* 0 of one that is open */
    const char *name;
    size_t name_size;
    const char *trace_state;
    size_t trace_state_size;
    const char *status_message;
    size_t status_message_size;
    const spr_attribute *attributes;
    size_t attribute_count;
    const spr_event *events;
    size_t event_count;
    const spr_link *links;
    size_t link_count;
    uint32_t dropped_attributes; /* over the limits, or refused */
    uint32_t dropped_events;
    uint32_t dropped_links;
    uint32_t reserved;
    const spr_test_scope *scope; /* never NULL */
    const spr_test_resource *resource;
} spr_test_span;

typedef struct spr_test_spans {
    const spr_test_span *spans; /* those that ended, in the order of their ends; then those that are open, by their starts */
    size_t count;
    uint64_t lost; /* by then: ended, but the ring was full, or they were overwritten */
} spr_test_spans;

/*
 * Gives this process a runtime directory of its own, in which no agent looks, by SPANRING_DIR in the environment: before
 * the first span, and while no other thread uses the environment. Children find it there too. It is removed when this
 * process exits. Again: nothing.
 * Errors: -EBUSY (this process has a segment elsewhere already), -ENOENT (after spr_test_end()), or of the system.
 */
SPR_PUBLIC int spr_test_begin(void) SPR_NOEXCEPT;

#define SPR_TEST_OF_PROCESS 0 /* of this process */
#define SPR_TEST_OF_ALL 1     /* of its children as well, also of those that have ended, and of theirs */

/*
 * Reads what is recorded, as it is at this moment. A span that is recorded by a thread meanwhile is seen or not; one that
 * was there before is seen. Free it by spr_test_free().
 * Errors: -EPERM (before spr_test_begin()), -ENOENT (after spr_test_end()), -EINVAL, -ENOMEM, -EBADMSG (a segment is damaged), or of the system.
 */
SPR_PUBLIC int spr_test_read(int whose, const spr_test_spans **ret_spans) SPR_NOEXCEPT;
SPR_PUBLIC void spr_test_free(const spr_test_spans *spans) SPR_NOEXCEPT;

/*
 * Forgets every span that has ended, and gives its room back to the ring. Those that are open stay. Afterwards `lost`
 * counts from here.
 * Errors: those of spr_test_read().
 */
SPR_PUBLIC int spr_test_clear(void) SPR_NOEXCEPT;

/*
 * Removes the directory now, for processes that end without exit(). Nothing can be read any more, and there is no other one.
 */
SPR_PUBLIC void spr_test_end(void) SPR_NOEXCEPT;

/* The first one of that name, or NULL. */
SPR_PUBLIC const spr_test_span *spr_test_find(const spr_test_spans *spans, const char *name, size_t name_size) SPR_NOEXCEPT;

/* The one of that key, or NULL: of a span, an event, a link, a scope, a resource. */
SPR_PUBLIC const spr_attribute *spr_test_attribute(const spr_attribute *attributes, size_t attribute_count, const char *key,
                                                   size_t key_size) SPR_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif
