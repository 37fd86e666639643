// SPDX-License-Identifier: Apache-2.0
#include "json.hpp"

#include <stdlib.h>
#include <string.h>

namespace spanring::envoy {
namespace {

bool is_blank(char byte) { return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r'; }

bool is_of_number(char byte) {
    return (byte >= '0' && byte <= '9') || byte == '-' || byte == '+' || byte == '.' || byte == 'e' || byte == 'E';
}

char* put_utf8(char* to, uint32_t point) {
    const auto put = [&to](uint32_t byte) { *to++ = static_cast<char>(byte); };
    const auto tail = [&put, point](int shift) { put(0x80 | (point >> shift & 0x3f)); };
    if (point < 0x80) {
        put(point);
    } else if (point < 0x800) {
        put(0xc0 | point >> 6);
        tail(0);
    } else if (point < 0x10000) {
        put(0xe0 | point >> 12);
        tail(6);
        tail(0);
    } else {
        put(0xf0 | point >> 18);
        tail(12);
        tail(6);
        tail(0);
    }
    return to;
}

}  // namespace

bool JsonReader::fail() {
    if (wrong_ == nullptr) wrong_ = at_;
    at_ = end_;
    return false;
}

void JsonReader::blanks() {
    while (at_ < end_ && is_blank(*at_)) ++at_;
}

bool JsonReader::take(std::string_view word) {
    if (static_cast<size_t>(end_ - at_) < word.size() || memcmp(at_, word.data(), word.size()) != 0) return fail();
    at_ += word.size();
    return true;
}

JsonReader::Type JsonReader::next() {
    blanks();
    if (at_ == end_) return Type::kNone;
    switch (*at_) {
        case '"': return Type::kString;
        case '{': return Type::kObject;
        case '[': return Type::kArray;
        case 't':
        case 'f': return Type::kBool;
        case 'n': return Type::kNull;
        default: return *at_ == '-' || (*at_ >= '0' && *at_ <= '9') ? Type::kNumber : Type::kNone;
    }
}

bool JsonReader::code_unit(uint32_t& ret) {
    if (end_ - at_ < 4) return fail();
    ret = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
        const char digit = *at_;
        const char lower = static_cast<char>(digit | 0x20);
        if (digit >= '0' && digit <= '9')
            ret = ret << 4 | static_cast<uint32_t>(digit - '0');
        else if (lower >= 'a' && lower <= 'f')
            ret = ret << 4 | static_cast<uint32_t>(lower - 'a' + 10);
        else
            return fail();
    }
    return true;
}

// Behind a backslash. Never writes more than was read.
bool JsonReader::unescape(char*& to) {
    if (at_ == end_) return fail();
    switch (*at_++) {
        case '"': *to++ = '"'; return true;
        case '\\': *to++ = '\\'; return true;
        case '/': *to++ = '/'; return true;
        case 'b': *to++ = '\b'; return true;
        case 'f': *to++ = '\f'; return true;
        case 'n': *to++ = '\n'; return true;
        case 'r': *to++ = '\r'; return true;
        case 't': *to++ = '\t'; return true;
        case 'u': break;
        default: --at_; return fail();
    }
    uint32_t point = 0;
    if (!code_unit(point)) return false;
    if (point >= 0xd800 && point < 0xdc00) {
        uint32_t low = 0;
        if (!take("\\u") || !code_unit(low)) return false;
        if (low < 0xdc00 || low >= 0xe000) return fail();
        point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
    } else if (point >= 0xdc00 && point < 0xe000) {
        return fail();
    }
    to = put_utf8(to, point);
    return true;
}

bool JsonReader::string(std::string_view& ret) {
    if (next() != Type::kString) return fail();
    char* const begin = ++at_;
    char* to = begin;
    while (at_ < end_ && *at_ != '"') {
        if (static_cast<unsigned char>(*at_) < 0x20) return fail();
        if (*at_ == '\\') {
            ++at_;
            if (!unescape(to)) return false;
        } else {
            *to++ = *at_++;
        }
    }
    if (at_ == end_) return fail();
    ++at_;
    ret = {begin, static_cast<size_t>(to - begin)};
    return true;
}

bool JsonReader::number(double& ret) {
    if (next() != Type::kNumber) return fail();
    char digits[64];
    size_t size = 0;
    while (at_ + size < end_ && is_of_number(at_[size])) ++size;
    if (size >= sizeof digits) return fail();
    memcpy(digits, at_, size);
    digits[size] = '\0';
    char* stopped = nullptr;
    ret = strtod(digits, &stopped);
    if (stopped != digits + size) return fail();
    at_ += size;
    return true;
}

bool JsonReader::boolean(bool& ret) {
    if (next() != Type::kBool) return fail();
    ret = *at_ == 't';
    return take(ret ? "true" : "false");
}

bool JsonReader::open(char bracket) {
    blanks();
    if (at_ == end_ || *at_ != bracket || ++depth_ > kDepth) return fail();
    ++at_;
    blanks();
    const char closing = bracket == '{' ? '}' : ']';
    if (at_ == end_) return fail();
    if (*at_ != closing) return true;
    ++at_;
    --depth_;
    return false;
}

bool JsonReader::again(char bracket) {
    blanks();
    if (at_ == end_) return fail();
    if (*at_ == bracket) {
        ++at_;
        --depth_;
        return false;
    }
    return take(",");
}

bool JsonReader::key(std::string_view& ret) {
    if (!string(ret)) return false;
    blanks();
    return take(":");
}

void JsonReader::skip() {
    std::string_view text;
    double number_value = 0;
    bool bool_value = false;
    switch (next()) {
        case Type::kString: string(text); return;
        case Type::kNumber: number(number_value); return;
        case Type::kBool: boolean(bool_value); return;
        case Type::kNull: take("null"); return;
        case Type::kObject:
            for (bool more = open('{'); more; more = again('}'))
                if (key(text)) skip();
            return;
        case Type::kArray:
            for (bool more = open('['); more; more = again(']')) skip();
            return;
        case Type::kNone: fail();
    }
}

bool JsonReader::whole() {
    blanks();
    if (at_ != end_) fail();
    return wrong_ == nullptr;
}

}  // namespace spanring::envoy
