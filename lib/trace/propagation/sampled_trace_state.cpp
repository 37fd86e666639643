// SPDX-License-Identifier: Apache-2.0
#include "trace/propagation/sampled_trace_state.hpp"

#include "trace/propagation/list_text.hpp"

namespace spanring::trace {
namespace {

constexpr std::string_view kOt = "ot=", kThreshold = "th:", kRandomness = "rv:";

// `prefix` taken off `text`, where it begins with it. (substr(), and starts_with() by it, can throw, and below -O2
// needs the C++ runtime for that.)
bool take_prefix(std::string_view& text, std::string_view prefix) {
    if (text.size() < prefix.size() || memcmp(text.data(), prefix.data(), prefix.size()) != 0) return false;
    text.remove_prefix(prefix.size());
    return true;
}
bool has_prefix(std::string_view text, std::string_view prefix) { return take_prefix(text, prefix); }

// Sub-keys of the member `ot`; empty where there is none.
std::string_view find_ot(std::string_view list) {
    while (list.data() != nullptr) {
        std::string_view member = trim(take_piece(list, ','));
        if (take_prefix(member, kOt)) return member;
    }
    return {};
}

}  // namespace

void SampledTraceState::compose(uint64_t threshold) {
    char* at = put(put(buffer_, kOt), kThreshold);
    at += ring::RejectionThreshold::write(at, threshold);
    const auto fits = [&](std::string_view text) {
        return text.size() + 1 <= static_cast<size_t>(buffer_ + sizeof buffer_ - at);
    };
    for (std::string_view ot = find_ot(view_); ot.data() != nullptr;) {
        const std::string_view sub = trim(take_piece(ot, ';'));
        if (sub.empty() || has_prefix(sub, kThreshold) || !fits(sub)) continue;
        *at++ = ';';
        at = put(at, sub);
    }
    uint32_t members = 1;
    for (std::string_view list = view_; list.data() != nullptr && members < SPR_TRACESTATE_MEMBERS;) {
        const std::string_view member = trim(take_piece(list, ','));
        if (member.empty() || has_prefix(member, kOt)) continue;
        if (!fits(member)) break;
        *at++ = ',';
        at = put(at, member);
        ++members;
    }
    view_ = between(buffer_, at);
}

bool SampledTraceState::randomness(std::string_view text, uint64_t& ret_bits) {
    constexpr size_t kDigits = 14;
    for (std::string_view ot = find_ot(text); ot.data() != nullptr;) {
        std::string_view sub = trim(take_piece(ot, ';'));
        if (!take_prefix(sub, kRandomness)) continue;
        if (sub.size() != kDigits) return false;
        uint64_t bits = 0;
        for (const char c : sub) {
            const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
            if (digit < 0) return false;
            bits = bits << 4 | static_cast<uint64_t>(digit);
        }
        ret_bits = bits;
        return true;
    }
    return false;
}

}  // namespace spanring::trace
