// SPDX-License-Identifier: Apache-2.0
#include "otlp/sampling_state.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace spanring::agent {
namespace {

constexpr size_t kMostList = 1024;  // bytes; W3C asks for 512 at least
constexpr size_t kMostMembers = 32;
constexpr size_t kMostKey = 256, kMostValue = 256;
constexpr uint32_t kDigits = 14;

constexpr std::string_view kOt = "ot", kThreshold = "th", kRandomness = "rv";

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_lower_or_digit(char c) { return is_lower(c) || is_digit(c); }
bool is_key_character(char c) { return is_lower_or_digit(c) || c == '_' || c == '-' || c == '*' || c == '/'; }
bool is_value_character(char c) { return c >= ' ' && c <= '~' && c != ',' && c != '='; }
bool is_sub_value_character(char c) {
    return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z') || c == '.' || c == '_' || c == '-';
}

template <class Is>
bool all(std::string_view text, Is is) {
    return std::all_of(text.begin(), text.end(), is);
}

// One of several, without what parts them.
std::string_view take_piece(std::string_view& list, char separator) {
    const size_t end = list.find(separator);
    const std::string_view piece = list.substr(0, end);
    list = end == std::string_view::npos ? std::string_view() : list.substr(end + 1);
    return piece;
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

// "key" or "tenant@system".
bool is_key(std::string_view key) {
    const size_t at = key.find('@');
    const std::string_view system = at == std::string_view::npos ? key : key.substr(at + 1);
    if (key.size() > kMostKey || system.empty() || !is_lower(system.front()) || !all(system, is_key_character))
        return false;
    if (at == std::string_view::npos) return true;
    const std::string_view tenant = key.substr(0, at);
    return !tenant.empty() && is_lower_or_digit(tenant.front()) && all(tenant, is_key_character);
}

std::optional<uint64_t> number_of(std::string_view digits) {
    uint64_t number = 0;
    for (const char c : digits) {
        if (!is_digit(c) && (c < 'a' || c > 'f')) return std::nullopt;
        number = number << 4 | static_cast<uint64_t>(is_digit(c) ? c - '0' : c - 'a' + 10);
    }
    return number;
}

// Digits at the end that are 0 are left out there.
std::optional<uint64_t> read_threshold(std::string_view digits) {
    if (digits.empty() || digits.size() > kDigits) return std::nullopt;
    const std::optional<uint64_t> number = number_of(digits);
    if (!number) return std::nullopt;
    return *number << 4 * (kDigits - digits.size());
}

std::optional<uint64_t> read_randomness(std::string_view digits) {
    return digits.size() == kDigits ? number_of(digits) : std::nullopt;
}

void append_number(std::string& text, uint64_t number, bool cut) {
    const size_t begin = text.size();
    for (uint32_t i = kDigits; i != 0; --i) text += "0123456789abcdef"[number >> 4 * (i - 1) & 0xf];
    while (cut && text.size() > begin + 1 && text.back() == '0') text.pop_back();
}

bool read_ot(std::string_view value, SamplingState& state) {
    state = {};
    if (value.back() == ';') return false;
    while (!value.empty()) {
        std::string_view sub = take_piece(value, ';');
        const size_t colon = sub.find(':');
        if (colon == std::string_view::npos) return false;
        const std::string_view key = sub.substr(0, colon), content = sub.substr(colon + 1);
        if (key.empty() || !is_lower(key.front()) || !all(key, is_lower_or_digit) ||
            !all(content, is_sub_value_character))
            return false;
        if (key == kThreshold && !(state.threshold = read_threshold(content))) return false;
        if (key == kRandomness && !(state.randomness = read_randomness(content))) return false;
    }
    return true;
}

}  // namespace

bool SamplingState::read(std::string_view trace_state, SamplingState& ret_state) {
    SamplingState state;
    if (trace_state.size() > kMostList) return false;
    size_t members = 0;
    for (std::string_view list = trace_state; !list.empty();) {
        const std::string_view member = trimmed(take_piece(list, ','));
        if (member.empty()) continue;
        const size_t equals = member.find('=');
        if (equals == std::string_view::npos || ++members > kMostMembers) return false;
        const std::string_view key = member.substr(0, equals), value = member.substr(equals + 1);
        if (!is_key(key) || value.empty() || value.size() > kMostValue || !all(value, is_value_character)) return false;
        if (key == kOt && !read_ot(value, state)) return false;
    }
    ret_state = state;
    return true;
}

// What comes last stays out where there would be more than there may be, so that it is sound.
void SamplingState::write(std::string_view trace_state, std::string& ret_list) const {
    ret_list = "ot=";
    const auto next = [&](char separator, size_t begin) {
        if (ret_list.size() != begin) ret_list += separator;
    };
    const size_t begin = ret_list.size();
    if (randomness) {
        ret_list += "rv:";
        append_number(ret_list, *randomness, false);
    }
    if (threshold) {
        next(';', begin);
        ret_list += "th:";
        append_number(ret_list, *threshold, true);
    }
    std::string_view others = trace_state, ot;
    while (!others.empty()) {
        const std::string_view member = trimmed(take_piece(others, ','));
        if (member.starts_with("ot=")) ot = member.substr(3);  // the last one counts, as it was read
    }
    while (!ot.empty()) {
        const std::string_view sub = take_piece(ot, ';');
        if (sub.starts_with("th:") || sub.starts_with("rv:")) continue;
        if (ret_list.size() - begin + 1 + sub.size() > kMostValue) continue;
        next(';', begin);
        ret_list += sub;
    }
    if (ret_list.size() == begin) ret_list.clear();
    size_t members = ret_list.empty() ? 0 : 1;
    for (std::string_view list = trace_state; !list.empty();) {
        const std::string_view member = trimmed(take_piece(list, ','));
        if (member.empty() || member.starts_with("ot=")) continue;
        if (members == kMostMembers || ret_list.size() + 1 + member.size() > kMostList) break;
        ++members;
        next(',', 0);
        ret_list += member;
    }
}

uint64_t randomness_of(const uint8_t* trace_id) {
    uint64_t number = 0;
    for (size_t i = 9; i < 16; ++i) number = number << 8 | trace_id[i];
    return number;
}

uint64_t threshold_of(double probability, uint32_t digits) {
    if (probability >= 1) return 0;
    // A digit more for each leading 0 or f of the threshold, so that the error stays in proportion.
    int rare = 0, frequent = 0;
    std::frexp(probability, &rare);
    std::frexp(1 - probability, &frequent);
    const int wanted = static_cast<int>(digits) + std::max(-rare / 4, -frequent / 4);
    digits = static_cast<uint32_t>(std::min(wanted, static_cast<int>(kDigits)));
    uint64_t threshold = SamplingState::kNever -
                         static_cast<uint64_t>(std::llround(probability * static_cast<double>(SamplingState::kNever)));
    if (const uint32_t shift = 4 * (kDigits - digits); shift != 0)
        threshold = (threshold + (uint64_t{1} << (shift - 1))) >> shift << shift;
    return threshold;
}

double probability_of(uint64_t threshold) {
    return static_cast<double>(SamplingState::kNever - threshold) / static_cast<double>(SamplingState::kNever);
}

}  // namespace spanring::agent
