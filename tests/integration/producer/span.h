/* SPDX-License-Identifier: Apache-2.0 */
/* One span with all that can be set on it, and the line that says so. */
#ifndef SPANRING_TESTS_SPAN_H
#define SPANRING_TESTS_SPAN_H

#include "producer.h"

/* `index` decides what it has; `open`: it is never ended. */
void one_span(producer *self, unsigned long index, int open);

#endif
