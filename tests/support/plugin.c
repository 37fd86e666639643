/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plugin that carries the library: linked to the static one it goes with it when it is closed. Its worker traces
 * until the plugin's own exit handler has joined it, which is after the destructor functions have run.
 */
#include <pthread.h>
#include <stdlib.h>

#include "spanring/spanring.h"

int plugin_open(void);
int plugin_span(void);
int plugin_shut_down(void);
int plugin_work(void);

static spr_provider *provider;
static spr_tracer *tracer;
static pthread_t worker;
static int working, stop;

int plugin_open(void) {
    spr_provider_options options = SPR_PROVIDER_OPTIONS_INIT;
    options.service_name = "plugin";
    options.memory_limit = 1; /* as little as there is */
    const int error = spr_provider_open(&options, &provider);
    return error != 0 ? error : spr_tracer_get(provider, "plugin", SPR_NUL, NULL, 0, NULL, 0, &tracer);
}

int plugin_span(void) {
    spr_span span;
    const int started = spr_span_start(tracer, "span", SPR_NUL, &span);
    return started == 1 ? spr_span_end(&span) : started;
}

int plugin_shut_down(void) { return spr_provider_shutdown(provider, 0); }

static void *work(void *unused) {
    (void)unused;
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) plugin_span();
    return NULL;
}

static void end_worker(void) {
    if (!working) return;
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    pthread_join(worker, NULL);
}

int plugin_work(void) {
    const int error = pthread_create(&worker, NULL, work, NULL);
    working = error == 0;
    return -error;
}

/* As the destructor of a static object of C++ would be: registered as the plugin is loaded. */
__attribute__((constructor)) static void load(void) { atexit(end_worker); }
