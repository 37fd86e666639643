/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes spans with every field there is, and writes what it set as JSON lines to a file of its own, for comparison with
 * what arrives. Uses the public header and the shared library alone. A call that returns anything but what
 * spanring.h promises ends the program with 3.
 *
 *     producer --record FILE [--count N] [--seed S] [--service NAME] [--open K] [--hold] [--endless] [--rate N]
 *              [--flush SECONDS] [--limits A,E,L] [--caller TRACEPARENT] [--expect-off]
 *
 *     --open K      leaves K further spans open
 *     --hold        prints "ready" when done and waits until its standard input ends
 *     --endless     goes on until its standard input ends; prints "ready" after the first span
 *     --rate N      about N spans a second
 *     --limits      what OTEL_SPAN_{ATTRIBUTE,EVENT,LINK}_COUNT_LIMIT say
 *     --caller      the span of another process that is the parent of some; else one and the same for every producer
 *     --expect-off  tracing is off: checks that no call records, and prints "off ERRNO"
 */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "attributes.h"
#include "must.h"
#include "span.h"

static void open_provider(producer *self) {
    spr_attribute attributes[] = {string_attribute("deployment.environment.name", "prüfung", strlen("prüfung")),
                                  int64_attribute("test.seed", (int64_t)self->arguments.seed)};
    spr_provider_options options = SPR_PROVIDER_OPTIONS_INIT;
    options.full_policy =
        SPR_FULL_WAIT; /* exact counts: nothing may be dropped while the agent is slower than we are */
    options.full_wait_ns = 60ull * 1000000000u;
    options.service_name = self->arguments.service;
    options.resource_attributes = attributes;
    options.resource_attribute_count = 2;
    MUST(spr_provider_open(&options, &self->provider), 0);

    expected_attributes expected = {.count = 0};
    spr_attribute service = string_attribute("service.name", self->arguments.service, strlen(self->arguments.service));
    expect_attribute(&expected, &service);
    for (size_t i = 0; i < 2; ++i) expect_attribute(&expected, &attributes[i]);
    write_resource(self->record, &expected);

    MUST(spr_tracer_get(self->provider, "shop.checkout", SPR_NUL, "1.2.3", SPR_NUL,
                        "https://opentelemetry.io/schemas/1.26.0", SPR_NUL, &self->tracers[0]),
         0);
    MUST(spr_tracer_get(self->provider, "shop.stock", SPR_NUL, NULL, 0, NULL, 0, &self->tracers[1]), 0);
    MUST(spr_tracer_get(self->provider, "Lager", SPR_NUL, "β2", SPR_NUL, NULL, 0, &self->tracers[2]), 0);
}

static int input_ended(int wait) {
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    return poll(&input, 1, wait ? -1 : 0) > 0;
}

static void say_ready(void) {
    puts("ready");
    fflush(stdout);
}

static void pace(const producer *self, unsigned long made) {
    if (self->arguments.rate == 0 || made % 64 != 0) return;
    const struct timespec pause = {.tv_nsec = (long)(64000000000ull / self->arguments.rate % 1000000000ull)};
    nanosleep(&pause, NULL); /* load, not a verdict */
}

static void run(producer *self) {
    const arguments *given = &self->arguments;
    unsigned long made = 0;
    for (; made < given->count || given->endless; ++made) {
        if (given->endless && made % 64 == 0 && input_ended(0)) break;
        one_span(self, made, 0);
        if (made == 0) MUST(spr_provider_state(self->provider), 1);
        if (made == 0 && given->endless) say_ready();
        pace(self, made);
    }
    for (unsigned long i = 0; i < given->open; ++i) one_span(self, made + i, 1);
    if (given->hold) {
        say_ready();
        input_ended(1);
    }
    if (given->flush_seconds) MUST(spr_provider_flush(self->provider, given->flush_seconds * 1000000000ull), 0);
}

/* Tracing is off: no call records, and none fails in another way. Prints why, as a number. */
static void run_off(producer *self) {
    for (unsigned long i = 0; i < self->arguments.count; ++i) {
        spr_span span;
        memset(&span, 0xff, sizeof span);
        MUST(spr_span_start(self->tracers[i % 3], "off", SPR_NUL, &span) < 0, 1);
        MUST(spr_span_is_recording(&span), 0);
        MUST(spr_span_set_int64(&span, "key", SPR_NUL, 1), 0);
        MUST(spr_span_set_status(&span, SPR_STATUS_ERROR, "x", 1), 0);
        MUST(spr_span_end(&span), 0);
    }
    MUST(spr_tracer_enabled(self->tracers[0]), 0);
    spr_statistics statistics = SPR_STATISTICS_INIT;
    MUST(spr_provider_statistics(self->provider, &statistics), 0);
    MUST((long)statistics.started, 0);
    const int state = spr_provider_state(self->provider);
    MUST(state < 0, 1);
    printf("off %d\n", -state);
}

static unsigned long number(const char *option, const char *value) {
    char *end;
    errno = 0;
    const unsigned long result = strtoul(value, &end, 10);
    if (errno || end == value || *end) {
        fprintf(stderr, "producer: --%s: '%s' is not a number\n", option, value);
        exit(2);
    }
    return result;
}

static arguments parse(int argc, char **argv) {
    static const struct option kOptions[] = {
        {"record", 1, NULL, 'r'}, {"count", 1, NULL, 'c'},  {"seed", 1, NULL, 's'},    {"service", 1, NULL, 'n'},
        {"open", 1, NULL, 'o'},   {"hold", 0, NULL, 'h'},   {"endless", 0, NULL, 'e'}, {"rate", 1, NULL, 'R'},
        {"flush", 1, NULL, 'f'},  {"limits", 1, NULL, 'l'}, {"caller", 1, NULL, 'p'},  {"expect-off", 0, NULL, 'x'},
        {NULL, 0, NULL, 0}};
    arguments given = {.service = "producer",
                       .caller = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                       .seed = 1,
                       .attribute_limit = 128,
                       .event_limit = 128,
                       .link_limit = 128};
    int option, which = 0;
    while ((option = getopt_long(argc, argv, "", kOptions, &which)) != -1) {
        switch (option) {
            case 'r': given.record = optarg; break;
            case 'n': given.service = optarg; break;
            case 'p': given.caller = optarg; break;
            case 'c': given.count = number("count", optarg); break;
            case 's': given.seed = number("seed", optarg); break;
            case 'o': given.open = number("open", optarg); break;
            case 'R': given.rate = number("rate", optarg); break;
            case 'f': given.flush_seconds = number("flush", optarg); break;
            case 'h': given.hold = 1; break;
            case 'e': given.endless = 1; break;
            case 'x': given.expect_off = 1; break;
            case 'l':
                if (sscanf(optarg, "%lu,%lu,%lu", &given.attribute_limit, &given.event_limit, &given.link_limit) == 3)
                    break;
                /* fall through */
            default: fprintf(stderr, "producer: wrong command line; see the head of producer/main.c\n"); exit(2);
        }
    }
    if (!given.record || optind != argc) {
        fprintf(stderr, "producer: needs --record FILE, and nothing but options\n");
        exit(2);
    }
    return given;
}

int main(int argc, char **argv) {
    producer self;
    memset(&self, 0, sizeof self);
    self.arguments = parse(argc, argv);
    self.random = self.arguments.seed * 0x9e3779b97f4a7c15ull + 1;
    self.record = fopen(self.arguments.record, "we");
    if (!self.record) {
        perror(self.arguments.record);
        return 2;
    }
    open_provider(&self);
    if (self.arguments.expect_off) {
        run_off(&self);
    } else {
        run(&self);
    }
    fclose(self.record);
    return 0;
}
