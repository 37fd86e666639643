/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program that loads a plugin which carries the library: loader PLUGIN. Two threads trace with it. Ends with 2, and
 * says why, where the C library refuses to load it.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <spanring/spanring.h>

#define EXPECT(condition)                                                           \
    do {                                                                            \
        if (!(condition)) {                                                         \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
            return 1;                                                               \
        }                                                                           \
    } while (0)

static void *plugin;

/* A symbol, into a pointer to a function: ISO C has no cast for that. */
static int find(const char *name, void *ret_function) {
    void *const symbol = dlsym(plugin, name);
    memcpy(ret_function, &symbol, sizeof symbol);
    return symbol != NULL;
}

static spr_tracer *tracer;

static int trace(void) {
    int (*start)(spr_tracer *, const char *, size_t, spr_span *);
    int (*attach)(const spr_span *, spr_span_token *);
    int (*detach)(spr_token *);
    int (*end)(const spr_span *);
    spr_span outer, inner;
    spr_span_token token;
    EXPECT(find("spr_span_start", &start) && find("spr_span_attach", &attach));
    EXPECT(find("spr_context_detach", &detach) && find("spr_span_end", &end));
    EXPECT(start(tracer, SPR_S("outer"), &outer) == 1 && attach(&outer, &token) == 0);
    EXPECT(start(tracer, SPR_S("inner"), &inner) == 1);
    EXPECT(memcmp(inner.context.trace_id, outer.context.trace_id, sizeof inner.context.trace_id) == 0);
    EXPECT(end(&inner) == 0 && detach(&token.token) == 0 && end(&outer) == 0);
    return 0;
}

static void *trace_in_a_thread(void *failed) {
    *(int *)failed = trace();
    return NULL;
}

int main(int argc, char **argv) {
    int (*open)(const spr_provider_options *, spr_provider **);
    int (*get)(spr_provider *, const char *, size_t, const char *, size_t, const char *, size_t, spr_tracer **);
    int (*state)(const spr_provider *);
    spr_provider *provider;
    pthread_t thread;
    int failed = 1;
    EXPECT(argc == 2);
    plugin = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    if (plugin == NULL) {
        puts(dlerror());
        return 2;
    }
    EXPECT(find("spr_provider_open", &open) && find("spr_tracer_get", &get) && find("spr_provider_state", &state));
    EXPECT(open(NULL, &provider) == 0 && get(provider, SPR_S("plugin"), NULL, 0, NULL, 0, &tracer) == 0);
    EXPECT(trace() == 0 && state(provider) == 1);
    EXPECT(pthread_create(&thread, NULL, trace_in_a_thread, &failed) == 0 && pthread_join(thread, NULL) == 0 &&
           failed == 0);
    return 0;
}
