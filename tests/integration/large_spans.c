/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process whose spans are up to 3 MiB large. Each has a text that follows from its number, and ends as soon as it is
 * whole; where the ring is full it waits for the agent and makes another one. It says what it does before and after:
 *
 *     begin IDENTITY NUMBER SIZE
 *     cut IDENTITY                   a text of it had no room, and is shorter
 *     ended IDENTITY
 *     full IDENTITY
 *     ready                          the open ones are there
 *
 *     large_spans SERVICE COUNT [OPEN]   COUNT 0: without end. OPEN: so many stay open, 1 to 4; then it reads a line
 */
#include <spanring/spanring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "producer/must.h"

enum { LARGEST = 3 << 20 };

static const size_t sizes[] = {100 << 10, 300, 1 << 20, 70 << 10, LARGEST, 5000, 250 << 10, 600 << 10};

static char text[LARGEST];

/* The number, again and again, each time followed by how often. */
static void write_text(unsigned long number, size_t size) {
    char word[48];
    unsigned long times = 0;
    for (size_t at = 0; at < size;) {
        const size_t length = (size_t)snprintf(word, sizeof word, "%lu.%lu ", number, times++);
        const size_t part = length < size - at ? length : size - at;
        memcpy(text + at, word, part);
        at += part;
    }
}

static spr_span begin(spr_provider *provider, spr_tracer *tracer, unsigned long number, size_t size) {
    static uint64_t cut;
    spr_statistics statistics = SPR_STATISTICS_INIT;
    spr_span span;
    char name[32], identity[SPR_TRACEPARENT_SIZE];
    const int length = snprintf(name, sizeof name, "number %lu", number);
    MUST(spr_span_start(tracer, name, (size_t)length, &span), 1);
    MUST(spr_traceparent_inject(&span.context, identity), 0);
    printf("begin %s %lu %lu\n", identity, number, (unsigned long)size);
    fflush(stdout);
    write_text(number, size);
    MUST(spr_span_set_string(&span, SPR_S("half"), text, size / 2), 0); /* it grows twice */
    MUST(spr_span_set_string(&span, SPR_S("rest"), text + size / 2, size - size / 2), 0);
    MUST(spr_provider_statistics(provider, &statistics), 0);
    if (statistics.cut_texts != cut) {
        cut = statistics.cut_texts;
        printf("cut %s\n", identity);
        fflush(stdout);
    }
    return span;
}

static void end(spr_provider *provider, const spr_span *span) {
    char identity[SPR_TRACEPARENT_SIZE];
    MUST(spr_traceparent_inject(&span->context, identity), 0);
    const int result = spr_span_end(span);
    if (result != 0) MUST(result, -105); /* ENOBUFS */
    printf("%s %s\n", result == 0 ? "ended" : "full", identity);
    fflush(stdout);
    if (result != 0) MUST(spr_provider_flush(provider, 60ull * 1000 * 1000 * 1000), 0);
}

int main(int words, char **arguments) {
    spr_provider_options options = SPR_PROVIDER_OPTIONS_INIT;
    spr_provider *provider;
    spr_tracer *tracer;
    char line[16];
    if (words < 3) return 2;
    options.service_name = arguments[1];
    const unsigned long count = strtoul(arguments[2], NULL, 10);
    const unsigned long open = words > 3 ? strtoul(arguments[3], NULL, 10) : 0;
    MUST(spr_provider_open(&options, &provider), 0);
    MUST(spr_tracer_get(provider, "large", SPR_NUL, NULL, 0, NULL, 0, &tracer), 0);
    unsigned long number = 0;
    for (; count == 0 || number < count; ++number) {
        const spr_span span = begin(provider, tracer, number, sizes[number % (sizeof sizes / sizeof *sizes)]);
        end(provider, &span);
        if (number == 40) puts("many");
    }
    static const size_t open_sizes[] = {LARGEST, 100 << 10, 200 << 10, 300};
    for (unsigned long i = 0; i < open; ++i) begin(provider, tracer, number + i, open_sizes[i]);
    puts("ready");
    fflush(stdout);
    if (open != 0 && fgets(line, sizeof line, stdin) == NULL) return 0;
    MUST(spr_provider_shutdown(provider, 60ull * 1000 * 1000 * 1000), 0);
    return 0;
}
