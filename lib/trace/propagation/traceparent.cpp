// SPDX-License-Identifier: Apache-2.0
//
// W3C Trace Context (level 2), section 3.2: version "-" trace-id "-" parent-id "-" trace-flags, lower-case hex. A
// higher version may carry more after a further "-".
#include <errno.h>
#include <string.h>

#include "trace/base/hex.hpp"
#include "trace/propagation/context.hpp"
#include "trace/propagation/header_text.hpp"

namespace spanring::trace {
namespace {

constexpr size_t kSize = 55;
static_assert(SPR_TRACEPARENT_SIZE == kSize + 1);

bool parse(const char* header, size_t size, spr_context& ret_context) {
    if (size < kSize) return false;
    HexReader hex;
    const uint64_t version = hex.one(header);
    const uint64_t trace[2] = {hex.eight(header + 3), hex.eight(header + 19)};
    const uint64_t span = hex.eight(header + 36);
    const uint64_t flags = hex.one(header + 53);
    if (!hex.good() || header[2] != '-' || header[35] != '-' || header[52] != '-' || version == 0xff ||
        (size != kSize && (version == 0 || header[kSize] != '-')) || (trace[0] | trace[1]) == 0 || span == 0)
        return false;
    set_remote(ret_context, trace, span, flags & (SPR_TRACE_FLAG_SAMPLED | SPR_TRACE_FLAG_RANDOM));
    return true;
}

}  // namespace
}  // namespace spanring::trace

using namespace spanring::trace;

extern "C" {

int spr_traceparent_inject(const spr_context* context, char ret_header[SPR_TRACEPARENT_SIZE]) noexcept {
    if (context == nullptr || ret_header == nullptr || !is_valid(*context)) return -EINVAL;
    const uint8_t flags = context->trace_flags & (SPR_TRACE_FLAG_SAMPLED | SPR_TRACE_FLAG_RANDOM);
    char* at = ret_header;
    memcpy(at, "00-", 3);
    at = put_hex<16>(at + 3, context->trace_id);
    *at = '-';
    at = put_hex<8>(at + 1, context->span_id);
    *at = '-';
    at = put_hex<1>(at + 1, &flags);
    *at = 0;
    return 0;
}

int spr_traceparent_extract(const char* header, size_t header_size, spr_context* ret_context) noexcept {
    if (header == nullptr || ret_context == nullptr) return -EINVAL;
    if (header_size == SPR_NUL) header_size = strlen(header);
    if (parse(header, header_size, *ret_context)) [[likely]]
        return 0;
    const std::string_view trimmed = trim({header, header_size});
    return trimmed.size() != header_size && parse(trimmed.data(), trimmed.size(), *ret_context) ? 0 : -EBADMSG;
}

}  // extern "C"
