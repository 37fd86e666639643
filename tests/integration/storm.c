/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything at once: threads, processes, forks, signals. Each mode makes a number of spans that its caller knows, or
 * prints "started N ended N"; a call that returns what spanring.h does not promise ends the program with 3.
 *
 *     storm one N                N spans, then exit
 *     storm churn N              N threads of three spans, which end in every way there is
 *     storm crowd N              N threads at once, ten spans each
 *     storm processes N          N processes of three spans, 16 at a time; every fourth is killed after them
 *     storm forks                children of every kind; prints what they made
 *     storm prefork N            a server with four workers that die and are replaced, N in all, and whose parent dies
 * first storm execs N              N times exec of itself, three spans each time storm helpers N            vfork,
 * posix_spawn and system() N times with a span open storm signals MS           eight threads, interrupted 10,000 times
 * a second by a handler that traces storm full N               N spans into the smallest ring storm grow N N spans into
 * one that may grow storm copies LIBRARY N     the library and a copy of it, loaded and closed N times, tracing storm
 * steady               spans until its input ends
 *     storm scopes N             N scopes, each with a span of its name, then nothing until its input ends
 *     storm providers N          N providers in turn, of five spans and one that stays open, then nothing until its
 *                                input ends
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spanring/spanring.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;
static char *self;
static spr_provider *provider;
static spr_tracer *tracer;
static uint64_t started, ended; /* atomic */

static void must(int holds, const char *what, long value) {
    if (holds) return;
    fprintf(stderr, "storm: %s: %ld (%s)\n", what, value, value < 0 ? spr_strerror((int)value) : strerror(errno));
    _exit(3);
}

static void open_library(const char *service, uint64_t memory) {
    spr_provider_options options = SPR_PROVIDER_OPTIONS_INIT;
    options.service_name = service;
    options.memory_limit = memory;
    int error = spr_provider_open(&options, &provider);
    must(error == 0, "spr_provider_open", error);
    error = spr_tracer_get(provider, "storm", SPR_NUL, NULL, 0, NULL, 0, &tracer);
    must(error == 0, "spr_tracer_get", error);
}

/* One span. Refusals for lack of room are the library's to count; they are counted here as well. */
static void span(const char *name) {
    spr_span one;
    const int result = spr_span_start(tracer, name, SPR_NUL, &one);
    must(result == 1 || result == -ENOBUFS || result == -EBUSY, "spr_span_start", result);
    if (result != 1) return;
    __atomic_fetch_add(&started, 1, __ATOMIC_RELAXED);
    spr_span_set_string(&one, "storm", 5, "a value", 7);
    const int error = spr_span_end(&one);
    must(error == 0 || error == -ENOBUFS || error == -EBUSY, "spr_span_end", error);
    __atomic_fetch_add(&ended, 1, __ATOMIC_RELAXED);
}
static void spans(const char *name, long count) {
    for (long i = 0; i < count; ++i) span(name);
}
static void say(void) {
    printf("started %llu ended %llu\n", (unsigned long long)started, (unsigned long long)ended);
    fflush(stdout);
}
static void wait_all(void) {
    while (wait(NULL) > 0 || errno == EINTR) {
    }
}

/* ---- Threads --------------------------------------------------------------------------------------------------- */

static void *leave_by_return(void *unused) {
    spans("thread", 3);
    return unused;
}
static void *leave_by_exit(void *unused) {
    spans("thread", 3);
    pthread_exit(unused);
}
static void *leave_cancelled(void *unused) {
    spans("thread", 3);
    for (;;) pause();
    return unused;
}
static void *vanish(void *done) {
    spans("thread", 3);
    __atomic_store_n((int *)done, 1, __ATOMIC_RELEASE);
    syscall(SYS_exit, 0);
    return NULL;
}

static void churn(long count) {
    static void *(*const kWays[])(void *) = {leave_by_return, leave_by_exit, leave_cancelled, leave_by_return};
    open_library("storm-churn", 0);
    enum { kTogether = 16 };
    for (long i = 0; i < count; i += kTogether) {
        pthread_t threads[kTogether];
        for (int k = 0; k < kTogether; ++k)
            must(pthread_create(&threads[k], NULL, kWays[k % 4], NULL) == 0, "pthread_create", k);
        for (int k = 0; k < kTogether; ++k) {
            if (k % 4 == 2) pthread_cancel(threads[k]);
            pthread_join(threads[k], NULL);
        }
        if (i % 1600 == 0) { /* now and then one that no destructor sees; its stack stays, as it must */
            static pthread_attr_t detached;
            static int done;
            done = 0;
            pthread_attr_init(&detached);
            pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
            pthread_t thread;
            must(pthread_create(&thread, &detached, vanish, &done) == 0, "pthread_create", i);
            while (__atomic_load_n(&done, __ATOMIC_ACQUIRE) == 0) sched_yield();
        }
    }
    say();
}

static pthread_barrier_t barrier;
static void *in_a_crowd(void *unused) {
    pthread_barrier_wait(&barrier);
    spans("crowd", 10);
    pthread_barrier_wait(&barrier);
    return unused;
}
static void crowd(long count) {
    open_library("storm-crowd", 64 << 20);
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 64 << 10);
    pthread_barrier_init(&barrier, NULL, (unsigned)count);
    pthread_t *threads = calloc((size_t)count, sizeof *threads);
    for (long i = 0; i < count; ++i)
        must(pthread_create(&threads[i], &small, in_a_crowd, NULL) == 0, "pthread_create", i);
    for (long i = 0; i < count; ++i) pthread_join(threads[i], NULL);
    free(threads);
    say();
}

/* ---- Processes ------------------------------------------------------------------------------------------------- */

static void run_self(const char *mode, const char *number) {
    char *arguments[] = {self, (char *)mode, (char *)number, NULL};
    execv(self, arguments);
    must(0, "execv", -errno);
}

static void processes(long count) {
    for (long i = 0, running = 0; i < count || running > 0;) {
        if (i < count && running < 16) {
            char *arguments[] = {self, i % 4 == 3 ? "killed" : "one", "3", NULL};
            pid_t child;
            must(posix_spawn(&child, self, NULL, NULL, arguments, environ) == 0, "posix_spawn", i);
            ++i;
            ++running;
        } else if (wait(NULL) > 0) {
            --running;
        }
    }
}

static pid_t child(void (*does)(void)) {
    const pid_t pid = fork();
    must(pid >= 0, "fork", pid);
    if (pid == 0) {
        does();
        _exit(0);
    }
    return pid;
}
static void traces(void) { spans("child", 5); }
static void does_nothing(void) {}
static void has_a_child_of_its_own(void) {
    span("child");
    child(traces);
    span("child");
    wait_all();
}
static void is_a_daemon(void) {
    setsid();
    DIR *folder = opendir("/proc/self/fd");
    for (const struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
        const int fd = atoi(entry->d_name);
        if (fd > 2 && fd != dirfd(folder)) close(fd);
    }
    spans("child", 5);
}
static void forks(void) {
    open_library("storm-forks", 0);
    spr_span outer;
    must(spr_span_start(tracer, "outer", 5, &outer) == 1, "spr_span_start", 0);
    child(traces);
    child(does_nothing);
    child(has_a_child_of_its_own);
    child(is_a_daemon);
    const long raw = syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL); /* no fork handlers */
    must(raw >= 0, "clone", raw);
    if (raw == 0) {
        must(spr_span_end(&outer) == -ESTALE, "a child ends its parent's span", 0);
        spans("child", 5);
        _exit(0);
    }
    wait_all();
    spans("parent", 5);
    must(spr_span_end(&outer) == 0, "spr_span_end", 0);
    say();
}

static void serves(void) { spans("request", 100); }
static void prefork(long count) {
    open_library("storm-prefork", 0);
    span("listening");
    for (long made = 0, running = 0; made < count || running > 0;) {
        if (made < count && running < 4) {
            child(serves);
            ++made;
            ++running;
        } else if (wait(NULL) > 0) {
            --running;
        }
    }
    if (fork() == 0) { /* the last one outlives its parent, and traces then */
        char byte;
        while (read(0, &byte, 1) > 0) {
        }
        serves();
        _exit(0);
    }
    printf("prefork\n");
    fflush(stdout);
    kill(getpid(), SIGKILL);
}

static void execs(long count) {
    open_library("storm-execs", 0);
    spans("before exec", 3);
    if (count == 1) return;
    char number[32];
    snprintf(number, sizeof number, "%ld", count - 1);
    run_self("execs", number);
}

static void helpers(long count) {
    open_library("storm-helpers", 0);
    for (long i = 0; i < count; ++i) {
        spr_span outer;
        must(spr_span_start(tracer, "helper", 6, &outer) == 1, "spr_span_start", 0);
        started++;
        char *arguments[] = {(char *)"true", NULL};
        pid_t pid;
        if (i % 3 == 0) {
            must(system("true") == 0, "system", i);
        } else if (i % 3 == 1) {
            must(posix_spawnp(&pid, "true", NULL, NULL, arguments, environ) == 0, "posix_spawn", i);
            waitpid(pid, NULL, 0);
        } else {
            pid = vfork();
            if (pid == 0) {
                execvp("true", arguments);
                _exit(127);
            }
            waitpid(pid, NULL, 0);
        }
        must(spr_span_end(&outer) == 0, "spr_span_end", 0);
        ended++;
    }
    say();
}

/* ---- Signals, room, copies ----------------------------------------------------------------------------------------
 */

static volatile int stop;
static void on_signal(int number) {
    (void)number;
    const int error = errno;
    span("handler");
    errno = error;
}
static void *interrupted(void *unused) {
    while (!stop) span("interrupted");
    return unused;
}
static void signals(long milliseconds) {
    open_library("storm-signals", 64 << 20);
    pthread_t threads[8];
    const struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigaction(SIGPROF, &action, NULL);
    for (int i = 0; i < 8; ++i) must(pthread_create(&threads[i], NULL, interrupted, NULL) == 0, "pthread_create", i);
    const struct itimerval often = {{0, 100}, {0, 100}}, never = {{0, 0}, {0, 0}};
    setitimer(ITIMER_PROF, &often, NULL);
    struct timespec begin, now;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    do {
        poll(NULL, 0, 10);
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while ((now.tv_sec - begin.tv_sec) * 1000 + (now.tv_nsec - begin.tv_nsec) / 1000000 < milliseconds);
    setitimer(ITIMER_PROF, &never, NULL);
    stop = 1;
    for (int i = 0; i < 8; ++i) pthread_join(threads[i], NULL);
    say();
}

static void copies(const char *library, long count) {
    for (long i = 0; i < count; ++i) {
        void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
        must(handle != NULL, dlerror(), i);
        int (*open_provider)(const spr_provider_options *, spr_provider **);
        int (*get)(spr_provider *, const char *, size_t, const char *, size_t, const char *, size_t, spr_tracer **);
        int (*start)(spr_tracer *, const char *, size_t, spr_span *);
        int (*end)(const spr_span *);
        *(void **)&open_provider = dlsym(handle, "spr_provider_open");
        *(void **)&get = dlsym(handle, "spr_tracer_get");
        *(void **)&start = dlsym(handle, "spr_span_start");
        *(void **)&end = dlsym(handle, "spr_span_end");
        static spr_tracer *copied;
        if (i == 0) {
            spr_provider *other;
            spr_provider_options options = SPR_PROVIDER_OPTIONS_INIT;
            options.service_name = "storm-copy";
            must(open_provider(&options, &other) == 0, "spr_provider_open of the copy", 0);
            must(get(other, "copy", SPR_NUL, NULL, 0, NULL, 0, &copied) == 0, "spr_tracer_get of the copy", 0);
        }
        spr_span one;
        must(start(copied, "copy", SPR_NUL, &one) == 1 && end(&one) == 0, "a span of the copy", i);
        span("original");
        dlclose(handle); /* the library stays: it has threads' and fork's handlers */
    }
    say();
}

static void providers(long count) {
    for (long i = 0; i < count; ++i) {
        spr_span open;
        open_library("storm-providers", 1);
        must(spr_span_start(tracer, "open", SPR_NUL, &open) == 1, "spr_span_start", i);
        spans("in turn", 5);
        const int error = spr_provider_shutdown(provider, 0);
        must(error == 0 || error == -ETIMEDOUT, "spr_provider_shutdown", error);
        must(spr_span_end(&open) == -ESTALE, "spr_span_end of a provider that is shut down", i);
    }
}

static void scopes(long count) {
    open_library("storm-scopes", 0);
    for (long i = 0; i < count; ++i) {
        char name[32];
        snprintf(name, sizeof name, "scope %ld", i);
        const int error = spr_tracer_get(provider, name, SPR_NUL, "1.0", SPR_NUL, NULL, 0, &tracer);
        must(error == 0, "spr_tracer_get", error);
        span(name);
    }
}

int main(int count, char **words) {
    self = words[0];
    const char *mode = count > 1 ? words[1] : "";
    const long number = count > 2 ? strtol(words[count - 1], NULL, 10) : 0;
    if (strcmp(mode, "churn") == 0)
        churn(number);
    else if (strcmp(mode, "crowd") == 0)
        crowd(number);
    else if (strcmp(mode, "processes") == 0)
        processes(number);
    else if (strcmp(mode, "forks") == 0)
        forks();
    else if (strcmp(mode, "prefork") == 0)
        prefork(number);
    else if (strcmp(mode, "execs") == 0)
        execs(number);
    else if (strcmp(mode, "helpers") == 0)
        helpers(number);
    else if (strcmp(mode, "signals") == 0)
        signals(number);
    else if (strcmp(mode, "one") == 0 || strcmp(mode, "killed") == 0) {
        open_library("storm-one", 0);
        spans("one", number);
        if (strcmp(mode, "killed") == 0) kill(getpid(), SIGKILL);
    } else if (strcmp(mode, "full") == 0) {
        open_library("storm-full", 1);
        spans("full", number);
        say();
    } else if (strcmp(mode, "grow") == 0) {
        open_library("storm-grow", 64 << 20);
        spans("grow", number);
        say();
    } else if (strcmp(mode, "copies") == 0 && count == 4) {
        open_library("storm-original", 0);
        copies(words[2], number);
    } else if (strcmp(mode, "providers") == 0 || strcmp(mode, "scopes") == 0) {
        (strcmp(mode, "scopes") == 0 ? scopes : providers)(number);
        struct pollfd input = {0, POLLIN, 0};
        poll(&input, 1, -1);
        say();
    } else if (strcmp(mode, "steady") == 0) {
        open_library("storm-steady", 0);
        struct pollfd input = {0, POLLIN, 0};
        do {
            spans("steady", 20);
        } while (poll(&input, 1, 1) == 0);
        say();
    } else {
        fputs("storm: which?\n", stderr);
        return 2;
    }
    return 0;
}
