/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a profiler looks at: does what each line on its standard input says, by the library, and answers each with a
 * line. A child that it makes answers in its place until its own "exit".
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spanring/spanring.h"

static spr_provider *provider;
static spr_tracer *tracer;
static spr_token tokens[16];
static int attached;

/* Every byte of the ids says which one it is. Flags too, so that a mixture is seen. 0: none. */
static spr_context context_of(int number) {
    spr_context context;
    memset(&context, 0, sizeof context);
    memset(context.trace_id, number, sizeof context.trace_id);
    memset(context.span_id, number, sizeof context.span_id);
    context.trace_flags = (uint8_t)number;
    return context;
}

static int open_provider(const char *service) {
    spr_provider_options options = SPR_PROVIDER_OPTIONS_INIT;
    options.service_name = service;
    options.service_name_size = SPR_NUL;
    const int error = spr_provider_open(&options, &provider);
    return error != 0 ? error : spr_tracer_get(provider, "profiled", SPR_NUL, NULL, 0, NULL, 0, &tracer);
}

static int make_span(void) {
    spr_span span;
    const int started = spr_span_start(tracer, "span", SPR_NUL, &span);
    return started == 1 ? spr_span_end(&span) : started;
}

static int attach(int number) {
    const spr_context context = context_of(number);
    return spr_context_attach(&context, &tokens[attached++]);
}
/* A trace's id and no span's. */
static int attach_half(void) {
    spr_context context = context_of(1);
    memset(context.span_id, 0, sizeof context.span_id);
    return spr_context_attach(&context, &tokens[attached++]);
}
static int detach(void) { return spr_context_detach(&tokens[--attached]); }

/* Another library's process context, as far as its name. */
static int map_foreign(const char *name) {
    const int file = (int)syscall(SYS_memfd_create, name, 0);
    if (file < 0 || ftruncate(file, 4096) != 0) return -errno;
    return mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, file, 0) == MAP_FAILED ? -errno : 0;
}

static int deny_memfd(void) {
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0), /* the system call's number */
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_memfd_create, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -errno;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0 ? -errno : 0;
}

static void in_handler(int number) {
    (void)number;
    const spr_context inner = context_of(4), outer = context_of(3);
    spr_token first, second;
    spr_context_attach(&outer, &first);
    spr_context_attach(&inner, &second);
    spr_context_detach(&second);
    spr_context_detach(&first);
}

/* Attaches 1, 2 inside of it, and none inside of that, for ever. */
static void turn(void) {
    const spr_context one = context_of(1), two = context_of(2), none = context_of(0);
    signal(SIGUSR1, in_handler);
    printf("turning\n");
    fflush(stdout);
    for (unsigned round = 0;; ++round) {
        /* Each has been another context's before, which is seen if it is shown too early. */
        spr_token *first = &tokens[round % 3], *second = &tokens[(round + 1) % 3], *third = &tokens[(round + 2) % 3];
        spr_context_attach(&one, first);
        spr_context_attach(&two, second);
        spr_context_attach(&none, third);
        spr_context_detach(third);
        spr_context_detach(second);
        spr_context_detach(first);
    }
}

static void *attached_thread(void *number) {
    const spr_context context = context_of((int)(intptr_t)number);
    spr_token token;
    spr_context_attach(&context, &token);
    printf("%ld\n", (long)syscall(SYS_gettid));
    fflush(stdout);
    for (;;) pause();
    return NULL;
}

static int start_thread(int number) {
    pthread_t thread;
    return -pthread_create(&thread, NULL, attached_thread, (void *)(intptr_t)number);
}

static void serve(void) {
    char line[256];
    while (fgets(line, sizeof line, stdin) != NULL) {
        char word[32] = "", rest[128] = "";
        sscanf(line, "%31s %127s", word, rest);
        int answer = -EINVAL;
        if (strcmp(word, "exit") == 0) _exit(0);
        if (strcmp(word, "turn") == 0) turn();
        if (strcmp(word, "thread") == 0) {
            if (start_thread(atoi(rest)) == 0) continue; /* which answers */
        }
        if (strcmp(word, "fork") == 0 || strcmp(word, "clone") == 0) {
            const pid_t child = *word == 'f' ? fork() : (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
            if (child != 0) waitpid(child, NULL, 0);
            answer = (int)getpid();
        }
        if (strcmp(word, "open") == 0) answer = open_provider(rest);
        if (strcmp(word, "span") == 0) answer = make_span();
        if (strcmp(word, "shutdown") == 0) answer = spr_provider_shutdown(provider, 0);
        if (strcmp(word, "attach") == 0) answer = attach(atoi(rest));
        if (strcmp(word, "attach-half") == 0) answer = attach_half();
        if (strcmp(word, "detach-second") == 0) answer = spr_context_detach(&tokens[1]);
        if (strcmp(word, "detach") == 0) answer = detach();
        if (strcmp(word, "foreign") == 0) answer = map_foreign(rest);
        if (strcmp(word, "deny-memfd") == 0) answer = deny_memfd();
        printf("%d\n", answer);
        fflush(stdout);
    }
}

int main(void) {
    serve();
    return 0;
}
