/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A wall clock that can be stepped, for one process: to be preloaded. SPANRING_TEST_CLOCK names a file of eight bytes,
 * the nanoseconds by which CLOCK_REALTIME is off; whoever writes it steps the clock. Every other clock is the kernel's.
 *
 * A time namespace shifts CLOCK_MONOTONIC and not this one, and to step the machine's own clock is no test's business.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

typedef int (*get_time)(clockid_t, struct timespec *);

static get_time kernels;
static const int64_t *off;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("SPANRING_TEST_CLOCK");
    const int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *memory = file < 0 ? MAP_FAILED : mmap(NULL, sizeof *off, PROT_READ, MAP_SHARED, file, 0);
    if (file >= 0) close(file);
    if (memory == MAP_FAILED) abort();
    off = memory;
    *(void **)&kernels = dlsym(RTLD_NEXT, "clock_gettime");
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    if (!kernels) *(void **)&kernels = dlsym(RTLD_NEXT, "clock_gettime");
    const int result = kernels(clock, time);
    if (result || !off || (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE)) return result;
    const int64_t total = (int64_t)time->tv_sec * 1000000000 + time->tv_nsec + __atomic_load_n(off, __ATOMIC_RELAXED);
    time->tv_sec = total / 1000000000;
    time->tv_nsec = total % 1000000000;
    return 0;
}

int gettimeofday(struct timeval *restrict to, void *restrict zone) {
    struct timespec now;
    (void)zone;
    const int result = clock_gettime(CLOCK_REALTIME, &now);
    to->tv_sec = now.tv_sec;
    to->tv_usec = now.tv_nsec / 1000;
    return result;
}

time_t time(time_t *to) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (to) *to = now.tv_sec;
    return now.tv_sec;
}
