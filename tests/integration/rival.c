/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process of another user that keeps the rules and is of no use to anybody, until its input ends:
 *
 *     rival flush      one span and one flush after another, as fast as it goes
 *     rival segments N N processes that have a segment and do nothing more
 *
 * Says "ready" once it has begun.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <signal.h>
#include <spanring/spanring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static spr_provider *provider;
static spr_tracer *tracer;

static int begin(void) {
    spr_provider_options options = SPR_PROVIDER_OPTIONS_INIT;
    options.service_name = "bob";
    options.service_name_size = SPR_NUL;
    return spr_provider_open(&options, &provider) >= 0 &&
           spr_tracer_get(provider, SPR_S("rival"), NULL, 0, NULL, 0, &tracer) >= 0;
}

static int span(void) {
    spr_span made;
    if (spr_span_start(tracer, "rival", SPR_NUL, &made) != 1) return 0;
    spr_span_end(&made);
    return 1;
}

static int goes_on(void) {
    struct pollfd input = {0, POLLIN, 0};
    return poll(&input, 1, 0) == 0;
}

static void ready(void) {
    puts("ready");
    fflush(stdout);
}

static int flush(void) {
    if (!begin()) return 3;
    ready();
    while (goes_on()) {
        span();
        spr_provider_flush(provider, 500 * 1000); /* whether or not it is answered by then */
    }
    return 0;
}

static int segments(int count) {
    for (int i = 0; i < count; ++i) {
        const pid_t child = fork();
        if (child < 0) return 3;
        if (child != 0) continue;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (!begin() || !span()) _exit(3);
        for (;;) pause();
    }
    ready();
    while (goes_on()) usleep(10 * 1000);
    return 0; /* and they with it */
}

int main(int argc, char **argv) {
    if (argc == 2 && strcmp(argv[1], "flush") == 0) return flush();
    if (argc == 3 && strcmp(argv[1], "segments") == 0) return segments(atoi(argv[2]));
    fputs("rival: which?\n", stderr);
    return 2;
}
