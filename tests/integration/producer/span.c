/* SPDX-License-Identifier: Apache-2.0 */
#include "span.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "attributes.h"
#include "must.h"

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
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
        for (size_t i = 0; i < sizeof link.context.trace_id; ++i)
            link.context.trace_id[i] = (uint8_t)(index + i + 1) | 1;
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

static void choose_tracer(producer *self, unsigned long index, expectation *expected, spr_tracer **ret_tracer) {
    static const char *const kScopes[3][3] = {{"shop.checkout", "1.2.3", "https://opentelemetry.io/schemas/1.26.0"},
                                              {"shop.stock", "", ""},
                                              {"Lager", "β2", ""}};
    const size_t scope = index / 7 % 3;
    expected->scope_name = kScopes[scope][0];
    expected->scope_version = kScopes[scope][1];
    expected->schema_url = kScopes[scope][2];
    *ret_tracer = self->tracers[scope];
}

/* Parents of four kinds: none, the span before by hand, the span before as current context, one of another process. */
static void choose_parent(const producer *self, unsigned long index, spr_start_options *options, spr_context *parent,
                          expectation *expected, spr_token *token) {
    token->previous = NULL;
    switch (self->previous.trace_id[0] ? index % 4 : 3) {
        case 0: options->parent_mode = SPR_PARENT_ROOT; return;
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
            MUST(spr_traceparent_extract(self->arguments.caller, strlen(self->arguments.caller), parent), 0);
            options->parent_mode = SPR_PARENT_EXPLICIT;
            options->parent = parent;
    }
    expected->parent = *parent;
}

static void set_status(const spr_span *span, unsigned long index, producer *self, expectation *expected) {
    switch (index % 5) {
        case 0: return;
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
        set_attributes_one_by_one(self, span, expected, attributes,
                                  make_attributes(self, index, 0, index % 9, attributes));
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

void one_span(producer *self, unsigned long index, int open) {
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
