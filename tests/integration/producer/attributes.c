/* SPDX-License-Identifier: Apache-2.0 */
#include "attributes.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "must.h"

spr_attribute string_attribute(const char *key, const char *value, size_t size) {
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
spr_attribute int64_attribute(const char *key, int64_t value) {
    spr_attribute attribute = {.key = key, .key_size = strlen(key), .type = SPR_TYPE_INT64};
    attribute.value.int64 = value;
    return attribute;
}
static spr_attribute double_attribute(const char *key, double value) {
    spr_attribute attribute = {.key = key, .key_size = strlen(key), .type = SPR_TYPE_DOUBLE};
    attribute.value.float64 = value;
    return attribute;
}

size_t make_attributes(producer *self, unsigned long index, size_t from, size_t to, spr_attribute *attributes) {
    static const double kDoubles[] = {0.0, -0.0, 3.25, -1e308, 5e-324, 1.0 / 3.0, INFINITY, -INFINITY, NAN};
    static const int64_t kIntegers[] = {0, 1, -1, 127, 128, INT64_MAX, INT64_MIN, 1ll << 53, -(1ll << 31)};
    size_t count = 0;
    for (size_t i = from; i < to; ++i) {
        const uint64_t random = next_random(self);
        const char *key = text(self, "test.key.%zu", i);
        switch (i % 6) {
            case 0: {
                const char *value =
                    text(self, "Wert %llu: äöü \"quoted\" \\ \t日本語 🛒", (unsigned long long)random);
                attributes[count++] = string_attribute(key, value, strlen(value));
                break;
            }
            case 1: attributes[count++] = bool_attribute(key, (int)(random & 1)); break;
            case 2:
                attributes[count++] = int64_attribute(key, random % 3 ? kIntegers[random % 9] : (int64_t)random);
                break;
            case 3: attributes[count++] = double_attribute(key, kDoubles[(random + index) % 9]); break;
            case 4: attributes[count++] = string_attribute(key, "", 0); break;
            default: attributes[count++] = string_attribute(text(self, "schlüssel.%zu.鍵", i), "a\0b", 3);
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
        default: return spr_span_set_double(span, attribute->key, attribute->key_size, attribute->value.float64);
    }
}

static int has_key(const expected_attributes *attributes, const spr_attribute *wanted) {
    for (size_t i = 0; i < attributes->count; ++i) {
        const spr_attribute *have = &attributes->items[i];
        if (have->key_size == wanted->key_size && memcmp(have->key, wanted->key, have->key_size) == 0) return 1;
    }
    return 0;
}

int expect_attributes(const producer *self, expected_attributes *expected, const spr_attribute *attributes,
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

void set_attributes_one_by_one(const producer *self, const spr_span *span, expectation *expected,
                               const spr_attribute *attributes, size_t count) {
    for (size_t i = 0; i < count; ++i) {
        const int refused = expect_attributes(self, &expected->attributes, &attributes[i], 1);
        MUST(set_attribute(span, &attributes[i]), refused ? -EDQUOT : 0);
    }
}

void set_bad_attributes(const producer *self, const spr_span *span, expectation *expected) {
    MUST(spr_span_set_int64(span, "", 0, 1), -EINVAL);
    MUST(spr_span_set_string(span, "bad\xff", 4, "x", 1), -EINVAL);
    expected->attributes.dropped += 2;
    const spr_attribute repaired = string_attribute("test.repaired", "a??z", 4);
    const int refused = expect_attributes(self, &expected->attributes, &repaired, 1);
    MUST(spr_span_set_string(span, "test.repaired", SPR_NUL, "a\xc0\x80z", 4), refused ? -EDQUOT : 0);
}
