// SPDX-License-Identifier: Apache-2.0
//
// B3, in one header or several (github.com/openzipkin/b3-propagation; OpenTelemetry specification,
// context/api-propagators.md, B3 Requirements).
#include <errno.h>

#include "trace/base/hex.hpp"
#include "trace/propagation/context.hpp"
#include "trace/propagation/header_text.hpp"

namespace spanring::trace {
namespace {

enum class Sampling { kDefer, kDeny, kAccept, kDebug, kMalformed };

// A parsed context, before it is given out.
struct B3 {
    uint64_t trace[2] = {0, 0};
    uint64_t span = 0;
    Sampling sampling = Sampling::kDefer;

    // 16 or 32 digits, and 16. False: malformed.
    bool set_ids(std::string_view trace_id, std::string_view span_id) {
        if ((trace_id.size() != 16 && trace_id.size() != 32) || span_id.size() != 16) return false;
        HexReader hex;
        if (trace_id.size() == 32) trace[0] = hex.eight(trace_id.data());
        trace[1] = hex.eight(trace_id.data() + trace_id.size() - 16);
        span = hex.eight(span_id.data());
        return hex.good() && (trace[0] | trace[1]) != 0 && span != 0;
    }

    // What the functions of the header return.
    int give(bool has_ids, spr_context& ret_context, uint32_t* ret_flags) const {
        const bool sampled = sampling == Sampling::kAccept || sampling == Sampling::kDebug;
        set_remote(ret_context, trace, span, sampled ? SPR_TRACE_FLAG_SAMPLED : 0);  // without ids they are zero
        if (ret_flags != nullptr) *ret_flags = sampling == Sampling::kDebug ? SPR_PROPAGATED_DEBUG : 0;
        return has_ids;
    }
};

Sampling sampling_of(std::string_view text) {
    if (text.size() != 1) return Sampling::kMalformed;
    switch (text[0]) {
        case '0': return Sampling::kDeny;
        case '1': return Sampling::kAccept;
        case 'd': return Sampling::kDebug;
        default: return Sampling::kMalformed;
    }
}

// x-b3-sampled: early tracers wrote words.
Sampling sampled_of(std::string_view text) {
    if (text == "1" || text == "true") return Sampling::kAccept;
    if (text == "0" || text == "false") return Sampling::kDeny;
    return Sampling::kMalformed;
}

bool is_span_id(std::string_view text) {
    if (text.size() != 16) return false;
    HexReader hex;
    hex.eight(text.data());
    return hex.good();
}

char sampling_digit(const spr_context& context, uint32_t flags) {
    if ((flags & SPR_PROPAGATED_DEBUG) != 0) return 'd';
    return (context.trace_flags & SPR_TRACE_FLAG_SAMPLED) != 0 ? '1' : '0';
}

}  // namespace
}  // namespace spanring::trace

using namespace spanring::trace;

extern "C" {

int spr_b3_inject(const spr_context* context, uint32_t flags, char ret_header[SPR_B3_SIZE]) noexcept {
    if (context == nullptr || ret_header == nullptr || !is_valid(*context)) return -EINVAL;
    char* at = put_hex<16>(ret_header, context->trace_id);
    *at = '-';
    at = put_hex<8>(at + 1, context->span_id);
    *at++ = '-';
    *at++ = sampling_digit(*context, flags);
    *at = 0;
    return 0;
}

int spr_b3multi_inject(const spr_context* context, uint32_t flags, spr_b3_headers* ret_headers) noexcept {
    if (context == nullptr || ret_headers == nullptr || !is_valid(*context)) return -EINVAL;
    *put_hex<16>(ret_headers->trace_id, context->trace_id) = 0;
    *put_hex<8>(ret_headers->span_id, context->span_id) = 0;
    // Debug implies that the trace is sampled, and stands alone.
    const char digit = sampling_digit(*context, flags);
    ret_headers->sampled[0] = digit == 'd' ? '\0' : digit;
    ret_headers->flags[0] = digit == 'd' ? '1' : '\0';
    ret_headers->sampled[1] = ret_headers->flags[1] = 0;
    return 0;
}

int spr_b3_extract(const char* header, size_t header_size, spr_context* ret_context, uint32_t* ret_flags) noexcept {
    if (header == nullptr || ret_context == nullptr) return -EINVAL;
    std::string_view rest = trim(view_of(header, header_size));
    B3 b3;
    const std::string_view first = take_piece(rest, '-');
    if (rest.data() == nullptr) {  // one piece: a decision alone
        b3.sampling = sampling_of(first);
        return b3.sampling != Sampling::kMalformed ? b3.give(false, *ret_context, ret_flags) : -EBADMSG;
    }
    if (!b3.set_ids(first, take_piece(rest, '-'))) return -EBADMSG;
    if (rest.data() != nullptr) b3.sampling = sampling_of(take_piece(rest, '-'));
    if (b3.sampling == Sampling::kMalformed) return -EBADMSG;
    if (rest.data() != nullptr && !is_span_id(rest)) return -EBADMSG;  // the parent's
    return b3.give(true, *ret_context, ret_flags);
}

int spr_b3multi_extract(const char* trace_id, size_t trace_id_size, const char* span_id, size_t span_id_size,
                        const char* sampled, size_t sampled_size, const char* flags, size_t flags_size,
                        spr_context* ret_context, uint32_t* ret_flags) noexcept {
    if (ret_context == nullptr) return -EINVAL;
    B3 b3;
    if (sampled != nullptr) b3.sampling = sampled_of(trim(view_of(sampled, sampled_size)));
    if (b3.sampling == Sampling::kMalformed) return -EBADMSG;
    if (flags != nullptr && trim(view_of(flags, flags_size)) == "1") b3.sampling = Sampling::kDebug;
    const bool has_ids = trace_id != nullptr || span_id != nullptr;
    const std::string_view trace = trim(view_of(trace_id, trace_id_size)), span = trim(view_of(span_id, span_id_size));
    if (has_ids && !b3.set_ids(trace, span)) return -EBADMSG;
    if (!has_ids && b3.sampling == Sampling::kDefer) return -EBADMSG;  // nothing at all
    return b3.give(has_ids, *ret_context, ret_flags);
}

}  // extern "C"
