/* SPDX-License-Identifier: Apache-2.0
 *
 * Makes the described spans through the library: described DESCRIPTION. What a line says is in description.py. A
 * "whole" span goes through spr_span_record(), "steps" through one call for each step; its ids are the library's then.
 */
#include "line.h"

#include <errno.h>
#include <spanring/spanring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 512, SCOPES = 16 };

typedef struct {
    line words;
    spr_provider *provider;
    spr_tracer *tracers[SCOPES];
    size_t tracer_count;
} maker;

typedef struct {
    spr_attribute attributes[MOST];
    size_t attribute_count;
    spr_event events[MOST];
    size_t event_count;
    spr_link links[MOST];
    size_t link_count;
} lists;

static const spr_attribute *read_attributes(line *words, size_t *ret_count);

static uint32_t read_value(line *words, spr_any *ret) {
    const char *kind = line_word(words);
    memset(ret, 0, sizeof *ret);
    switch (*kind) {
        case 's': ret->string.data = line_text(words, &ret->string.size); return SPR_TYPE_STRING;
        case 'b': ret->boolean = line_number(words); return SPR_TYPE_BOOL;
        case 'i': ret->int64 = line_integer(words); return SPR_TYPE_INT64;
        case 'd': {
            const uint64_t bits = line_bits(words);
            memcpy(&ret->float64, &bits, sizeof bits);
            return SPR_TYPE_DOUBLE;
        }
        case 'y': ret->bytes.data = line_text(words, &ret->bytes.size); return SPR_TYPE_BYTES;
        case 'a': {
            const size_t count = (size_t)line_number(words);
            spr_value *values = line_room(words, count * sizeof *values);
            for (size_t i = 0; i < count; ++i) {
                values[i].reserved = 0;
                values[i].type = read_value(words, &values[i].value);
            }
            ret->array.values = values;
            ret->array.count = count;
            return SPR_TYPE_ARRAY;
        }
        case 'k': ret->key_values.pairs = read_attributes(words, &ret->key_values.count); return SPR_TYPE_KEY_VALUES;
        case 'e': return SPR_TYPE_EMPTY;
        default: line_fail(words, "a type that is none");
    }
}

static const spr_attribute *read_attributes(line *words, size_t *ret_count) {
    const size_t count = (size_t)line_number(words);
    spr_attribute *list = line_room(words, count * sizeof *list);
    for (size_t i = 0; i < count; ++i) {
        list[i].key = line_text(words, &list[i].key_size);
        list[i].reserved = 0;
        list[i].type = read_value(words, &list[i].value);
    }
    *ret_count = count;
    return list;
}

static spr_link read_link(line *words) {
    spr_link link;
    memset(&link, 0, sizeof link);
    line_bytes(words, link.context.trace_id, 16);
    line_bytes(words, link.context.span_id, 8);
    link.context.trace_flags = (uint8_t)line_number(words);
    link.context.is_remote = (uint8_t)line_number(words);
    link.trace_state = line_text(words, &link.trace_state_size);
    link.attributes = read_attributes(words, &link.attribute_count);
    return link;
}

static spr_event read_event(line *words) {
    spr_event event;
    memset(&event, 0, sizeof event);
    event.name = line_text(words, &event.name_size);
    event.time_ns = line_number(words);
    event.attributes = read_attributes(words, &event.attribute_count);
    return event;
}

static void append(maker *self, spr_attribute *to, size_t *count) {
    size_t more;
    const spr_attribute *list = read_attributes(&self->words, &more);
    if (*count + more > MOST) line_fail(&self->words, "too many attributes");
    if (more != 0) memcpy(to + *count, list, more * sizeof *list);
    *count += more;
}

/* A refusal by a limit, or of an empty key, is what the test is about; a call that fails for another reason is a
 * failure. */
static void check(maker *self, int result) {
    if (result < 0 && result != -EDQUOT && result != -EINVAL) line_fail(&self->words, spr_strerror(result));
}

static void make_whole(maker *self, spr_tracer *tracer, spr_whole_span *whole, lists *all) {
    line *words = &self->words;
    for (;;) {
        const char *operation = line_word(words);
        if (strcmp(operation, "set") == 0) {
            append(self, all->attributes, &all->attribute_count);
        } else if (strcmp(operation, "event") == 0 && all->event_count < MOST) {
            all->events[all->event_count++] = read_event(words);
        } else if (strcmp(operation, "link") == 0 && all->link_count < MOST) {
            all->links[all->link_count++] = read_link(words);
        } else if (strcmp(operation, "status") == 0) {
            whole->status = (uint8_t)line_number(words);
            whole->status_message = line_text(words, &whole->status_message_size);
        } else if (strcmp(operation, "end") == 0) {
            break;
        } else {
            line_fail(words, "an operation that no whole span has");
        }
    }
    whole->end_time_ns = line_number(words);
    whole->attributes = all->attributes;
    whole->attribute_count = all->attribute_count;
    whole->events = all->events;
    whole->event_count = all->event_count;
    whole->links = all->links;
    whole->link_count = all->link_count;
    const int result = spr_span_record(tracer, whole, NULL);
    if (result != 1) line_fail(words, spr_strerror(result));
}

static int set(const spr_span *span, const spr_attribute *attribute) {
    switch (attribute->type) {
        case SPR_TYPE_STRING:
            return spr_span_set_string(span, attribute->key, attribute->key_size, attribute->value.string.data,
                                       attribute->value.string.size);
        case SPR_TYPE_BOOL:
            return spr_span_set_bool(span, attribute->key, attribute->key_size, attribute->value.boolean != 0);
        case SPR_TYPE_INT64:
            return spr_span_set_int64(span, attribute->key, attribute->key_size, attribute->value.int64);
        case SPR_TYPE_DOUBLE:
            return spr_span_set_double(span, attribute->key, attribute->key_size, attribute->value.float64);
        default: return spr_span_set_attributes(span, attribute, 1);
    }
}

static void make_steps(maker *self, spr_tracer *tracer, const spr_whole_span *whole, const lists *all) {
    line *words = &self->words;
    spr_start_options start = SPR_START_OPTIONS_INIT;
    start.kind = whole->kind;
    start.parent_mode = SPR_PARENT_EXPLICIT;
    start.parent = whole->parent;
    start.start_time_ns = whole->start_time_ns;
    start.trace_state = whole->trace_state;
    start.trace_state_size = whole->trace_state_size;
    start.attributes = all->attributes;
    start.attribute_count = all->attribute_count;
    start.links = all->links;
    start.link_count = all->link_count;
    spr_span span;
    if (spr_span_start_with(tracer, whole->name, whole->name_size, &start, &span) != 1)
        line_fail(words, "a span that does not start");
    for (;;) {
        const char *operation = line_word(words);
        if (strcmp(operation, "set") == 0) {
            size_t count;
            const spr_attribute *list = read_attributes(words, &count);
            for (size_t i = 0; i < count; ++i) check(self, set(&span, &list[i]));
        } else if (strcmp(operation, "event") == 0) {
            const spr_event event = read_event(words);
            check(self, spr_span_add_event(&span, &event));
        } else if (strcmp(operation, "link") == 0) {
            const spr_link link = read_link(words);
            check(self, spr_span_add_link(&span, &link));
        } else if (strcmp(operation, "exception") == 0) {
            spr_exception exception = SPR_EXCEPTION_INIT;
            exception.type = line_text(words, &exception.type_size);
            exception.message = line_text(words, &exception.message_size);
            exception.time_ns = line_number(words);
            exception.attributes = read_attributes(words, &exception.attribute_count);
            check(self, spr_span_record_exception(&span, &exception));
        } else if (strcmp(operation, "status") == 0) {
            const int code = (int)line_number(words);
            size_t size;
            const char *message = line_text(words, &size);
            check(self, spr_span_set_status(&span, code, message, size));
        } else if (strcmp(operation, "name") == 0) {
            size_t size;
            const char *name = line_text(words, &size);
            check(self, spr_span_set_name(&span, name, size));
        } else if (strcmp(operation, "end") == 0) {
            break;
        } else {
            line_fail(words, "an operation that is none");
        }
    }
    spr_end_options end = SPR_END_OPTIONS_INIT;
    end.end_time_ns = line_number(words);
    const int result = spr_span_end_with(&span, &end);
    if (result != 0) line_fail(words, spr_strerror(result));
}

static void make_span(maker *self, int is_whole) {
    static lists all;
    line *words = &self->words;
    const size_t scope = (size_t)line_number(words);
    if (scope >= self->tracer_count) line_fail(words, "a scope that is none");
    spr_context own, parent;
    spr_whole_span whole = SPR_WHOLE_SPAN_INIT;
    memset(&own, 0, sizeof own);
    memset(&parent, 0, sizeof parent);
    line_bytes(words, own.trace_id, 16);
    line_bytes(words, own.span_id, 8);
    if (line_number(words) != 0) {
        memcpy(parent.trace_id, own.trace_id, 16);
        line_bytes(words, parent.span_id, 8);
        parent.trace_flags = (uint8_t)line_number(words);
        parent.is_remote = (uint8_t)line_number(words);
        whole.parent = &parent;
    }
    own.trace_flags = parent.trace_flags | SPR_TRACE_FLAG_SAMPLED;
    whole.context = &own;
    whole.trace_state = line_text(words, &whole.trace_state_size);
    whole.name = line_text(words, &whole.name_size);
    whole.kind = (uint8_t)line_number(words);
    whole.start_time_ns = line_number(words);
    all.attribute_count = all.event_count = all.link_count = 0;
    append(self, all.attributes, &all.attribute_count);
    for (size_t left = (size_t)line_number(words); left != 0; --left) {
        if (all.link_count == MOST) line_fail(words, "too many links");
        all.links[all.link_count++] = read_link(words);
    }
    if (is_whole)
        make_whole(self, self->tracers[scope], &whole, &all);
    else
        make_steps(self, self->tracers[scope], &whole, &all);
}

static void open_provider(maker *self) {
    spr_provider_options options = SPR_PROVIDER_OPTIONS_INIT;
    options.resource_schema_url = line_text(&self->words, &options.resource_schema_url_size);
    options.resource_attributes = read_attributes(&self->words, &options.resource_attribute_count);
    if (spr_provider_open(&options, &self->provider) != 0) line_fail(&self->words, "a provider that does not open");
}

static void open_tracer(maker *self) {
    spr_tracer_options options = SPR_TRACER_OPTIONS_INIT;
    options.name = line_text(&self->words, &options.name_size);
    options.version = line_text(&self->words, &options.version_size);
    options.schema_url = line_text(&self->words, &options.schema_url_size);
    options.attributes = read_attributes(&self->words, &options.attribute_count);
    if (self->tracer_count == SCOPES ||
        spr_tracer_get_with(self->provider, &options, &self->tracers[self->tracer_count++]) != 0)
        line_fail(&self->words, "a tracer that is not there");
}

int main(int count, char **arguments) {
    static maker self;
    if (count != 2) return 2;
    line_open(&self.words, arguments[1]);
    while (line_next(&self.words)) {
        const char *what = line_word(&self.words);
        if (strcmp(what, "resource") == 0)
            open_provider(&self);
        else if (strcmp(what, "scope") == 0)
            open_tracer(&self);
        else
            make_span(&self, strcmp(what, "whole") == 0);
    }
    spr_statistics statistics = SPR_STATISTICS_INIT;
    spr_provider_statistics(self.provider, &statistics);
    return statistics.ended != statistics.started || statistics.dropped_full != 0;
}
