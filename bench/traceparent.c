/* SPDX-License-Identifier: Apache-2.0 */
/* Nanoseconds to write and to read a traceparent, over 64 different ones; five rounds, to see how quiet the machine is.
 */
#define _POSIX_C_SOURCE 199309L

#include <spanring/spanring.h>
#include <stdio.h>
#include <time.h>

#define HEADERS 64
#define CALLS 20000000

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

int main(void) {
    static spr_context contexts[HEADERS];
    static char headers[HEADERS][SPR_TRACEPARENT_SIZE];
    spr_context context;
    int failed = 0;
    spr_traceparent_extract("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", SPR_NUL, &context);
    for (int i = 0; i < HEADERS; ++i) {
        contexts[i] = context;
        contexts[i].span_id[7] = (uint8_t)i;
    }
    for (int round = 0; round < 5; ++round) {
        const double start = now();
        for (int i = 0; i < CALLS; ++i) failed |= spr_traceparent_inject(&contexts[i % HEADERS], headers[i % HEADERS]);
        const double middle = now();
        for (int i = 0; i < CALLS; ++i)
            failed |= spr_traceparent_extract(headers[i % HEADERS], SPR_TRACEPARENT_SIZE - 1, &context);
        printf("inject %.1f ns, extract %.1f ns\n", (middle - start) / CALLS, (now() - middle) / CALLS);
    }
    return failed != 0;
}
