/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads that start and end spans until they are killed, and tell the truth about it in shared memory of their own:
 * what is there after a SIGKILL is what was done before it. Uses the public header and the shared library alone.
 *
 *     churner --truth FILE --service NAME [--threads N] [--pause NS] [--memory BYTES] [--policy drop|overwrite]
 *
 * Each thread has two series of spans: "inner T S", many in turn, and "outer T S", one open at a time around kInner of
 * them. T is the thread, S counts from 1. The truth of a series: three numbers, each stored at its moment:
 *
 *     started    spr_span_start() of S returned 1
 *     begun      spr_span_end() of S is about to be called
 *     returned   it returned 0; a span that was dropped is counted in `dropped` instead
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pthread.h>
#include <spanring/spanring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { kInner = 20, kThreads = 64 };

typedef struct series {
    volatile uint64_t started, begun, returned, dropped;
} series;
typedef struct truth { /* of a thread; two cache lines */
    series inner, outer;
    uint64_t reserved[8];
} truth;

typedef struct thread {
    pthread_t id;
    unsigned number;
    truth *truth;
} thread;

static spr_tracer *tracer;
static long pause_ns = 20000;

static int start(const char *kind, const thread *self, series *series, spr_span *span) {
    char name[64];
    const int size =
        snprintf(name, sizeof name, "%s %u %llu", kind, self->number, (unsigned long long)(series->started + 1));
    const int result = spr_span_start(tracer, name, (size_t)size, span);
    if (result == 1) series->started = series->started + 1;
    return result;
}

static void end(series *series, const spr_span *span) {
    series->begun = series->begun + 1;
    if (spr_span_end(span) == 0)
        series->returned = series->begun;
    else
        series->dropped = series->dropped + 1;
}

static void *run(void *argument) {
    thread *self = argument;
    for (;;) {
        spr_span outer;
        if (start("outer", self, &self->truth->outer, &outer) != 1) continue; /* no slot: counted by the library */
        spr_span_set_string(&outer, "filler", 6, "a value that takes some room in the slot of an open span", 56);
        spr_token token;
        spr_context_attach(&outer.context, &token);
        for (int i = 0; i < kInner; ++i) {
            spr_span inner;
            if (start("inner", self, &self->truth->inner, &inner) != 1) continue;
            spr_span_set_int64(&inner, "i", 1, i);
            end(&self->truth->inner, &inner);
            if (pause_ns != 0) {
                const struct timespec time = {0, pause_ns};
                nanosleep(&time, NULL);
            }
        }
        spr_context_detach(&token);
        end(&self->truth->outer, &outer);
    }
    return NULL;
}

static int fail(const char *what, int error) {
    fprintf(stderr, "churner: %s: %s\n", what, error < 0 ? spr_strerror(error) : strerror(error));
    return 1;
}

int main(int count, char **words) {
    const char *truth_file = NULL;
    spr_provider_options options = SPR_PROVIDER_OPTIONS_INIT;
    unsigned threads = 2;
    static const struct option kOptions[] = {
        {"truth", 1, NULL, 't'},  {"service", 1, NULL, 's'}, {"threads", 1, NULL, 'n'}, {"pause", 1, NULL, 'p'},
        {"memory", 1, NULL, 'm'}, {"policy", 1, NULL, 'o'},  {NULL, 0, NULL, 0}};
    for (int option; (option = getopt_long(count, words, "", kOptions, NULL)) != -1;) {
        switch (option) {
            case 't': truth_file = optarg; break;
            case 's': options.service_name = optarg; break;
            case 'n': threads = (unsigned)strtoul(optarg, NULL, 10); break;
            case 'p': pause_ns = strtol(optarg, NULL, 10); break;
            case 'm': options.memory_limit = strtoull(optarg, NULL, 10); break;
            case 'o':
                options.full_policy =
                    strcmp(optarg, "overwrite") == 0 ? SPR_FULL_OVERWRITE_OLDEST : SPR_FULL_DROP_NEWEST;
                break;
            default: return 2;
        }
    }
    if (truth_file == NULL || threads == 0 || threads > kThreads) {
        fputs("churner: needs --truth FILE and 1 to 64 --threads\n", stderr);
        return 2;
    }
    const int file = open(truth_file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0 || ftruncate(file, (off_t)(threads * sizeof(truth))) != 0) return fail(truth_file, errno);
    truth *truths = mmap(NULL, threads * sizeof(truth), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (truths == MAP_FAILED) return fail(truth_file, errno);

    spr_provider *provider;
    int error = spr_provider_open(&options, &provider);
    if (error == 0) error = spr_tracer_get(provider, "churner", SPR_NUL, NULL, 0, NULL, 0, &tracer);
    if (error != 0) return fail("the library does not open", error);
    static thread workers[kThreads];
    for (unsigned i = 0; i < threads; ++i) {
        workers[i].number = i;
        workers[i].truth = &truths[i];
        error = pthread_create(&workers[i].id, NULL, run, &workers[i]);
        if (error != 0) return fail("pthread_create", error);
    }
    for (;;) pause(); /* ended by its parent */
}
