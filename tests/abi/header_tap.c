/* SPDX-License-Identifier: Apache-2.0 */
/* The header of the tap alone, twice. Compiled under each standard. Its offsets are those of docs/tap.md, for ever. */
/* clang-format off */
#include <spanring/tap.h>
#include <spanring/tap.h>
/* clang-format on */

#include <stddef.h>

#define IS(member, offset) (offsetof(spr_tap_header, member) == (offset))

int main(void) {
    const char as_documented[IS(magic, 0) && IS(header_bytes, 4) && IS(message_bytes, 8) && IS(spans, 12) &&
                                     IS(stream, 16) && IS(sequence, 24) && IS(spans_before, 32) &&
                                     IS(unpublished, 40) && IS(unsorted, 48) && IS(unix_nano, 56) &&
                                     sizeof(spr_tap_header) == 64
                                 ? 1
                                 : -1] = {0};
    return as_documented[0];
}
