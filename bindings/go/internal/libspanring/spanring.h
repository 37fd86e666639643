/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spanring: OpenTelemetry spans through shared memory.
 *
 * A span is written into a segment of shared memory as OTLP bytes; spanring-agent, another process, drains it and
 * exports it. What was ended is outside this process the moment spr_span_end() returns: it survives exit, a crash
 * and SIGKILL.
 *
 * Conventions
 *
 *  1. Strings are pointer + length in bytes, need no terminator, are UTF-8, and are copied before the call returns.
 *     A byte that is no UTF-8 becomes '?' on its way (in the agent's copy); only keys and trace states are refused for one.
 *     The length SPR_NUL says "ends at its NUL". A NULL pointer is an empty string. Nothing that is passed in is
 *     kept, except where a function says so (spr_token, and what spr_context_attach_with() attaches).
 *  2. A function that can fail returns 0 or a positive value, or a negative errno (spr_strerror() explains it).
 *     Its ret_ parameters are untouched on failure, except ret_span, which then is a span that does nothing.
 *  3. NULL and spent handles are safe everywhere: the call does nothing and returns -EINVAL (NULL) or -ESTALE (ended,
 *     shut down, or inherited over fork()). The library never crashes, blocks, prints, or touches errno.
 *     One thing ends the application, by SIGBUS: its own user (or root) truncates the file of its live segment. Removing
 *     it does not.
 *  4. Every struct of options starts with struct_size, set by its initializer macro. A newer caller's larger struct is
 *     accepted if what is unknown is zero; otherwise -E2BIG. A size that ends inside of a member is refused (-EINVAL).
 *     Reserved members are zero.
 *  5. Times are nanoseconds since the Unix epoch; 0 means "now". Durations are nanoseconds.
 *  6. Cost classes. HOT: no system call, no allocation, no lock, no thread; a bounded number of instructions. COLD: may
 *     make system calls. The first HOT call of a thread, the first after a fork(), one that finds the segment too small,
 *     and one that finds the agent asleep run a COLD step inside (map, populate; open and close the segment's file, once
 *     for a sleep); every other does not.
 *     Of the caller's stack a HOT call needs at most 1 KiB, or 3 KiB where it takes lists, exceptions, whole spans, trace
 *     states (a sampler's as well) or headers; a COLD call or step 4 KiB.
 *
 * Threads, forks, signals
 *
 *     object          many threads at once?    in a signal handler?             in a child after fork()?
 *     spr_provider    yes                      no (open, flush, shutdown)       yes: it makes its own segment
 *     spr_tracer      yes                      yes, once obtained               yes
 *     spr_span        one thread at a time;    a span that the handler itself   no: its calls return -ESTALE; the
 *                     any thread may go on     started, also when it            span belongs to the parent and
 *                     after a hand-over        interrupts this library          ends there
 *     spr_token       its own thread only      yes                              the copy of the forking thread
 *
 *  A hand-over of a span between threads is ordered by the caller (a mutex, a queue). A handler that interrupts a
 *  handler that interrupts this library is refused and counted. A handler that interrupts it returns before its thread
 *  has begun to trace with five other providers. fork(), vfork(), exec(), daemon(), closing every
 *  descriptor, dlclose(), exit() and _exit() without shutdown are all ordinary. A plugin that carries the static library
 *  may be closed when no thread is in a call: what was open ends there as unfinished, and its providers and tracers with
 *  it. The shared library stays until the process ends.
 *
 *  A profiler on this host that may read the memory of this process sees the resource from the first
 *  spr_provider_open() on (OTEP 4719) and the attached context of each thread (OTEP 4947). The variable
 *  SPANRING_PROFILER_CONTEXT=off in the environment of that call switches both off.
 *
 * Sources: OpenTelemetry specification, trace/api.md and trace/sdk.md (v1.60); opentelemetry-proto trace/v1 (v1.10);
 * W3C Trace Context (level 2), W3C Baggage, B3.
 */
#ifndef SPANRING_SPANRING_H
#define SPANRING_SPANRING_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SPR_VERSION_MAJOR 0
#define SPR_VERSION_MINOR 2
#define SPR_VERSION_PATCH 0

#if defined(__GNUC__)
#define SPR_PUBLIC __attribute__((visibility("default")))
#else
#define SPR_PUBLIC
#endif

#if defined(__cplusplus)
#define SPR_NOEXCEPT noexcept
#if __cplusplus < 201103L
#error "spanring.h needs C99 or C++11"
#endif
#else
#define SPR_NOEXCEPT
#endif

/* The length of a string that ends at its NUL. */
#define SPR_NUL ((size_t)-1)

/* A string literal as the two arguments, or members, pointer and length: spr_span_set_string(&span, SPR_S("key"), ...). */
#define SPR_S(literal) "" literal "", (sizeof(literal) - 1)

/* ---- Handles and values ------------------------------------------------------------------------------------- */

/*
 * Both are owned by the library and may be used until the process ends. Those of a provider that was shut down do nothing,
 * while others come and go: a pointer is given out again after 4,000 other providers, or 3,000 other tracers.
 */
typedef struct spr_provider spr_provider;
typedef struct spr_tracer spr_tracer;

/* What identifies a span to others (specification: SpanContext). An all-zero context is "none". */
typedef struct spr_context {
    uint8_t trace_id[16];
    uint8_t span_id[8];
    uint8_t trace_flags; /* W3C: bit 0 sampled, bit 1 random */
    uint8_t is_remote;   /* 1: it came from another process */
    uint8_t sampling[6]; /* the library's: how likely its trace was to be sampled; zero: not known */
} spr_context;

#define SPR_TRACE_FLAG_SAMPLED 0x01
#define SPR_TRACE_FLAG_RANDOM 0x02

/*
 * A span, in memory of the caller, filled by spr_span_start(). It may be copied and moved; every copy names the same
 * span. {0} is a span that does nothing. `handle` is the library's; `context` may be read at any time.
 */
typedef struct spr_span {
    uint64_t handle; /* 0: not recorded */
    spr_context context;
} spr_span;

/*
 * An attached context: kept by the library, in memory of the caller, from spr_context_attach() until
 * spr_context_detach(). Its content is the library's.
 */
typedef struct spr_token {
    spr_context context;
    struct spr_token *previous;
    uint64_t reserved; /* the library's, not zero: what spr_context_attach_with() attached */
    uint64_t record[4]; /* what a profiler sees of it (OTEP 4947) */
} spr_token;

/* The same for a span: spr_span_attach(), and spr_context_detach(&token.token). */
typedef struct spr_span_token {
    spr_token token;
    spr_span span; /* the library's */
} spr_span_token;

/* Text in memory of the caller, for functions that write: never beyond capacity, and without a terminator. */
typedef struct spr_text {
    char *data;
    size_t size;     /* bytes in use */
    size_t capacity; /* bytes that there are; 0: read only */
} spr_text;

/*
 * What goes with a request from process to process. flags and trace_state belong to the trace of context; baggage is
 * independent of it. Trace state and baggage are the values of their headers, and sent as they are: fill them with
 * spr_extract(), or with spr_tracestate_*() and spr_baggage_*() below.
 */
typedef struct spr_propagated {
    uint32_t struct_size;
    uint32_t flags; /* SPR_PROPAGATED_* */
    spr_context context;
    spr_text trace_state; /* one that comes and is longer than its capacity is cut by W3C's rules */
    spr_text baggage;
} spr_propagated;

#define SPR_PROPAGATED_DEBUG 0x01 /* B3's debug flag: handed on as it came */

#define SPR_PROPAGATED_INIT {sizeof(spr_propagated), 0, {{0}, {0}, 0, 0, {0}}, {NULL, 0, 0}, {NULL, 0, 0}}

/* Values are those of opentelemetry.proto.trace.v1.Span.SpanKind. */
#define SPR_KIND_INTERNAL 1
#define SPR_KIND_SERVER 2
#define SPR_KIND_CLIENT 3
#define SPR_KIND_PRODUCER 4
#define SPR_KIND_CONSUMER 5

/* Values are those of opentelemetry.proto.trace.v1.Status.StatusCode. */
#define SPR_STATUS_UNSET 0
#define SPR_STATUS_OK 1
#define SPR_STATUS_ERROR 2

/* Values are the field numbers of opentelemetry.proto.common.v1.AnyValue. */
#define SPR_TYPE_STRING 1
#define SPR_TYPE_BOOL 2
#define SPR_TYPE_INT64 3
#define SPR_TYPE_DOUBLE 4
#define SPR_TYPE_ARRAY 5      /* of values of any types */
#define SPR_TYPE_KEY_VALUES 6 /* of pairs of a key and a value */
#define SPR_TYPE_BYTES 7      /* not text: not checked, not repaired */
#define SPR_TYPE_EMPTY 100    /* no value: what a language's null becomes */
/* The bits of int64 without a sign. Above INT64_MAX it becomes decimal digits, a string: OTLP has no such integer
 * (specification: common/attribute-type-mapping.md, Integer Values). */
#define SPR_TYPE_UINT64 101
/*
 * Lists in lists (specification: common/README.md, Attribute Limits). Parsers stop at 100 messages in one another, of
 * which a request takes 7 to an attribute's value, an array 2 and a key-value list 3: so it is some 46 arrays, or 31
 * key-value lists, that count. A list that is deeper becomes SPR_TYPE_EMPTY.
 */
#define SPR_VALUE_DEPTH 64

typedef struct spr_value spr_value;
typedef struct spr_attribute spr_attribute;

typedef union spr_any {
    struct {
        const char *data;
        size_t size;
    } string;
    uint64_t boolean; /* 0 or not 0 */
    int64_t int64;
    double float64;
    struct {
        const void *data;
        size_t size; /* never SPR_NUL */
    } bytes;
    struct {
        const spr_value *values;
        size_t count;
    } array;
    struct {
        const spr_attribute *pairs; /* keys as those of attributes; which of two equal ones counts is the backend's */
        size_t count;
    } key_values;
} spr_any;

struct spr_value {
    uint32_t type; /* SPR_TYPE_* */
    uint32_t reserved;
    spr_any value;
};

struct spr_attribute {
    const char *key; /* not empty */
    size_t key_size;
    uint32_t type; /* SPR_TYPE_* */
    uint32_t reserved;
    spr_any value;
};

/* ---- Provider and tracer: COLD ------------------------------------------------------------------------------ */

#define SPR_FULL_DROP_NEWEST 0      /* refuse the span that does not fit, and count it (default) */
#define SPR_FULL_OVERWRITE_OLDEST 1 /* flight recorder: the oldest finished chunk gives way, and is counted */
#define SPR_FULL_WAIT 2             /* wait up to full_wait_ns for room in spr_span_end(), then drop and count */

#define SPR_MEMORY_AS_NEEDED 0 /* the segment is made at the first span, and takes memory as it grows (default) */
#define SPR_MEMORY_AT_OPEN 1   /* spr_provider_open() makes it, with all of its memory; see there */

typedef struct spr_provider_options {
    uint32_t struct_size;
    uint32_t full_policy;                     /* SPR_FULL_* */
    const char *service_name;                 /* NULL: OTEL_SERVICE_NAME, else unknown_service:PROGRAM */
    size_t service_name_size;                 /* bytes */
    const spr_attribute *resource_attributes; /* beside OTEL_RESOURCE_ATTRIBUTES; these win */
    size_t resource_attribute_count;
    uint64_t memory_limit; /* bytes of shared memory at most; 0: SPANRING_MEMORY_LIMIT, else 16 MiB. Less than 512 KiB,
                              one segment of one extent, counts as that; RLIMIT_FSIZE may make it less */
    uint64_t full_wait_ns; /* for SPR_FULL_WAIT */
    /* Span limits (specification: trace/sdk.md, Span Limits). 0: the variable named beside it, else the specification's default. */
    uint32_t attribute_count_limit;        /* OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT, OTEL_ATTRIBUTE_COUNT_LIMIT; 128 */
    uint32_t attribute_value_length_limit; /* OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT, OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT;
                                              none. Longer texts are cut to so many characters and bytes to so many
                                              bytes, in lists as well; on spans, events and links. */
    uint32_t event_count_limit;            /* OTEL_SPAN_EVENT_COUNT_LIMIT; 128 */
    uint32_t link_count_limit;             /* OTEL_SPAN_LINK_COUNT_LIMIT; 128 */
    uint32_t event_attribute_count_limit;  /* of each event: OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT; 128 */
    uint32_t link_attribute_count_limit;   /* of each link: OTEL_LINK_ATTRIBUTE_COUNT_LIMIT; 128 */
    const char *resource_schema_url;       /* NULL: none */
    size_t resource_schema_url_size;       /* bytes */
    /* Since 0.2 */
    uint32_t memory; /* SPR_MEMORY_* */
    uint32_t reserved;
} spr_provider_options;

#define SPR_LIMIT_NONE 0xffffffffu /* -1: no limit: 65,535 of a kind in a span, values of any length */
#define SPR_LIMIT_ZERO 0xfffffffeu /* not one; texts of no length */

#define SPR_PROVIDER_OPTIONS_INIT \
    {sizeof(spr_provider_options), 0, NULL, SPR_NUL, NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0, NULL, SPR_NUL, 0, 0}

/*
 * Opens a provider: reads the environment, prepares the resource. The segment itself is made at the first span.
 * options may be NULL. Where tracing is off (SPANRING_DISABLED=1, OTEL_SDK_DISABLED=true, OTEL_TRACES_EXPORTER=none,
 * AT_SECURE, or no usable runtime directory) it succeeds all the same and every later call is a cheap no-op:
 * spr_provider_state() says why.
 * With SPR_MEMORY_AT_OPEN the segment is made here, and all of memory_limit and of the library's own memory is taken from
 * the system (or tracing is off: it is not tried again). From then on spans, in any thread, make no system call but
 * those of a clock without a vDSO: for programs that install a filter of system calls afterwards. What still makes some:
 * spr_provider_flush(), spr_provider_shutdown() and SPR_FULL_WAIT where they wait, tracers of scopes of more than 400
 * bytes, and the first span of a child. Ids of threads are not recorded, and those that vanish without their destructors
 * are not looked for.
 * Errors: -EINVAL, -E2BIG (options), -EMFILE (8 are open in this process; one that is shut down gives its place back).
 */
SPR_PUBLIC int spr_provider_open(const spr_provider_options *options, spr_provider **ret_provider) SPR_NOEXCEPT;

/*
 * 1: segment is there. 0: none yet, the first span will make it. Negative: tracing is off, and why (-ECANCELED by
 * SPANRING_DISABLED, OTEL_SDK_DISABLED or OTEL_TRACES_EXPORTER, -EPERM AT_SECURE, -ESHUTDOWN after shutdown, else the
 * error of the system that spoiled the runtime directory or the segment). What may pass (-EMFILE, -ENFILE, -ENOSPC,
 * -ENOMEM, -EAGAIN; -EFBIG: RLIMIT_FSIZE is below the smallest segment) is tried again by a later span, at most once a
 * second, and by the first span of each child.
 */
SPR_PUBLIC int spr_provider_state(const spr_provider *provider) SPR_NOEXCEPT;

/*
 * Waits until the agent has taken over (delivered or spooled) every span that ended before the call, at most
 * timeout_ns. With 0 it does not wait: it says whether that is so already. Errors: -ETIMEDOUT. What was not taken over
 * stays in the segment and is not lost.
 */
SPR_PUBLIC int spr_provider_flush(spr_provider *provider, uint64_t timeout_ns) SPR_NOEXCEPT;

/*
 * Flushes, then refuses every later call (-ESHUTDOWN, of a span -ESTALE) and gives everything back. The segment stays for
 * the agent, which drains it as that of a process that has ended: what ended is not lost, spans still open are exported as
 * unfinished. Other threads that have traced with the provider keep the segment from that until they begin to trace
 * with another one, or end. Errors: those of spr_provider_flush(); the provider is shut down in every case. Afterwards this and
 * spr_provider_flush() return the same, and spr_provider_statistics() what was counted until then; once another provider
 * was opened in its place all return -ESHUTDOWN. Not needed before exit.
 */
SPR_PUBLIC int spr_provider_shutdown(spr_provider *provider, uint64_t timeout_ns) SPR_NOEXCEPT;

/*
 * The tracer of an instrumentation scope; the same arguments give the same tracer. version and schema_url may be NULL.
 * Errors: -EINVAL, -ESHUTDOWN, -ENOSPC (more than 8,191 scopes, or 896 KiB of them; with SPR_MEMORY_AT_OPEN 127 and
 * 14 KiB; use a tracer you have).
 */
SPR_PUBLIC int spr_tracer_get(spr_provider *provider, const char *name, size_t name_size, const char *version,
                              size_t version_size, const char *schema_url, size_t schema_url_size,
                              spr_tracer **ret_tracer) SPR_NOEXCEPT;

/* All that identifies a scope (specification: common/instrumentation-scope.md). */
typedef struct spr_tracer_options {
    uint32_t struct_size;
    uint32_t reserved;
    const char *name;
    size_t name_size;
    const char *version; /* may be NULL */
    size_t version_size;
    const char *schema_url; /* may be NULL */
    size_t schema_url_size;
    const spr_attribute *attributes; /* of two equal keys the last counts */
    size_t attribute_count;
} spr_tracer_options;

#define SPR_TRACER_OPTIONS_INIT \
    {sizeof(spr_tracer_options), 0, NULL, SPR_NUL, NULL, SPR_NUL, NULL, SPR_NUL, NULL, 0}

/*
 * The tracer of a scope that has attributes. Other attributes, or the same in another order, are another tracer. Errors:
 * those of spr_tracer_get(), -EINVAL also for an attribute that is not one, -E2BIG (options).
 */
SPR_PUBLIC int spr_tracer_get_with(spr_provider *provider, const spr_tracer_options *options,
                                   spr_tracer **ret_tracer) SPR_NOEXCEPT;

/* 1 where a span of this tracer can be recorded at present, else 0: for guarding costly arguments. HOT. */
SPR_PUBLIC int spr_tracer_enabled(const spr_tracer *tracer) SPR_NOEXCEPT;

/* ---- Spans: HOT --------------------------------------------------------------------------------------------- */

typedef struct spr_link {
    spr_context context; /* its flags, and whether it is remote, are recorded with the link. One that is not valid is
                            taken where there are attributes or a trace state (specification: trace/api.md, Link) */
    const spr_attribute *attributes;
    size_t attribute_count;
    const char *trace_state; /* W3C tracestate of the linked span; may be NULL */
    size_t trace_state_size;
    uint32_t dropped_attributes; /* left out before this call; added to those that are refused here */
    uint32_t reserved;
} spr_link;

typedef struct spr_event {
    const char *name;
    size_t name_size;
    uint64_t time_ns; /* 0: now */
    const spr_attribute *attributes;
    size_t attribute_count;
    uint32_t dropped_attributes; /* left out before this call; added to those that are refused here */
    uint32_t reserved;
} spr_event;

#define SPR_PARENT_CURRENT 0  /* the context attached to this thread, else a new trace (default) */
#define SPR_PARENT_EXPLICIT 1 /* parent; an invalid (all-zero) one starts a new trace */
#define SPR_PARENT_ROOT 2     /* a new trace */

/* Who decides whether a span is recorded. The agent's "off" goes before all of them. */
#define SPR_SAMPLING_ASK 0    /* the sampler, or the agent's rule in its place (default) */
#define SPR_SAMPLING_RECORD 1 /* the caller: it is recorded, whatever sampler and parent say; its children follow it */
#define SPR_SAMPLING_DROP 2   /* the caller: it is not recorded, and counts as not sampled */

/* Everything about a start in one call; for bindings and for spans with links (a sampler sees them). */
typedef struct spr_start_options {
    uint32_t struct_size;
    uint8_t kind;        /* SPR_KIND_*; 0: internal */
    uint8_t parent_mode; /* SPR_PARENT_* */
    uint16_t reserved;
    uint64_t start_time_ns;    /* 0: now */
    const spr_context *parent; /* for SPR_PARENT_EXPLICIT */
    const spr_attribute *attributes;
    size_t attribute_count;
    const spr_link *links;
    size_t link_count;
    const char *trace_state; /* W3C tracestate to be recorded with the span; empty: that which is attached, if any */
    size_t trace_state_size;
    /* Since 0.2 */
    const spr_context *context; /* ids of its own; one that is zero is made. NULL: both are made */
    uint32_t sampling;          /* SPR_SAMPLING_* */
    uint32_t reserved_word;
} spr_start_options;

#define SPR_START_OPTIONS_INIT {sizeof(spr_start_options), 0, 0, 0, 0, NULL, NULL, 0, NULL, 0, NULL, 0, NULL, 0, 0}

/* Everything about an end in one call. Attributes, events and status are added before the span ends. */
typedef struct spr_end_options {
    uint32_t struct_size;
    uint8_t status; /* SPR_STATUS_*; 0 leaves it as it is */
    uint8_t reserved[3];
    uint64_t end_time_ns; /* 0: now; never before the start */
    const char *name;     /* NULL: as it is */
    size_t name_size;
    const char *status_message; /* only with SPR_STATUS_ERROR */
    size_t status_message_size;
    const spr_attribute *attributes;
    size_t attribute_count;
    const spr_event *events;
    size_t event_count;
} spr_end_options;

#define SPR_END_OPTIONS_INIT {sizeof(spr_end_options), 0, {0, 0, 0}, 0, NULL, 0, NULL, 0, NULL, 0, NULL, 0}

/*
 * Starts a span: parent is the context attached to this thread, kind internal, start now.
 * Returns 1: recorded. 0: not sampled; *ret_span still carries a context to propagate. Negative: refused and counted
 * (-ENOBUFS no slot, -EBUSY nested too deep), or tracing is off (-ECANCELED); the context is the parent's then.
 */
SPR_PUBLIC int spr_span_start(spr_tracer *tracer, const char *name, size_t name_size, spr_span *ret_span) SPR_NOEXCEPT;

/*
 * The same, with everything said. options may be NULL.
 * Ids of its own (options->context) are for a program that has them already: of a proxy's request, of another tracer.
 * Below a parent the trace id is the parent's. Its sampled flag decides nothing: the sampler is asked with that trace
 * id; its random flag says of a trace id without a parent whether its lowest 56 bits are random. Two spans of the same
 * ids are the caller's mistake and are not found here. options->sampling is for one request (specification:
 * trace/sdk.md, Sampling); a span that is recorded by it says no probability.
 * More errors: -EINVAL (also: another trace id than the parent's), -E2BIG.
 */
SPR_PUBLIC int spr_span_start_with(spr_tracer *tracer, const char *name, size_t name_size,
                                   const spr_start_options *options, spr_span *ret_span) SPR_NOEXCEPT;

/*
 * Attributes. A key set again replaces its value (and takes its room until the end). A value that is not UTF-8 is
 * repaired by the agent, byte for byte; one that does not fit into the span is cut between two characters, so that a
 * little room is left for others, and counted (spr_statistics.cut_texts). Errors: -EINVAL (empty key, or one that is not
 * UTF-8), -EDQUOT (over OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT), -ENOBUFS (no room, however short its texts), -ESTALE. What is
 * refused is counted in the span's dropped_attributes_count. A span that is not recorded returns 0.
 */
SPR_PUBLIC int spr_span_set_string(const spr_span *span, const char *key, size_t key_size, const char *value,
                                   size_t value_size) SPR_NOEXCEPT;
SPR_PUBLIC int spr_span_set_bool(const spr_span *span, const char *key, size_t key_size, int value) SPR_NOEXCEPT;
SPR_PUBLIC int spr_span_set_int64(const spr_span *span, const char *key, size_t key_size, int64_t value) SPR_NOEXCEPT;
SPR_PUBLIC int spr_span_set_double(const spr_span *span, const char *key, size_t key_size, double value) SPR_NOEXCEPT;

/* Several at once. Returns how many were refused, or a negative errno. */
SPR_PUBLIC int spr_span_set_attributes(const spr_span *span, const spr_attribute *attributes,
                                       size_t attribute_count) SPR_NOEXCEPT;

/*
 * Errors as for attributes; what is refused is counted in dropped_events_count and dropped_links_count. Of texts that do
 * not fit together the longest are cut; a link's trace state is not.
 */
SPR_PUBLIC int spr_span_add_event(const spr_span *span, const spr_event *event) SPR_NOEXCEPT;
SPR_PUBLIC int spr_span_add_link(const spr_span *span, const spr_link *link) SPR_NOEXCEPT;

/* An exception, by the semantic conventions (exceptions/exceptions-spans.md). At least type or message is given. */
typedef struct spr_exception {
    uint32_t struct_size;
    uint32_t reserved;
    const char *type; /* exception.type; NULL: not said */
    size_t type_size;
    const char *message; /* exception.message; NULL: not said */
    size_t message_size;
    const char *stacktrace; /* exception.stacktrace; NULL: not said */
    size_t stacktrace_size;
    uint64_t time_ns;                /* 0: now */
    const spr_attribute *attributes; /* more of them; one with a key of the above wins */
    size_t attribute_count;
} spr_exception;

#define SPR_EXCEPTION_INIT {sizeof(spr_exception), 0, NULL, SPR_NUL, NULL, SPR_NUL, NULL, SPR_NUL, 0, NULL, 0}

/*
 * Adds the event "exception". The status stays as it is (specification: trace/api.md, Record Exception). Errors: those of
 * spr_span_add_event(), -EINVAL also where neither type nor message is given, -E2BIG.
 */
SPR_PUBLIC int spr_span_record_exception(const spr_span *span, const spr_exception *exception) SPR_NOEXCEPT;

/*
 * Names and messages that do not fit are cut as attributes are, and replace what was there.
 * OK is final; UNSET is ignored; a message is kept only with ERROR (specification: trace/api.md, Set Status).
 * Returns 1 where the call changed nothing for one of these reasons.
 */
SPR_PUBLIC int spr_span_set_status(const spr_span *span, int code, const char *message,
                                   size_t message_size) SPR_NOEXCEPT;
SPR_PUBLIC int spr_span_set_name(const spr_span *span, const char *name, size_t name_size) SPR_NOEXCEPT;
SPR_PUBLIC int spr_span_set_kind(const spr_span *span, int kind) SPR_NOEXCEPT;

/* 1 while the span is open and recorded, else 0. */
SPR_PUBLIC int spr_span_is_recording(const spr_span *span) SPR_NOEXCEPT;

/*
 * Ends the span now. When this returns 0 the span is committed: it survives the death of this process.
 * Errors: -ENOBUFS (ring full: dropped and counted), -EBUSY (nested too deep: dropped and counted), -ESTALE (ended
 * before, or inherited over fork()). A span that is not recorded returns 0.
 */
SPR_PUBLIC int spr_span_end(const spr_span *span) SPR_NOEXCEPT;

/* The same, with everything said. options may be NULL. More errors: -EINVAL, -E2BIG (the span stays open). */
SPR_PUBLIC int spr_span_end_with(const spr_span *span, const spr_end_options *options) SPR_NOEXCEPT;

/* A span that was measured elsewhere, whole: by another clock, another thread, another tool. */
typedef struct spr_whole_span {
    uint32_t struct_size;
    uint8_t kind;   /* SPR_KIND_*; 0: internal */
    uint8_t status; /* SPR_STATUS_* */
    uint8_t reserved[2];
    const spr_context *context; /* its own, as it is known elsewhere; NULL: made as at a start */
    const spr_context *parent;  /* of the same trace; NULL or all zero: none */
    const char *name;
    size_t name_size;
    uint64_t start_time_ns;     /* 0: now */
    uint64_t end_time_ns;       /* 0: now; never before the start */
    const char *status_message; /* only with SPR_STATUS_ERROR */
    size_t status_message_size;
    const char *trace_state; /* W3C tracestate; may be NULL */
    size_t trace_state_size;
    const spr_attribute *attributes;
    size_t attribute_count;
    const spr_event *events;
    size_t event_count;
    const spr_link *links;
    size_t link_count;
    uint32_t dropped_attributes; /* left out before this call, each; added to those that are refused here */
    uint32_t dropped_events;
    uint32_t dropped_links;
    uint32_t reserved_word;
} spr_whole_span;

#define SPR_WHOLE_SPAN_INIT                                                                                      \
    {sizeof(spr_whole_span), 0, 0, {0, 0}, NULL, NULL, NULL, 0, 0, 0, NULL, 0, NULL, 0, NULL, 0, NULL, 0, NULL, 0, 0, 0, \
     0, 0}

/*
 * Records it: a start and an end in one call, under the same limits. Without a context of its own it goes through the
 * sampler like any other; with one that was decided where it was measured, and the sampled flag says how. *ret_context
 * (may be NULL) is the span's context in every case but -EINVAL and -E2BIG. HOT.
 * Returns 1: committed. 0: not sampled. Errors: those of spr_span_start_with() and spr_span_end(), -EINVAL also where the
 * context is not valid.
 */
SPR_PUBLIC int spr_span_record(spr_tracer *tracer, const spr_whole_span *span, spr_context *ret_context) SPR_NOEXCEPT;

/* ---- Context: HOT ------------------------------------------------------------------------------------------- */

/* Lower-case hexadecimal digits of the ids, with their NUL: what logs and URLs have. */
#define SPR_TRACE_ID_HEX_SIZE 33
#define SPR_SPAN_ID_HEX_SIZE 17

/*
 * Writes an id of a context as digits and a NUL; zeros where the context has none. May be called anywhere, in a signal
 * handler too. Errors: -EINVAL (NULL). Source: OpenTelemetry specification, trace/api.md, Retrieving the TraceId and
 * SpanId.
 */
SPR_PUBLIC int spr_trace_id_hex(const spr_context *context, char ret_hex[SPR_TRACE_ID_HEX_SIZE]) SPR_NOEXCEPT;
SPR_PUBLIC int spr_span_id_hex(const spr_context *context, char ret_hex[SPR_SPAN_ID_HEX_SIZE]) SPR_NOEXCEPT;

/* The context attached to this thread. Returns 1, or 0 and an all-zero context where there is none. */
SPR_PUBLIC int spr_context_current(spr_context *ret_context) SPR_NOEXCEPT;

/*
 * Attaches a context to this thread: it is the parent of the spans that start here until it is detached.
 * *token stays at its place, unmoved, until spr_context_detach(). Attaching a span: &span.context.
 */
SPR_PUBLIC int spr_context_attach(const spr_context *context, spr_token *token) SPR_NOEXCEPT;

/*
 * Detaches. Returns 1 where tokens attached later were still there (they are detached with it), -EINVAL where the
 * token is not attached to this thread.
 */
SPR_PUBLIC int spr_context_detach(spr_token *token) SPR_NOEXCEPT;

/*
 * Attaches a context with everything that is propagated. *propagated and the texts in it stay as they are until the
 * detach, and may be attached to several threads at once. A context that is attached inside of this one by spr_context_attach()
 * keeps the baggage, and the trace state where it is of the same trace; one that is attached by this function has its
 * own and no other: begin with spr_context_current_with() to change a part. A span that starts under it records the
 * trace state.
 * Errors: -EINVAL, -E2BIG.
 */
SPR_PUBLIC int spr_context_attach_with(const spr_propagated *propagated, spr_token *token) SPR_NOEXCEPT;

/*
 * Everything that is attached to this thread. The texts are those that were attached, read only (capacity 0), and hold
 * until their detach. Returns 1, or 0 where no valid context is attached; baggage may be there all the same. Errors:
 * -EINVAL (NULL, or no struct_size).
 */
SPR_PUBLIC int spr_context_current_with(spr_propagated *ret_propagated) SPR_NOEXCEPT;

/*
 * Attaches a span: its context, as spr_context_attach() does, and the span itself, for spr_span_current(). Spans that
 * start below it in its trace, and what is injected, take over the trace state that it keeps. The span may end before
 * it is detached; it is not ended by the detach. Signal-safe, as all of these. Errors: -EINVAL.
 */
SPR_PUBLIC int spr_span_attach(const spr_span *span, spr_span_token *token) SPR_NOEXCEPT;

/*
 * The span that is attached to this thread (specification: trace/api.md, Context Interaction), also where its own context
 * was attached again inside of it, with other baggage. Returns 1; or 0 where only a context is attached: *ret_span then
 * does nothing and carries that context, all zero if there is none. It may have ended: calls return -ESTALE then. In a
 * child after fork() it is the parent's: -ESTALE. Errors: -EINVAL.
 */
SPR_PUBLIC int spr_span_current(spr_span *ret_span) SPR_NOEXCEPT;

/*
 * The trace state that a span keeps: what spr_start_options.trace_state said or what was inherited, with the sampler's
 * member, in memory that *ret_trace_state brings (SPR_TRACESTATE_SIZE is always enough; of a longer one whole members are
 * left out at the end). Returns 1, or 0 and an empty text where there is none, the span has ended or was not recorded.
 * Errors: -EINVAL, -ENOSPC.
 */
SPR_PUBLIC int spr_span_trace_state(const spr_span *span, spr_text *ret_trace_state) SPR_NOEXCEPT;

/* ---- Propagation: HOT --------------------------------------------------------------------------------------- */

/*
 * Where headers are: an HTTP request, metadata of a message, the environment. Keys are lower-case ASCII and end at a
 * NUL beyond their size. Whether case counts is the carrier's business: a carrier of HTTP headers finds "Traceparent"
 * too. Callbacks return a negative errno to give up; the call that made them returns it.
 */
typedef struct spr_carrier {
    uint32_t struct_size;
    uint32_t reserved;
    void *user; /* handed to the callbacks */
    /*
     * The value of a key; index counts from 0 where a key was sent several times. Returns 1, or 0 where there is none
     * (a carrier that has one value for each key: wherever index is not 0). The value holds until the next callback.
     */
    int (*get)(void *user, const char *key, size_t key_size, size_t index, const char **ret_value,
               size_t *ret_value_size);
    /* Replaces all values of the key. Returns 0. */
    int (*set)(void *user, const char *key, size_t key_size, const char *value, size_t value_size);
    /* Removes the key if it is there, because it has no value this time. NULL: the carrier was empty. Returns 0. */
    int (*remove)(void *user, const char *key, size_t key_size);
} spr_carrier;

#define SPR_CARRIER_INIT {sizeof(spr_carrier), 0, NULL, NULL, NULL, NULL}

/*
 * Reads what came with a request, by the propagators of the process. Where a propagator finds no valid value, what is
 * in *propagated stays as it was; texts are written into the memory that *propagated has for them.
 * Returns 1 where a context was found, else 0 (baggage may have come all the same). Errors: -EINVAL, -E2BIG, those of
 * the callbacks. Malformed values are not errors. Source: OpenTelemetry specification, context/api-propagators.md.
 */
SPR_PUBLIC int spr_extract(const spr_carrier *carrier, spr_propagated *propagated) SPR_NOEXCEPT;

/*
 * Writes context, with the trace state (if it is of the same trace) and the baggage attached to this thread. NULL: the
 * context that is attached. The trace state that an attached span keeps goes before one that spr_context_attach_with()
 * attached. For an outgoing call: &span.context of the client span, or spr_span_inject().
 * Errors: -EINVAL, -E2BIG, those of the callbacks. Without a valid context only baggage is written.
 */
SPR_PUBLIC int spr_inject(const spr_context *context, const spr_carrier *carrier) SPR_NOEXCEPT;

/*
 * The same for a span, which need not be attached: the trace state that it keeps is sent on. One that is not recorded
 * keeps none; what is attached is sent then. Errors: those of spr_inject().
 */
SPR_PUBLIC int spr_span_inject(const spr_span *span, const spr_carrier *carrier) SPR_NOEXCEPT;

/* Writes what is said and nothing that is attached. */
SPR_PUBLIC int spr_inject_with(const spr_propagated *propagated, const spr_carrier *carrier) SPR_NOEXCEPT;

/*
 * Chooses the propagators of this process: a list as in OTEL_PROPAGATORS (tracecontext, baggage, b3, b3multi, none),
 * used in its order; of two that find a context the later one counts. Repeated names count once. NULL: OTEL_PROPAGATORS
 * is read again; where it is not set or empty it is "tracecontext,baggage". Returns how many names are unknown and were
 * ignored.
 * Source: OpenTelemetry specification, configuration/sdk-environment-variables.md.
 */
SPR_PUBLIC int spr_propagators_set(const char *names, size_t names_size) SPR_NOEXCEPT;

/* The keys that spr_inject() may set, by index; NULL after the last one. Static memory. */
SPR_PUBLIC const char *spr_propagation_field(size_t index) SPR_NOEXCEPT;

/* Variables of an environment, as execve() takes them. */
typedef struct spr_environment {
    uint32_t struct_size;
    uint32_t reserved;
    char **variables; /* "NAME=value", NULL at the end. NULL: the environment of this process, which is read only */
    size_t capacity;  /* places in variables, that of the NULL included; 0: read only */
    spr_text memory;  /* where what is set is written; variables then point into it */
} spr_environment;

#define SPR_ENVIRONMENT_INIT {sizeof(spr_environment), 0, NULL, 0, {NULL, 0, 0}}

/*
 * A carrier of an environment, which it keeps the address of: to extract at the start of a process, and to inject into
 * the copy that a child will get. Keys become names: upper case, '_' for what is neither letter nor digit.
 * Its callbacks fail with -EROFS (read only), -ENOSPC (no room), -ENAMETOOLONG (a key of more than 63 bytes).
 * Errors: -EINVAL, -E2BIG. Source: OpenTelemetry specification, context/env-carriers.md.
 */
SPR_PUBLIC int spr_environment_carrier(spr_environment *environment, spr_carrier *ret_carrier) SPR_NOEXCEPT;

/* ---- Propagation, format by format: HOT --------------------------------------------------------------------- */

/* Bytes of a traceparent with its NUL. */
#define SPR_TRACEPARENT_SIZE 56

/* Writes the traceparent header value and a NUL. Errors: -EINVAL (no valid context). W3C Trace Context 3.2.2. */
SPR_PUBLIC int spr_traceparent_inject(const spr_context *context, char ret_header[SPR_TRACEPARENT_SIZE]) SPR_NOEXCEPT;

/*
 * Parses one; spaces and tabs around it do not count; the context is marked remote. Errors: -EINVAL (NULL), -EBADMSG
 * (not valid by W3C Trace Context 3.2.2).
 */
SPR_PUBLIC int spr_traceparent_extract(const char *header, size_t header_size, spr_context *ret_context) SPR_NOEXCEPT;

/* One member of a list. The texts are views into the list, as it is written there. */
typedef struct spr_member {
    const char *key;
    size_t key_size;
    const char *value; /* NULL: a property without one */
    size_t value_size;
    const char *properties; /* of baggage: what is after the first ';' */
    size_t properties_size;
} spr_member;

/* What W3C Trace Context asks to be propagated at least, and the most members of a list. */
#define SPR_TRACESTATE_SIZE 512
#define SPR_TRACESTATE_MEMBERS 32

/*
 * Adds the members of a tracestate header to a trace state: each of several headers in their order, beginning with an
 * empty one. Empty members are left out; of equal keys the first counts. Where the memory is too small whole members
 * are left out: those of more than 128 bytes first, then the last. Returns how many.
 * Errors: -EINVAL; -EBADMSG: malformed, or more than 32 members; the trace state is empty then, and further headers do
 * not count. W3C Trace Context (level 2) 3.3.
 */
SPR_PUBLIC int spr_tracestate_extract(const char *header, size_t header_size, spr_text *trace_state) SPR_NOEXCEPT;

/*
 * The next member of a tracestate header, from *cursor on, which begins with 0. Malformed members are passed over.
 * Returns 1, or 0 after the last one. Errors: -EINVAL.
 */
SPR_PUBLIC int spr_tracestate_next(const char *trace_state, size_t trace_state_size, size_t *cursor,
                                   spr_member *ret_member) SPR_NOEXCEPT;

/* The value of a key, as a view into the trace state. Returns 1, or 0 where there is none. Errors: -EINVAL. */
SPR_PUBLIC int spr_tracestate_get(const char *trace_state, size_t trace_state_size, const char *key, size_t key_size,
                                  const char **ret_value, size_t *ret_value_size) SPR_NOEXCEPT;

/*
 * Puts a member in front, in place of one of the same key. The last member gives way where there are more than 32;
 * where the memory is too small, whole members do, as above. Returns how many gave way. Errors: -EINVAL (key or value
 * not valid), -ENOSPC (the member alone does not fit). The texts must not lie inside the trace state.
 */
SPR_PUBLIC int spr_tracestate_set(spr_text *trace_state, const char *key, size_t key_size, const char *value,
                                  size_t value_size) SPR_NOEXCEPT;

/* Returns 1, or 0 where there was none. Errors: -EINVAL. */
SPR_PUBLIC int spr_tracestate_remove(spr_text *trace_state, const char *key, size_t key_size) SPR_NOEXCEPT;

/* What W3C Baggage asks to be propagated, and the most members that its grammar has. */
#define SPR_BAGGAGE_SIZE 8192
#define SPR_BAGGAGE_MEMBERS 180

/*
 * Adds the members of a baggage header to baggage: each of several headers in their order. Of equal keys the last
 * counts.
 * Returns how many members were left out: malformed, over the 180, or without room. Errors: -EINVAL. W3C Baggage 3.
 */
SPR_PUBLIC int spr_baggage_extract(const char *header, size_t header_size, spr_text *baggage) SPR_NOEXCEPT;

/*
 * The next member, from *cursor on, which begins with 0. Value and properties are percent-encoded. Malformed members
 * are passed over. Returns 1, or 0 after the last one. Errors: -EINVAL.
 */
SPR_PUBLIC int spr_baggage_next(const char *baggage, size_t baggage_size, size_t *cursor,
                                spr_member *ret_member) SPR_NOEXCEPT;

/* The same for the properties of a member: key, and value or none. */
SPR_PUBLIC int spr_baggage_next_property(const char *properties, size_t properties_size, size_t *cursor,
                                         spr_member *ret_member) SPR_NOEXCEPT;

/*
 * A percent-encoded value as UTF-8; what is not UTF-8 becomes U+FFFD. ret_value brings its memory; what
 * spr_baggage_next() gave is never longer than it was encoded. Errors: -ENOSPC (it does not fit), -EINVAL.
 */
SPR_PUBLIC int spr_baggage_decode(const char *value, size_t value_size, spr_text *ret_value) SPR_NOEXCEPT;

/* The decoded value of a key. Returns 1, or 0 where there is none. Errors: those of spr_baggage_decode(). */
SPR_PUBLIC int spr_baggage_get(const char *baggage, size_t baggage_size, const char *key, size_t key_size,
                               spr_text *ret_value) SPR_NOEXCEPT;

/*
 * Sets a member, in place of one of the same key. The value is any UTF-8 and is percent-encoded; properties may be NULL
 * and are given as in the header ("k1=v1;k2"). Errors: -EINVAL (a key that is not a token of RFC 7230, a value that is not
 * UTF-8, properties that are malformed), -ENOSPC (no room, over 8192 bytes or 180 members): nothing has changed then.
 * The texts must not lie inside the baggage.
 */
SPR_PUBLIC int spr_baggage_set(spr_text *baggage, const char *key, size_t key_size, const char *value,
                               size_t value_size, const char *properties, size_t properties_size) SPR_NOEXCEPT;

/* Returns 1, or 0 where there was none. Errors: -EINVAL. */
SPR_PUBLIC int spr_baggage_remove(spr_text *baggage, const char *key, size_t key_size) SPR_NOEXCEPT;

/* The values of B3's headers, with their NUL. One that is empty is not sent. */
#define SPR_B3_SIZE 52
typedef struct spr_b3_headers {
    char trace_id[33]; /* x-b3-traceid */
    char span_id[17];  /* x-b3-spanid */
    char sampled[2];   /* x-b3-sampled */
    char flags[2];     /* x-b3-flags */
} spr_b3_headers;

/* flags: SPR_PROPAGATED_DEBUG or 0. Errors: -EINVAL (no valid context). github.com/openzipkin/b3-propagation. */
SPR_PUBLIC int spr_b3_inject(const spr_context *context, uint32_t flags, char ret_header[SPR_B3_SIZE]) SPR_NOEXCEPT;
SPR_PUBLIC int spr_b3multi_inject(const spr_context *context, uint32_t flags, spr_b3_headers *ret_headers) SPR_NOEXCEPT;

/*
 * Parses B3. A trace id of 64 bits has zeros in front; the parent's span id is not kept; without a sampling state it
 * counts as not sampled. Returns 1, or 0 where there is a sampling decision without ids: *ret_context has no ids then.
 * *ret_flags are SPR_PROPAGATED_* and may be NULL. In spr_b3multi_extract() NULL is a header that did not come.
 * Errors: -EINVAL (NULL), -EBADMSG.
 */
SPR_PUBLIC int spr_b3_extract(const char *header, size_t header_size, spr_context *ret_context,
                              uint32_t *ret_flags) SPR_NOEXCEPT;
SPR_PUBLIC int spr_b3multi_extract(const char *trace_id, size_t trace_id_size, const char *span_id, size_t span_id_size,
                                   const char *sampled, size_t sampled_size, const char *flags, size_t flags_size,
                                   spr_context *ret_context, uint32_t *ret_flags) SPR_NOEXCEPT;

/* ---- What became of them ------------------------------------------------------------------------------------ */

/* Sums over all threads of this process; exact while no thread is inside a call. started = ended + open. */
typedef struct spr_statistics {
    uint32_t struct_size;
    uint32_t reserved;
    uint64_t started;            /* recorded spans */
    uint64_t ended;              /* committed or dropped */
    uint64_t unsampled;          /* not started: sampler said no */
    uint64_t not_started_slot;   /* not started: no slot, or no segment (no descriptor, a full tmpfs) */
    uint64_t not_started_nested; /* not started: signal handlers nested too deep */
    uint64_t dropped_full;       /* ended, but no chunk was free */
    uint64_t dropped_too_big;    /* 0: what a span has no room for is refused as it is set */
    uint64_t dropped_nested;     /* ended in a handler nested too deep */
    uint64_t dropped_overwritten; /* committed, then overwritten before the agent took it (flight recorder) */
    uint64_t refused_data;       /* attributes, events and links refused (each also counted in its span) */
    uint64_t acknowledged;       /* taken over by the agent: exported, rejected, spooled or dropped, and counted there */
    /* Since 0.2 */
    uint64_t cut_texts; /* attributes, events, links, names and messages whose texts were cut for want of room */
    uint64_t misread_variables; /* of the environment: not understood by spr_provider_open() and taken as unset; spanring
                                   doctor --pid names them */
    uint64_t given_back_bytes; /* of the segment's memory, by this process, which does it where no agent runs */
} spr_statistics;

#define SPR_STATISTICS_INIT {sizeof(spr_statistics), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}

/*
 * COLD. Fills what fits into struct_size. Before the first span all but misread_variables is 0. Errors: -EINVAL, -ESHUTDOWN (another
 * provider was opened in its place).
 */
SPR_PUBLIC int spr_provider_statistics(const spr_provider *provider, spr_statistics *statistics) SPR_NOEXCEPT;

/* An English phrase for a value that this library returned; static memory, never NULL, any thread, signal-safe. */
SPR_PUBLIC const char *spr_strerror(int error) SPR_NOEXCEPT;

/* "0.2.0": of the library that is loaded, which may be newer than this header. */
SPR_PUBLIC const char *spr_version(void) SPR_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif
