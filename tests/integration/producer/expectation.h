/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a span must look like at its receiver: filled by the producer beside its calls, written as one JSON line when
 * the span is over. Text that it points to is the producer's and stays until then.
 */
#ifndef SPANRING_TESTS_EXPECTATION_H
#define SPANRING_TESTS_EXPECTATION_H

#include <spanring/spanring.h>
#include <stdio.h>

enum { kMaxAttributes = 64, kMaxEvents = 16, kMaxLinks = 16 };

/* A moment that was either given, or taken by the library between two readings of CLOCK_REALTIME. */
typedef struct expected_time {
    uint64_t exact; /* 0: between */
    uint64_t after;
    uint64_t before;
} expected_time;

typedef struct expected_attributes {
    spr_attribute items[kMaxAttributes];
    size_t count;
    uint32_t dropped;
} expected_attributes;

typedef struct expected_event {
    const char *name;
    expected_time time;
    expected_attributes attributes;
} expected_event;

typedef struct expected_link {
    spr_context context;
    expected_attributes attributes;
} expected_link;

typedef struct expectation {
    spr_context context;
    spr_context parent; /* all-zero: none */
    const char *trace_state;
    const char *name;
    const char *scope_name;
    const char *scope_version;
    const char *schema_url;
    int kind;
    int open; /* never ended: must arrive as unfinished */
    expected_time start;
    expected_time end;
    expected_attributes attributes;
    expected_event events[kMaxEvents];
    size_t event_count;
    uint32_t dropped_events;
    expected_link links[kMaxLinks];
    size_t link_count;
    uint32_t dropped_links;
    int status;
    const char *status_message;
} expectation;

/* Adds an attribute, or replaces the one with its key. */
void expect_attribute(expected_attributes *attributes, const spr_attribute *attribute);

/* One line. The record is complete in the file when it returns. */
void write_expectation(FILE *file, const expectation *span);
void write_resource(FILE *file, const expected_attributes *attributes);

#endif
