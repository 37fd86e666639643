/* SPDX-License-Identifier: Apache-2.0
 *
 * The words of a description, line by line. What is malformed ends the program; what a line needs of memory is given
 * back with the next one. */
#ifndef SPANRING_TEST_LINE_H
#define SPANRING_TEST_LINE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef struct line {
    FILE *file;
    unsigned long number;
    char *text;
    size_t text_room;
    char *at;
    uint8_t *room; /* as much as any line needs */
    size_t used;
} line;

void line_open(line *self, const char *path);
int line_next(line *self); /* 0 at the end */
__attribute__((noreturn)) void line_fail(const line *self, const char *what);

void *line_room(line *self, size_t size);
const char *line_word(line *self);
uint64_t line_number(line *self);
int64_t line_integer(line *self);
uint64_t line_bits(line *self);                        /* 16 hexadecimal digits */
const char *line_text(line *self, size_t *ret_size);   /* "=" and the bytes in hexadecimal digits */
void line_bytes(line *self, uint8_t *to, size_t size); /* hexadecimal digits */

#endif
