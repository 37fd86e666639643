/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes spans with every field there is, and writes what it set as JSON lines to a file of its own, for comparison with
 * what arrives. Uses the public header and the shared library alone. A call that returns anything but what
 * spanring.h promises ends the program with 3.
 *
 *     producer --record FILE [--count N] [--seed S] [--service NAME] [--open K] [--hold] [--endless] [--rate N]
 *              [--flush SECONDS] [--limits A,E,L] [--expect-off]
 *
 *     --open K      leaves K further spans open
 *     --hold        prints "ready" when done and waits until its standard input ends
 *     --endless     goes on until its standard input ends; prints "ready" after the first span
 *     --rate N      about N spans a second
 *     --limits      what OTEL_SPAN_{ATTRIBUTE,EVENT,LINK}_COUNT_LIMIT say
 *     --expect-off  tracing is off: checks that no call records, and prints "off ERRNO"
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <poll.h>
#include <spanring/spanring.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "expectation.h"

typedef struct arguments {
    const char *record;
    const char *service;
    unsigned long count, seed, open, rate, flush_seconds;
    unsigned long attribute_limit, event_limit, link_limit;
    int hold, endless, expect_off;
} arguments;

typedef struct producer {
    arguments arguments;
    FILE *record;
    spr_provider *provider;
    spr_tracer *tracers[3];
    spr_context previous; /* of the span before: parent and link target */
    char text[8192];      /* of the span at hand */
    size_t text_used;
    uint64_t random;
} producer;

/* ---- Checks and small things ---------------------------------------------------------------------------------- */

#define MUST(call, wanted)                                                                                    \
    do {                                                                                                      \
        const long result_ = (call);                                                                          \
        if (result_ != (wanted)) {                                                                            \
            fprintf(stderr, "producer: line %d: %s: %ld (%s), not %ld\n", __LINE__, #call, result_,           \
                    result_ < 0 ? spr_strerror((int)result_) : "", (long)(wanted));                           \
            exit(3);                                                                                          \
        }                                                                                                     \
    } while (0)

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static uint64_t next_random(producer *self) { /* xorshift64* */
    self->random ^= self->random >> 12;
    self->random ^= self->random << 25;
    self->random ^= self->random >> 27;
    return self->random * 0x2545f4914f6cdd1dull;
}

/* Text that lives as long as the span at hand. */
static const char *text(producer *self, const char *format, ...) __attribute__((format(printf, 2, 3)));
static const char *text(producer *self, const char *format, ...) {
    char *place = self->text + self->text_used;
    va_list values;
    va_start(values, format);
    const int size = vsnprintf(place, sizeof self->text - self->text_used, format, values);
    va_end(values);
    if (size < 0 || self->text_used + (size_t)size + 1 > sizeof self->text) abort();
    self->text_used += (size_t)size + 1;
    return place;
}

static spr_attribute string_attribute(const char *key, const char *value, size_t size) {
    spr_attribute attribute = {.key = key, .key_size = strlen(key), .type = SPR_TYPE_STRING};
    attribute.value.string.data = value;
    attribute.value.string.size = size;
    return attribute;
}
static spr_attribute bool_attribute(const char *key, int value) {
    spr_attribute attribute = {.key = key, .key_size = strlen(key), .type = SPR_TYPE_BOOL};
    attribute.value.boolean = value != 0;
    return attribute;
}
static spr_attribute int64_attribute(const char *key, int64_t value) {
    spr_attribute attribute = {.key = key, .key_size = strlen(key), .type = SPR_TYPE_INT64};
    attribute.value.int64 = value;
    return attribute;
}
static spr_attribute double_attribute(const char *key, double value) {
    spr_attribute attribute = {.key = key, .key_size = strlen(key), .type = SPR_TYPE_DOUBLE};
    attribute.value.float64 = value;
    return attribute;
}

/* ---- What is set on a span ------------------------------------------------------------------------------------ */

/* Attributes number `from` to below `to` of a sequence that covers every type and its corners. */
static size_t make_attributes(producer *self, unsigned long index, size_t from, size_t to, spr_attribute *attributes) {
    static const double kDoubles[] = {0.0, -0.0, 3.25, -1e308, 5e-324, 1.0 / 3.0, INFINITY, -INFINITY, NAN};
    static const int64_t kIntegers[] = {0, 1, -1, 127, 128, INT64_MAX, INT64_MIN, 1ll << 53, -(1ll << 31)};
    size_t count = 0;
    for (size_t i = from; i < to; ++i) {
        const uint64_t random = next_random(self);
        const char *key = text(self, "test.key.%zu", i);
        switch (i % 6) {
        case 0: {
            const char *value = text(self, "Wert %llu: äöü \"quoted\" \\ \t日本語 🛒", (unsigned long long)random);
            attributes[count++] = string_attribute(key, value, strlen(value));
            break;
        }
        case 1:
            attributes[count++] = bool_attribute(key, (int)(random & 1));
            break;
        case 2:
            attributes[count++] = int64_attribute(key, random % 3 ? kIntegers[random % 9] : (int64_t)random);
            break;
        case 3:
            attributes[count++] = double_attribute(key, kDoubles[(random + index) % 9]);
            break;
        case 4:
            attributes[count++] = string_attribute(key, "", 0);
            break;
        default:
            attributes[count++] = string_attribute(text(self, "schlüssel.%zu.鍵", i), "a\0b", 3);
        }
    }
    return count;
}

static int set_attribute(const spr_span *span, const spr_attribute *attribute) {
    switch (attribute->type) {
    case SPR_TYPE_STRING:
        return spr_span_set_string(span, attribute->key, attribute->key_size, attribute->value.string.data,
                                   attribute->value.string.size);
    case SPR_TYPE_BOOL:
        return spr_span_set_bool(span, attribute->key, attribute->key_size, (int)attribute->value.boolean);
    case SPR_TYPE_INT64:
        return spr_span_set_int64(span, attribute->key, attribute->key_size, attribute->value.int64);
    default:
        return spr_span_set_double(span, attribute->key, attribute->key_size, attribute->value.float64);
    }
}

static int has_key(const expected_attributes *attributes, const spr_attribute *wanted) {
    for (size_t i = 0; i < attributes->count; ++i) {
        const spr_attribute *have = &attributes->items[i];
        if (have->key_size == wanted->key_size && memcmp(have->key, wanted->key, have->key_size) == 0) return 1;
    }
    return 0;
}

/* What the library must make of these under the limit; returns how many it must refuse. */
static int expect_attributes(const producer *self, expected_attributes *expected, const spr_attribute *attributes,
                             size_t count) {
    int refused = 0;
    for (size_t i = 0; i < count; ++i) {
        if (expected->count < self->arguments.attribute_limit || has_key(expected, &attributes[i])) {
            expect_attribute(expected, &attributes[i]);
        } else {
            ++expected->dropped;
            ++refused;
        }
    }
    return refused;
}

static void set_attributes_one_by_one(const producer *self, const spr_span *span, expectation *expected,
                                      const spr_attribute *attributes, size_t count) {
    for (size_t i = 0; i < count; ++i) {
        const int refused = expect_attributes(self, &expected->attributes, &attributes[i], 1);
        MUST(set_attribute(span, &attributes[i]), refused ? -EDQUOT : 0);
    }
}

/* Keys that nobody can read are refused; in a value the agent replaces what is not UTF-8, byte for byte. */
static void set_bad_attributes(const producer *self, const spr_span *span, expectation *expected) {
    MUST(spr_span_set_int64(span, "", 0, 1), -EINVAL);
    MUST(spr_span_set_string(span, "bad\xff", 4, "x", 1), -EINVAL);
    expected->attributes.dropped += 2;
    const spr_attribute repaired = string_attribute("test.repaired", "a??z", 4);
    const int refused = expect_attributes(self, &expected->attributes, &repaired, 1);
    MUST(spr_span_set_string(span, "test.repaired", SPR_NUL, "a\xc0\x80z", 4), refused ? -EDQUOT : 0);
}

static spr_event make_event(producer *self, unsigned long index, size_t number, spr_attribute *attributes,
                            expected_event *expected) {
    spr_event event = {.name = text(self, "event %zu of %lu ✓", number, index), .name_size = SPR_NUL};
    event.attributes = attributes;
    event.attribute_count = make_attributes(self, index, number, number + number % 4, attributes);
    if (number % 2 == 0) event.time_ns = 1700000000000000000ull + index * 1000 + number;
    memset(expected, 0, sizeof *expected);
    expected->name = event.name;
    expected->time.exact = event.time_ns;
    for (size_t i = 0; i < event.attribute_count; ++i) expect_attribute(&expected->attributes, &attributes[i]);
    return event;
}

static void add_events(producer *self, const spr_span *span, unsigned long index, size_t count, expectation *expected) {
    for (size_t i = 0; i < count; ++i) {
        spr_attribute attributes[4];
        expected_event wanted;
        const spr_event event = make_event(self, index, i, attributes, &wanted);
        const int refused = expected->event_count >= self->arguments.event_limit;
        wanted.time.after = now();
        MUST(spr_span_add_event(span, &event), refused ? -EDQUOT : 0);
        wanted.time.before = now();
        if (refused) {
            ++expected->dropped_events;
        } else {
            expected->events[expected->event_count++] = wanted;
        }
    }
}

static spr_link make_link(producer *self, unsigned long index, size_t number, spr_attribute *attributes) {
    spr_link link = {.context = self->previous, .attributes = attributes};
    if (number > 0 || link.context.trace_id[0] == 0) { /* somebody else's span */
        for (size_t i = 0; i < sizeof link.context.trace_id; ++i) link.context.trace_id[i] = (uint8_t)(index + i + 1) | 1;
        for (size_t i = 0; i < sizeof link.context.span_id; ++i) link.context.span_id[i] = (uint8_t)(number + i) | 1;
        link.context.trace_flags = SPR_TRACE_FLAG_SAMPLED;
        link.context.is_remote = 1;
    }
    link.attribute_count = make_attributes(self, index, number, number + number % 3, attributes);
    return link;
}

/* Returns whether the library must refuse it. */
static int expect_link(const producer *self, expectation *expected, const spr_link *link) {
    if (expected->link_count >= self->arguments.link_limit) {
        ++expected->dropped_links;
        return 1;
    }
    expected_link *wanted = &expected->links[expected->link_count++];
    memset(wanted, 0, sizeof *wanted);
    wanted->context = link->context;
    for (size_t i = 0; i < link->attribute_count; ++i) expect_attribute(&wanted->attributes, &link->attributes[i]);
    return 0;
}

/* ---- One span ------------------------------------------------------------------------------------------------- */

static void choose_tracer(producer *self, unsigned long index, expectation *expected, spr_tracer **ret_tracer) {
    static const char *const kScopes[3][3] = {
        {"shop.checkout", "1.2.3", "https://opentelemetry.io/schemas/1.26.0"}, {"shop.stock", "", ""}, {"Lager", "β2", ""}};
    const size_t scope = index / 7 % 3;
    expected->scope_name = kScopes[scope][0];
    expected->scope_version = kScopes[scope][1];
    expected->schema_url = kScopes[scope][2];
    *ret_tracer = self->tracers[scope];
}

/* Parents of four kinds: none, the span before by hand, the span before as current context, one of another process. */
static void choose_parent(const producer *self, unsigned long index, spr_start_options *options, spr_context *parent,
                          expectation *expected, spr_token *token) {
    static const char kHeader[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    token->previous = NULL;
    switch (self->previous.trace_id[0] ? index % 4 : 3) {
    case 0:
        options->parent_mode = SPR_PARENT_ROOT;
        return;
    case 1:
        *parent = self->previous;
        options->parent_mode = SPR_PARENT_EXPLICIT;
        options->parent = parent;
        break;
    case 2:
        *parent = self->previous;
        options->parent_mode = SPR_PARENT_CURRENT;
        MUST(spr_context_attach(parent, token), 0);
        break;
    default:
        MUST(spr_traceparent_extract(kHeader, sizeof kHeader - 1, parent), 0);
        options->parent_mode = SPR_PARENT_EXPLICIT;
        options->parent = parent;
    }
    expected->parent = *parent;
}

static void set_status(const spr_span *span, unsigned long index, producer *self, expectation *expected) {
    switch (index % 5) {
    case 0:
        return;
    case 1:
        MUST(spr_span_set_status(span, SPR_STATUS_OK, NULL, 0), 0);
        MUST(spr_span_set_status(span, SPR_STATUS_ERROR, "too late", SPR_NUL), 1); /* OK is final */
        expected->status = SPR_STATUS_OK;
        return;
    default:
        if (index % 3 == 0) MUST(spr_span_set_status(span, SPR_STATUS_ERROR, "first", SPR_NUL), 0);
        expected->status = SPR_STATUS_ERROR;
        expected->status_message = text(self, "kaputt: Nummer %lu ✗", index);
        MUST(spr_span_set_status(span, SPR_STATUS_ERROR, expected->status_message, SPR_NUL), 0);
    }
}

/* Starts with one flat call, sets what `flat` leaves to single calls. */
static void start_span(producer *self, unsigned long index, int flat, spr_span *span, expectation *expected) {
    memset(expected, 0, sizeof *expected);
    self->text_used = 0;
    spr_tracer *tracer;
    choose_tracer(self, index, expected, &tracer);
    expected->kind = 1 + (int)(index % 5);
    expected->name = text(self, "Bestellung №%lu 日本 🛒", index);

    spr_start_options options = SPR_START_OPTIONS_INIT;
    spr_context parent;
    spr_token token;
    memset(&parent, 0, sizeof parent);
    choose_parent(self, index, &options, &parent, expected, &token);
    const int attached = options.parent_mode == SPR_PARENT_CURRENT;
    if (index % 6 == 2) {
        expected->trace_state = text(self, "ot=th:8,shop=%lu", index);
        options.trace_state = expected->trace_state;
        options.trace_state_size = strlen(expected->trace_state);
    }
    if (index % 3 == 1) {
        options.start_time_ns = 1600000000000000000ull + next_random(self) % 1000000000000ull;
        expected->start.exact = options.start_time_ns;
    }

    spr_attribute attributes[kMaxAttributes], link_attributes[4][4];
    spr_link links[4];
    if (flat) {
        options.kind = (uint8_t)expected->kind;
        options.attributes = attributes;
        options.attribute_count = make_attributes(self, index, 0, index % 8, attributes);
        expect_attributes(self, &expected->attributes, attributes, options.attribute_count);
        options.links = links;
        options.link_count = index % 4;
        for (size_t i = 0; i < options.link_count; ++i) {
            links[i] = make_link(self, index, i, link_attributes[i]);
            expect_link(self, expected, &links[i]);
        }
    }

    expected->start.after = now();
    MUST(spr_span_start_with(tracer, expected->name, SPR_NUL, &options, span), 1);
    expected->start.before = now();
    expected->context = span->context;
    if (attached) MUST(spr_context_detach(&token), 0);
    MUST(spr_span_is_recording(span), 1);

    if (!flat) {
        MUST(spr_span_set_kind(span, expected->kind), 0);
        set_attributes_one_by_one(self, span, expected, attributes, make_attributes(self, index, 0, index % 9, attributes));
        for (size_t i = 0; i < index % 3; ++i) {
            links[0] = make_link(self, index, i, link_attributes[0]);
            const int refused = expect_link(self, expected, &links[0]);
            MUST(spr_span_add_link(span, &links[0]), refused ? -EDQUOT : 0);
        }
    }
}

static void change_span(producer *self, unsigned long index, const spr_span *span, expectation *expected) {
    spr_attribute attributes[kMaxAttributes];
    if (index % 4 == 1) { /* the same keys once more, with other values and other types */
        set_attributes_one_by_one(self, span, expected, attributes, make_attributes(self, index + 1, 0, 3, attributes));
    }
    if (index % 10 == 3) set_bad_attributes(self, span, expected);
    add_events(self, span, index, index % 4, expected);
    if (index % 7 == 4) {
        expected->name = text(self, "umbenannt %lu", index);
        MUST(spr_span_set_name(span, expected->name, SPR_NUL), 0);
    }
    set_status(span, index, self, expected);
}

static void end_span(producer *self, unsigned long index, int flat, const spr_span *span, expectation *expected) {
    spr_end_options options = SPR_END_OPTIONS_INIT;
    spr_attribute attributes[kMaxAttributes], event_attributes[4];
    spr_event event;
    if (expected->start.exact && index % 12 != 7) { /* else: it began long ago, and ends now */
        options.end_time_ns = expected->start.exact + index % 1000000;
        expected->end.exact = options.end_time_ns;
        if (index % 9 == 4) options.end_time_ns = expected->start.exact - 1000; /* never before the start */
        if (index % 9 == 4) expected->end.exact = expected->start.exact;
        if (expected->end.exact == 0) abort();
    }
    if (flat) {
        options.name = expected->name = text(self, "am Ende %lu", index);
        options.name_size = SPR_NUL;
        options.attributes = attributes;
        options.attribute_count = make_attributes(self, index, 20, 22, attributes);
        expect_attributes(self, &expected->attributes, attributes, options.attribute_count);
        expected_event wanted;
        event = make_event(self, index, 2, event_attributes, &wanted); /* with a time of its own */
        options.events = &event;
        options.event_count = 1;
        if (expected->event_count < self->arguments.event_limit) {
            expected->events[expected->event_count++] = wanted;
        } else {
            ++expected->dropped_events;
        }
        if (expected->status == SPR_STATUS_UNSET) {
            options.status = SPR_STATUS_ERROR;
            options.status_message = expected->status_message = "am Ende";
            options.status_message_size = SPR_NUL;
            expected->status = SPR_STATUS_ERROR;
        }
    }
    expected->end.after = now();
    if (flat || expected->end.exact) {
        MUST(spr_span_end_with(span, &options), 0);
    } else {
        MUST(spr_span_end(span), 0);
    }
    expected->end.before = now();
    MUST(spr_span_is_recording(span), 0);
    if (index % 100 == 0) MUST(spr_span_end(span), -ESTALE);
}

static void one_span(producer *self, unsigned long index, int open) {
    const int flat = index % 2 == 0;
    spr_span span;
    expectation expected;
    start_span(self, index, flat, &span, &expected);
    change_span(self, index, &span, &expected);
    if (open) {
        expected.open = 1;
    } else {
        end_span(self, index, flat, &span, &expected);
    }
    write_expectation(self->record, &expected);
    self->previous = expected.context;
}

/* ---- The program ---------------------------------------------------------------------------------------------- */

static void open_provider(producer *self) {
    spr_attribute attributes[] = {string_attribute("deployment.environment.name", "prüfung", strlen("prüfung")),
                                  int64_attribute("test.seed", (int64_t)self->arguments.seed)};
    spr_provider_options options = SPR_PROVIDER_OPTIONS_INIT;
    options.full_policy = SPR_FULL_WAIT; /* exact counts: nothing may be dropped while the agent is slower than we are */
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
                        "https://opentelemetry.io/schemas/1.26.0", SPR_NUL, &self->tracers[0]), 0);
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
        {"record", 1, NULL, 'r'}, {"count", 1, NULL, 'c'},   {"seed", 1, NULL, 's'},   {"service", 1, NULL, 'n'},
        {"open", 1, NULL, 'o'},   {"hold", 0, NULL, 'h'},    {"endless", 0, NULL, 'e'}, {"rate", 1, NULL, 'R'},
        {"flush", 1, NULL, 'f'},  {"limits", 1, NULL, 'l'},  {"expect-off", 0, NULL, 'x'}, {NULL, 0, NULL, 0}};
    arguments given = {.service = "producer", .seed = 1, .attribute_limit = 128, .event_limit = 128, .link_limit = 128};
    int option, which = 0;
    while ((option = getopt_long(argc, argv, "", kOptions, &which)) != -1) {
        switch (option) {
        case 'r': given.record = optarg; break;
        case 'n': given.service = optarg; break;
        case 'c': given.count = number("count", optarg); break;
        case 's': given.seed = number("seed", optarg); break;
        case 'o': given.open = number("open", optarg); break;
        case 'R': given.rate = number("rate", optarg); break;
        case 'f': given.flush_seconds = number("flush", optarg); break;
        case 'h': given.hold = 1; break;
        case 'e': given.endless = 1; break;
        case 'x': given.expect_off = 1; break;
        case 'l':
            if (sscanf(optarg, "%lu,%lu,%lu", &given.attribute_limit, &given.event_limit, &given.link_limit) == 3) break;
            /* fall through */
        default:
            fprintf(stderr, "producer: wrong command line; see the head of producer.c\n");
            exit(2);
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
