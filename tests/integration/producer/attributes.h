/* SPDX-License-Identifier: Apache-2.0 */
/* Attributes: made, set on a span, and expected of it under the limit. */
#ifndef SPANRING_TESTS_ATTRIBUTES_H
#define SPANRING_TESTS_ATTRIBUTES_H

#include "expectation.h"
#include "producer.h"

spr_attribute string_attribute(const char *key, const char *value, size_t size);
spr_attribute int64_attribute(const char *key, int64_t value);

/* Attributes number `from` to below `to` of a sequence that covers every type and its corners. */
size_t make_attributes(producer *self, unsigned long index, size_t from, size_t to, spr_attribute *attributes);

/* What the library must make of these under the limit; returns how many it must refuse. */
int expect_attributes(const producer *self, expected_attributes *expected, const spr_attribute *attributes,
                      size_t count);

void set_attributes_one_by_one(const producer *self, const spr_span *span, expectation *expected,
                               const spr_attribute *attributes, size_t count);

/* Keys that nobody can read are refused; in a value the agent replaces what is not UTF-8, byte for byte. */
void set_bad_attributes(const producer *self, const spr_span *span, expectation *expected);

#endif
