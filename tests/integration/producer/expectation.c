/* SPDX-License-Identifier: Apache-2.0 */
#include "expectation.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void expect_attribute(expected_attributes *attributes, const spr_attribute *attribute) {
    for (size_t i = 0; i < attributes->count; ++i) {
        spr_attribute *have = &attributes->items[i];
        if (have->key_size == attribute->key_size && memcmp(have->key, attribute->key, have->key_size) == 0) {
            *have = *attribute;
            return;
        }
    }
    if (attributes->count == kMaxAttributes) abort();
    attributes->items[attributes->count++] = *attribute;
}

static void write_string(FILE *file, const char *text, size_t size) {
    fputc('"', file);
    for (size_t i = 0; i < size; ++i) {
        const unsigned char byte = (unsigned char)text[i];
        if (byte == '"' || byte == '\\') {
            fprintf(file, "\\%c", byte);
        } else if (byte < 0x20) {
            fprintf(file, "\\u%04x", byte);
        } else {
            fputc(byte, file);
        }
    }
    fputc('"', file);
}

static void write_text(FILE *file, const char *key, const char *text) {
    fprintf(file, "\"%s\":", key);
    write_string(file, text ? text : "", text ? strlen(text) : 0);
    fputc(',', file);
}

static void write_id(FILE *file, const char *key, const uint8_t *id, size_t size) {
    fprintf(file, "\"%s\":\"", key);
    for (size_t i = 0; i < size; ++i) fprintf(file, "%02x", id[i]);
    fputs("\",", file);
}

static void write_time(FILE *file, const char *key, const expected_time *time) {
    fprintf(file, "\"%s\":[%" PRIu64 ",%" PRIu64 ",%" PRIu64 "],", key, time->exact, time->after, time->before);
}

static void write_value(FILE *file, const spr_attribute *attribute) {
    switch (attribute->type) {
        case SPR_TYPE_STRING: write_string(file, attribute->value.string.data, attribute->value.string.size); break;
        case SPR_TYPE_BOOL: fputs(attribute->value.boolean ? "true" : "false", file); break;
        case SPR_TYPE_INT64: fprintf(file, "%" PRId64, attribute->value.int64); break;
        default:
            if (isnan(attribute->value.float64)) {
                fputs("\"NaN\"", file);
            } else if (isinf(attribute->value.float64)) {
                fputs(attribute->value.float64 > 0 ? "\"Infinity\"" : "\"-Infinity\"", file);
            } else {
                fprintf(file, "%.17g", attribute->value.float64);
            }
    }
}

/* "attributes":[[key,type,value],...],"dropped_attributes":N */
static void write_attributes(FILE *file, const expected_attributes *attributes) {
    fputs("\"attributes\":[", file);
    for (size_t i = 0; i < attributes->count; ++i) {
        const spr_attribute *attribute = &attributes->items[i];
        fputs(i ? ",[" : "[", file);
        write_string(file, attribute->key, attribute->key_size);
        fprintf(file, ",%" PRIu32 ",", attribute->type);
        write_value(file, attribute);
        fputc(']', file);
    }
    fprintf(file, "],\"dropped_attributes\":%" PRIu32, attributes->dropped);
}

static void write_events(FILE *file, const expectation *span) {
    fputs("\"events\":[", file);
    for (size_t i = 0; i < span->event_count; ++i) {
        fputs(i ? ",{" : "{", file);
        write_text(file, "name", span->events[i].name);
        write_time(file, "time", &span->events[i].time);
        write_attributes(file, &span->events[i].attributes);
        fputc('}', file);
    }
    fprintf(file, "],\"dropped_events\":%" PRIu32 ",", span->dropped_events);
}

static void write_links(FILE *file, const expectation *span) {
    fputs("\"links\":[", file);
    for (size_t i = 0; i < span->link_count; ++i) {
        fputs(i ? ",{" : "{", file);
        write_id(file, "trace_id", span->links[i].context.trace_id, sizeof span->links[i].context.trace_id);
        write_id(file, "span_id", span->links[i].context.span_id, sizeof span->links[i].context.span_id);
        fprintf(file, "\"flags\":%d,", span->links[i].context.trace_flags);
        fprintf(file, "\"remote\":%d,", span->links[i].context.is_remote);
        write_attributes(file, &span->links[i].attributes);
        fputc('}', file);
    }
    fprintf(file, "],\"dropped_links\":%" PRIu32 ",", span->dropped_links);
}

void write_expectation(FILE *file, const expectation *span) {
    fputc('{', file);
    write_id(file, "trace_id", span->context.trace_id, sizeof span->context.trace_id);
    write_id(file, "span_id", span->context.span_id, sizeof span->context.span_id);
    write_id(file, "parent_span_id", span->parent.span_id, sizeof span->parent.span_id);
    fprintf(file, "\"flags\":%d,\"parent_remote\":%d,", span->context.trace_flags, span->parent.is_remote);
    write_text(file, "trace_state", span->trace_state);
    write_text(file, "name", span->name);
    write_text(file, "scope_name", span->scope_name);
    write_text(file, "scope_version", span->scope_version);
    write_text(file, "schema_url", span->schema_url);
    fprintf(file, "\"kind\":%d,\"open\":%s,", span->kind, span->open ? "true" : "false");
    write_time(file, "start", &span->start);
    write_time(file, "end", &span->end);
    write_events(file, span);
    write_links(file, span);
    fprintf(file, "\"status\":%d,", span->status);
    write_text(file, "status_message", span->status_message);
    write_attributes(file, &span->attributes);
    fputs("}\n", file);
    fflush(file); /* a line of a span that ended is whole in the file when this process is killed right after */
}

void write_resource(FILE *file, const expected_attributes *attributes) {
    fputs("{\"resource\":true,", file);
    write_attributes(file, attributes);
    fputs("}\n", file);
    fflush(file);
}
