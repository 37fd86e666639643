/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hostile process, again and again: each generation makes a real segment, writes some spans, prints its name, and
 * then scribbles into the whole mapping at full speed, as far as it goes and in ways of its own. It dies in the middle
 * of it, and the next one begins, until the standard input ends. Uses the public header and the shared library alone.
 *
 *     scribbler [--seed S]
 */
#define _GNU_SOURCE
#include <poll.h>
#include <spanring/spanring.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { kWrites = 4000000 };

/* Where a generation writes: by docs/shared-memory.md. */
typedef struct region {
    const char *what;
    size_t from, to;
} region;
static const region kRegions[] = {
    {"everything", 0, SIZE_MAX},
    {"open spans and spans", 0x156000, SIZE_MAX},
    {"chunk words", 0x14e000, 0x14f000},
    {"marks", 0x14d000, 0x14e000},
    {"what is said about huge places", 0x14b000, 0x14d000},
    {"what extents are used for", 0x2b000, 0x2b040},
    {"header, control and the writer's page", 0, 0x4000},
    {"resource and scopes", 0x4000, 0xb000},
    {"counters", 0xb000, 0x2b000},
};

static uint64_t state;

static uint64_t next_random(void) { /* xorshift64* */
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * 0x2545f4914f6cdd1dull;
}

/* This process's segment: the only file that is mapped and called so. */
static unsigned char *find_segment(size_t *size, char *name, size_t room) {
    FILE *maps = fopen("/proc/self/maps", "re");
    unsigned char *found = NULL;
    char line[4096];
    while (maps != NULL && found == NULL && fgets(line, sizeof line, maps) != NULL) {
        unsigned long begin, end;
        const char *slash = strrchr(line, '/');
        if (slash == NULL || strstr(slash, ".spr") == NULL || sscanf(line, "%lx-%lx", &begin, &end) != 2) continue;
        snprintf(name, room, "%.*s", (int)strcspn(slash + 1, "\n "), slash + 1);
        found = (unsigned char *)begin;
        *size = end - begin;
    }
    if (maps != NULL) fclose(maps);
    return found;
}

/* Noise, and what is worse: what may nearly be right. */
static uint64_t bad_value(uint64_t now) {
    const uint64_t random = next_random();
    switch (random >> 61) {
        case 0: return 0;
        case 1: return UINT64_MAX;
        case 2: return now ^ (1ull << (random & 63));
        case 3: return now + 1;
        case 4: return now - 1;
        case 5: return random & 0xffff;
        default: return random;
    }
}

static void make_spans(spr_tracer *tracer, int count) {
    for (int i = 0; i < count; ++i) {
        spr_span span;
        if (spr_span_start(tracer, "scribbled", SPR_NUL, &span) != 1) continue;
        spr_span_set_string(&span, "key", SPR_NUL, "a value that is long enough to hit", SPR_NUL);
        spr_span_end(&span);
    }
}

static int generation(unsigned number) {
    spr_provider_options options = SPR_PROVIDER_OPTIONS_INIT;
    spr_provider *provider;
    spr_tracer *tracer;
    options.service_name = "scribbler";
    options.memory_limit = 512 << 10;
    if (spr_provider_open(&options, &provider) != 0) return 3;
    if (spr_tracer_get(provider, "scribbler", SPR_NUL, NULL, 0, NULL, 0, &tracer) != 0) return 3;
    spr_span open[3];
    make_spans(tracer, 100);
    for (int i = 0; i < 3; ++i) spr_span_start(tracer, "left open", SPR_NUL, &open[i]);

    size_t size = 0;
    char name[64];
    unsigned char *segment = find_segment(&size, name, sizeof name);
    if (segment == NULL) return 3;
    const region *where = &kRegions[number % (sizeof kRegions / sizeof *kRegions)];
    const size_t to = where->to < size ? where->to : size;
    printf("%s %s\n", name, where->what);
    fflush(stdout);
    for (int i = 0; i < kWrites; ++i) {
        volatile uint64_t *word =
            (volatile uint64_t *)(segment + where->from) + next_random() % ((to - where->from) / 8);
        *word = bad_value(*word);
    }
    return 0;
}

int main(int count, char **words) {
    const uint64_t seed = count == 3 && strcmp(words[1], "--seed") == 0 ? strtoull(words[2], NULL, 10) : 1;
    for (unsigned number = 0;; ++number) {
        struct pollfd input = {STDIN_FILENO, POLLIN, 0};
        if (poll(&input, 1, 0) > 0) return 0; /* its end */
        fflush(stdout);
        const pid_t child = fork();
        if (child < 0) return 3;
        if (child == 0) {
            state = (seed << 32) + number + 1;
            _exit(generation(number)); /* without a shutdown */
        }
        int status = 0;
        if (waitpid(child, &status, 0) < 0) return 3;
        if (WIFEXITED(status) && WEXITSTATUS(status) != 0) return WEXITSTATUS(status);
        /* A signal is what it asked for. */
    }
}
