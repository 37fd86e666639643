/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every struct that begins with struct_size, through a function that takes it, in each size that a caller of another
 * age may have: one row a struct, and check.py fails where the header has a struct without a row.
 *
 *     extensible --names              the structs that have a row
 *     extensible same|grown          checks; what the library knows:
 *         same    the library knows as much as this program does, or less
 *         grown   the library knows kGrowth bytes more (it is compiled with the grown header)
 *
 * Each struct ends where its page does, and the next page cannot be touched: a library that reads or writes one byte
 * behind the size that it was told dies of it. Needs $SPANRING_DIR.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <spanring/spanring.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { kTail = 64, kGrowth = 32 }; /* kTail: what an even newer caller has behind its struct */

static spr_provider *provider;
static spr_tracer *tracer;
static const spr_context kContext = {{1}, {1}, SPR_TRACE_FLAG_SAMPLED, 1, {0}};

/* ---- One call each: 0, or the negative errno ------------------------------------------------------------------ */

/* In a child each: a process has 8 providers at most at once. */
static int provider_options(void *options) {
    int status = 0;
    const pid_t child = fork();
    if (child == 0) {
        spr_provider *another;
        _exit(-spr_provider_open(options, &another));
    }
    if (child < 0 || waitpid(child, &status, 0) != child) return -ECHILD;
    return WIFEXITED(status) ? -WEXITSTATUS(status) : -EFAULT;
}

static int tracer_options(void *options) {
    spr_tracer *another;
    return spr_tracer_get_with(provider, options, &another);
}

static int start_options(void *options) {
    spr_span span;
    const int result = spr_span_start_with(tracer, "span", SPR_NUL, options, &span);
    spr_span_end(&span);
    return result < 0 ? result : 0;
}

static int end_options(void *options) {
    spr_span span;
    spr_span_start(tracer, "span", SPR_NUL, &span);
    const int result = spr_span_end_with(&span, options);
    if (result != 0) spr_span_end(&span);
    return result;
}

static int whole_span(void *whole) {
    const int result = spr_span_record(tracer, whole, NULL);
    return result < 0 ? result : 0;
}

static int exception(void *thrown) {
    spr_span span;
    spr_span_start(tracer, "span", SPR_NUL, &span);
    const int result = spr_span_record_exception(&span, thrown);
    spr_span_end(&span);
    return result;
}

static int statistics(void *sums) { return spr_provider_statistics(provider, sums); }

static int get(void *user, const char *key, size_t key_size, size_t index, const char **ret_value, size_t *ret_size) {
    (void)user, (void)key, (void)key_size, (void)index, (void)ret_value, (void)ret_size;
    return 0;
}
static int set(void *user, const char *key, size_t key_size, const char *value, size_t value_size) {
    (void)user, (void)key, (void)key_size, (void)value, (void)value_size;
    return 0;
}

/* In each function that takes one: a size that one of them refuses is refused. */
static int propagated(void *all) {
    spr_carrier carrier = SPR_CARRIER_INIT;
    spr_token token;
    carrier.get = get;
    carrier.set = set;
    const int extracted = spr_extract(&carrier, all);
    const int injected = spr_inject_with(all, &carrier);
    const int attached = spr_context_attach_with(all, &token);
    if (attached == 0) spr_context_detach(&token);
    if ((extracted < 0) != (injected < 0) || (injected < 0) != (attached < 0)) return -EPROTO;
    return injected < 0 ? injected : 0;
}

static int propagated_out(void *all) {
    const int result = spr_context_current_with(all);
    return result < 0 ? result : 0;
}

static int carrier(void *one) {
    spr_propagated all = SPR_PROPAGATED_INIT;
    const int extracted = spr_extract(one, &all);
    const int injected = spr_inject(&kContext, one);
    return (extracted < 0) != (injected < 0) ? -EPROTO : injected;
}

static int environment(void *variables) {
    spr_carrier of_environment = SPR_CARRIER_INIT;
    return spr_environment_carrier(variables, &of_environment);
}

/* The carrier that spr_environment_carrier() fills has no size on its way in: never more than 0.1's is written. */
static int carrier_out(void *one) {
    spr_environment of_process = SPR_ENVIRONMENT_INIT;
    return spr_environment_carrier(&of_process, one);
}

/* ---- The table ------------------------------------------------------------------------------------------------ */

static const spr_provider_options kProviderOptions = SPR_PROVIDER_OPTIONS_INIT;
static const spr_tracer_options kTracerOptions = {
    sizeof(spr_tracer_options), 0, "scope", SPR_NUL, NULL, SPR_NUL, NULL, SPR_NUL, NULL, 0};
static const spr_start_options kStartOptions = SPR_START_OPTIONS_INIT;
static const spr_end_options kEndOptions = SPR_END_OPTIONS_INIT;
static const spr_whole_span kWholeSpan = SPR_WHOLE_SPAN_INIT;
static const spr_exception kException = {
    sizeof(spr_exception), 0, "type", SPR_NUL, NULL, SPR_NUL, NULL, SPR_NUL, 0, NULL, 0};
static const spr_statistics kStatistics = SPR_STATISTICS_INIT;
static const spr_propagated kPropagated = SPR_PROPAGATED_INIT;
static const spr_carrier kCarrier = {sizeof(spr_carrier), 0, NULL, get, set, NULL};
static const spr_environment kEnvironment = SPR_ENVIRONMENT_INIT;

/* kCopied: an older, shorter one is copied and completed with zeros. kInPlace: it is used where it lies, and never
 * shorter than its first version. kWritten: what fits is written, and what is behind is left alone. */
typedef enum { kCopied = 1, kInPlace = 2, kWritten = 4, kWithoutSize = 8 } kind;

typedef struct row {
    const char *name;
    const void *initial;
    size_t size;
    int (*call)(void *);
    int kind;
} row;

#define ROW(type, initial, call, kind) \
    { #type, &initial, sizeof(type), call, kind }
static const row kRows[] = {
    ROW(spr_provider_options, kProviderOptions, provider_options, kCopied),
    ROW(spr_tracer_options, kTracerOptions, tracer_options, kInPlace), /* its name is behind the shortest */
    ROW(spr_start_options, kStartOptions, start_options, kCopied),
    ROW(spr_end_options, kEndOptions, end_options, kCopied),
    ROW(spr_whole_span, kWholeSpan, whole_span, kCopied),
    ROW(spr_exception, kException, exception, kInPlace), /* its type is behind the shortest */
    ROW(spr_statistics, kStatistics, statistics, kCopied | kWritten),
    ROW(spr_propagated, kPropagated, propagated, kInPlace),
    ROW(spr_propagated, kPropagated, propagated_out, kInPlace | kWritten),
    ROW(spr_carrier, kCarrier, carrier, kInPlace),
    ROW(spr_carrier, kCarrier, carrier_out, kWithoutSize),
    ROW(spr_environment, kEnvironment, environment, kInPlace),
};

/* ---- Sizes ---------------------------------------------------------------------------------------------------- */

static unsigned char *page_end; /* the first byte that cannot be touched */

static int make_pages(void) {
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    unsigned char *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED || mprotect(pages + page, page, PROT_NONE) != 0) return -1;
    page_end = pages + page;
    return 0;
}

/* The struct in `size` bytes that say so; `tail` is its last byte where it is longer than this program's. */
static int call_with(const row *row, uint32_t said, size_t size, unsigned char tail) {
    unsigned char *place = page_end - (size + 7) / 8 * 8; /* aligned: up to 7 bytes behind it are the page's */
    memset(place, 0, (size_t)(page_end - place));
    memcpy(place, row->initial, size < row->size ? size : row->size);
    if (size > row->size) place[size - 1] = tail;
    memcpy(place, &said, sizeof said);
    const int result = row->call(place);
    if ((row->kind & kWritten) != 0 && size > row->size && place[size - 1] != tail) return -EPROTO;
    return result;
}

static int failures;

static void expect(const row *row, const char *what, int result, int wanted) {
    static const char *last; /* one line of each kind is enough */
    if (result == wanted) return;
    if (what == last) {
        ++failures;
        return;
    }
    last = what;
    fprintf(stderr, "%s, %s: %d (%s), not %d\n", row->name, what, result, spr_strerror(result), wanted);
    ++failures;
}

static void check(const row *row, size_t known_behind) {
    expect(row, "of this size", call_with(row, (uint32_t)row->size, row->size, 0), 0);
    if ((row->kind & kWithoutSize) != 0) return;
    for (uint32_t said = 0; said < sizeof(uint32_t); ++said)
        expect(row, "without a size", call_with(row, said, row->size, 0), -EINVAL);
    if ((row->kind & kCopied) != 0)
        for (size_t size = sizeof(uint32_t); size < row->size; size += 4) {
            /* No release ended inside of a pointer; what is written has none. Behind the library's own struct zeros do.
             */
            const int ends = size == sizeof(uint32_t) || size % sizeof(void *) == 0 || (row->kind & kWritten) != 0;
            const int result = call_with(row, (uint32_t)size, size, 0);
            expect(row, "of an older caller", !ends && result == -EINVAL ? 0 : result, 0);
        }
    for (size_t size = row->size + known_behind + 1; size <= row->size + kTail; ++size) {
        expect(row, "of a newer caller who says no more", call_with(row, (uint32_t)size, size, 0), 0);
        expect(row, "of a newer caller who says more", call_with(row, (uint32_t)size, size, 1),
               (row->kind & kWritten) != 0 ? 0 : -E2BIG);
    }
}

int main(int count, char **arguments) {
    if (count == 2 && strcmp(arguments[1], "--names") == 0) {
        for (size_t i = 0; i < sizeof kRows / sizeof *kRows; ++i) puts(kRows[i].name);
        return 0;
    }
    if (count != 2 || (strcmp(arguments[1], "same") != 0 && strcmp(arguments[1], "grown") != 0)) {
        fprintf(stderr, "usage: extensible --names | same | grown\n");
        return 2;
    }
    if (make_pages() != 0 || spr_provider_open(NULL, &provider) != 0 ||
        spr_tracer_get(provider, "extensible", SPR_NUL, NULL, 0, NULL, 0, &tracer) != 0) {
        fprintf(stderr, "extensible: no pages or no provider\n");
        return 1;
    }
    for (size_t i = 0; i < sizeof kRows / sizeof *kRows; ++i)
        check(&kRows[i], strcmp(arguments[1], "grown") == 0 ? kGrowth : 0);
    return failures == 0 ? 0 : 1;
}
