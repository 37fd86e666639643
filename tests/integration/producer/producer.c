/* SPDX-License-Identifier: Apache-2.0 */
#include "producer.h"

#include <stdarg.h>
#include <stdlib.h>

uint64_t next_random(producer *self) { /* xorshift64* */
    self->random ^= self->random >> 12;
    self->random ^= self->random << 25;
    self->random ^= self->random >> 27;
    return self->random * 0x2545f4914f6cdd1dull;
}

const char *text(producer *self, const char *format, ...) {
    char *place = self->text + self->text_used;
    va_list values;
    va_start(values, format);
    const int size = vsnprintf(place, sizeof self->text - self->text_used, format, values);
    va_end(values);
    if (size < 0 || self->text_used + (size_t)size + 1 > sizeof self->text) abort();
    self->text_used += (size_t)size + 1;
    return place;
}
