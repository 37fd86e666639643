// SPDX-License-Identifier: Apache-2.0
//
// W3C Trace Context (Recommendation, 23 November 2021), section 3.2: version "-" trace-id "-" parent-id "-" trace-flags,
// lower-case hex. A higher version may carry more behind a further "-".
#include <errno.h>
#include <string.h>

#include "trace/attribute.hpp"
#include "trace/context.hpp"

namespace {

constexpr size_t kSize = 55;
constexpr char kHex[] = "0123456789abcdef";

char* put_hex(char* to, const uint8_t* from, size_t size) {
    for (size_t i = 0; i < size; ++i) {
        *to++ = kHex[from[i] >> 4];
        *to++ = kHex[from[i] & 15];
    }
    return to;
}

// -1 for anything but lower-case hex.
int digit(char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; }

bool get_hex(const char* from, uint8_t* to, size_t size) {
    int bad = 0;
    for (size_t i = 0; i < size; ++i) {
        const int high = digit(from[2 * i]);
        const int low = digit(from[2 * i + 1]);
        bad |= high | low;
        to[i] = static_cast<uint8_t>(high << 4 | low);
    }
    return bad >= 0;
}

}  // namespace

extern "C" {

int spr_traceparent_inject(const spr_context* context, char ret_header[SPR_TRACEPARENT_SIZE]) noexcept {
    if (context == nullptr || ret_header == nullptr || !spanring::trace::is_valid(*context)) return -EINVAL;
    const uint8_t flags = context->trace_flags & (SPR_TRACE_FLAG_SAMPLED | SPR_TRACE_FLAG_RANDOM);
    char* at = ret_header;
    *at++ = '0';
    *at++ = '0';
    *at++ = '-';
    at = put_hex(at, context->trace_id, 16);
    *at++ = '-';
    at = put_hex(at, context->span_id, 8);
    *at++ = '-';
    at = put_hex(at, &flags, 1);
    *at = 0;
    return 0;
}

int spr_traceparent_extract(const char* header, size_t header_size, spr_context* ret_context) noexcept {
    if (header == nullptr || ret_context == nullptr) return -EINVAL;
    if (header_size == SPR_NUL) header_size = strlen(header);
    spr_context context = {};
    uint8_t version;
    if (header_size < kSize || !get_hex(header, &version, 1) || version == 0xff || header[2] != '-' || header[35] != '-' ||
        header[52] != '-' || (version == 0 && header_size != kSize) || (header_size > kSize && header[kSize] != '-') ||
        !get_hex(header + 3, context.trace_id, 16) || !get_hex(header + 36, context.span_id, 8) ||
        !get_hex(header + 53, &context.trace_flags, 1) || !spanring::trace::is_valid(context))
        return -EBADMSG;
    context.trace_flags &= SPR_TRACE_FLAG_SAMPLED | SPR_TRACE_FLAG_RANDOM;
    context.is_remote = 1;
    *ret_context = context;
    return 0;
}

}  // extern "C"
