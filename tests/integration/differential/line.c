/* SPDX-License-Identifier: Apache-2.0 */
#include "line.h"

#include <stdlib.h>
#include <string.h>

enum { ROOM = 4 << 20 };

void line_fail(const line *self, const char *what) {
    fprintf(stderr, "line %lu: %s\n", self->number, what);
    exit(1);
}

void line_open(line *self, const char *path) {
    self->file = fopen(path, "r");
    self->room = malloc(ROOM);
    if (self->file == NULL || self->room == NULL) line_fail(self, "cannot be read");
}

int line_next(line *self) {
    const ssize_t size = getline(&self->text, &self->text_room, self->file);
    if (size <= 0) return 0;
    ++self->number;
    self->text[strcspn(self->text, "\n")] = 0;
    self->at = self->text;
    self->used = 0;
    return 1;
}

void *line_room(line *self, size_t size) {
    void *place = self->room + self->used;
    size = (size + 15) & ~(size_t)15;
    if (size > ROOM - self->used) line_fail(self, "too long");
    self->used += size;
    return place;
}

const char *line_word(line *self) {
    char *const word = self->at;
    if (*word == 0) line_fail(self, "too short");
    self->at += strcspn(self->at, " ");
    if (*self->at == ' ') *self->at++ = 0;
    return word;
}

uint64_t line_number(line *self) {
    char *end;
    const char *word = line_word(self);
    const unsigned long long number = strtoull(word, &end, 10);
    if (*end != 0 || end == word) line_fail(self, "no number");
    return number;
}

int64_t line_integer(line *self) {
    char *end;
    const char *word = line_word(self);
    const long long number = strtoll(word, &end, 10);
    if (*end != 0 || end == word) line_fail(self, "no integer");
    return number;
}

uint64_t line_bits(line *self) {
    char *end;
    const char *word = line_word(self);
    const unsigned long long bits = strtoull(word, &end, 16);
    if (*end != 0 || end - word != 16) line_fail(self, "no 64 bits");
    return bits;
}

static void read_hex(const line *self, const char *digits, uint8_t *to, size_t size) {
    for (size_t i = 0; i < size; ++i) {
        const char two[3] = {digits[2 * i], digits[2 * i + 1], 0};
        char *end;
        to[i] = (uint8_t)strtoul(two, &end, 16);
        if (end != two + 2) line_fail(self, "no hexadecimal digits");
    }
}

void line_bytes(line *self, uint8_t *to, size_t size) {
    const char *digits = line_word(self);
    if (strlen(digits) != 2 * size) line_fail(self, "an id of another size");
    read_hex(self, digits, to, size);
}

const char *line_text(line *self, size_t *ret_size) {
    const char *word = line_word(self);
    if (*word != '=') line_fail(self, "a text without its =");
    const size_t size = strlen(word + 1) / 2;
    uint8_t *text = line_room(self, size);
    read_hex(self, word + 1, text, size);
    *ret_size = size;
    return (const char *)text;
}
