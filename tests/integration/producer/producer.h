/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the producer share: what it was asked for, and where it stands. */
#ifndef SPANRING_TESTS_PRODUCER_H
#define SPANRING_TESTS_PRODUCER_H

#include <spanring/spanring.h>
#include <stdio.h>

typedef struct arguments {
    const char *record;
    const char *service;
    const char *caller;
    unsigned long count, seed, open, rate, flush_seconds;
    unsigned long attribute_limit, event_limit, link_limit;
    int hold, endless, expect_off;
} arguments;

typedef struct producer {
    arguments arguments;
    FILE *record;
    spr_provider *provider;
    spr_tracer *tracers[3];
    spr_context previous; /* of the span before: parent and link target */
    char text[8192];      /* of the span at hand */
    size_t text_used;
    uint64_t random;
} producer;

/* The next number of the seed's sequence. */
uint64_t next_random(producer *self);

/* Text that lives as long as the span at hand. */
const char *text(producer *self, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
