// SPDX-License-Identifier: Apache-2.0
//
// OTLP bytes by hand, so that tests can write what no library would.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "otlp/wire.hpp"

namespace spanring::agent::test {

inline std::string varint(uint64_t value) {
    uint8_t buffer[10];
    return {reinterpret_cast<char*>(buffer), static_cast<size_t>(wire::put_varint(buffer, value) - buffer)};
}

// `size` bytes, whatever the value needs less.
inline std::string padded_varint(uint64_t value, size_t size) {
    std::string out;
    for (size_t i = 0; i + 1 < size; ++i, value >>= 7) out += static_cast<char>(value | 0x80);
    return out += static_cast<char>(value & 0x7f);
}

inline std::string number(uint32_t field, uint64_t value) { return varint(field << 3) + varint(value); }
inline std::string bytes(uint32_t field, std::string_view inside) {
    return varint(field << 3 | 2) + varint(inside.size()) + std::string(inside);
}
inline std::string fixed64(uint32_t field, uint64_t value) {
    return varint(field << 3 | 1) + std::string(reinterpret_cast<const char*>(&value), 8);
}
inline std::string fixed32(uint32_t field, uint32_t value) {
    return varint(field << 3 | 5) + std::string(reinterpret_cast<const char*>(&value), 4);
}

inline std::string text_value(std::string_view text) { return bytes(1, text); }
inline std::string key_value(std::string_view key, std::string_view any_value) {
    return bytes(1, key) + bytes(2, any_value);
}

inline std::string trace_id(uint64_t n) {
    std::string id(16, '\x11');
    std::memcpy(id.data(), &n, sizeof n);
    return id;
}
inline std::string span_id(uint64_t n) {
    std::string id(8, '\0');
    n += 1;
    std::memcpy(id.data(), &n, sizeof n);
    return id;
}

// The smallest sound span.
inline std::string bare_span(uint64_t n = 0) { return bytes(1, trace_id(n)) + bytes(2, span_id(n)); }

// Two strings and an integer, 183 bytes: the span that the project measures with. Its fields are ordered by their
// numbers, as SDKs have them.
inline std::string typical_span(uint64_t n = 0) {
    return bare_span(n) + bytes(4, span_id(n + 1)) + bytes(5, "GET /api/orders/{id}") + number(6, 2) +
           fixed64(7, 1'700'000'000'000'000'000 + n) + fixed64(8, 1'700'000'000'000'500'000 + n) +
           bytes(9, key_value("http.request.method", text_value("GET"))) +
           bytes(9, key_value("url.path", text_value("/api/orders/12345"))) +
           bytes(9, key_value("http.response.status_code", number(3, 200))) + fixed32(16, 0x101);
}

// The same one as libspanring records it.
inline std::string recorded_span(uint64_t n = 0) {
    return bare_span(n) + bytes(4, span_id(n + 1)) + fixed64(7, 1'700'000'000'000'000'000 + n) +
           bytes(5, "GET /api/orders/{id}") + bytes(9, key_value("http.request.method", text_value("GET"))) +
           bytes(9, key_value("url.path", text_value("/api/orders/12345"))) +
           bytes(9, key_value("http.response.status_code", number(3, 200))) +
           fixed64(8, 1'700'000'000'000'500'000 + n) + number(6, 2) + fixed32(16, 0x101);
}

// Every field of every message once.
inline std::string full_span(uint64_t n = 0) {
    const std::string array = bytes(5, bytes(1, text_value("a")) + bytes(1, number(3, 7)) + bytes(1, ""));
    const std::string map = bytes(6, bytes(1, key_value("inner", array)) + bytes(1, key_value("none", "")));
    return typical_span(n) + bytes(3, "vendor=1,other=2") + bytes(9, key_value("bool", number(2, 1))) +
           bytes(9, key_value("double", fixed64(4, 0x3ff8000000000000))) + bytes(9, key_value("map", map)) +
           bytes(9, key_value("blob", bytes(7, std::string_view("\x00\xff\x80", 3)))) +
           bytes(9, key_value("nothing", "")) + number(10, 1) +
           bytes(11, fixed64(1, 1'700'000'000'000'100'000) + bytes(2, "exception") +
                         bytes(3, key_value("exception.message", text_value("Gr\xc3\xbc\xc3\x9f"
                                                                            "e \xe2\x82\xac \xf0\x9f\x98\x80"))) +
                         number(4, 2)) +
           number(12, 3) +
           bytes(13, bytes(1, trace_id(9)) + bytes(2, span_id(9)) + bytes(3, "x=y") +
                         bytes(4, key_value("link", text_value("yes"))) + number(5, 4) + fixed32(6, 0x301)) +
           number(14, 5) + bytes(15, bytes(2, "it broke") + number(3, 2));
}

inline std::span<uint8_t> writable(std::string& bytes) {
    return {reinterpret_cast<uint8_t*>(bytes.data()), bytes.size()};
}
inline std::span<const uint8_t> readable(std::string_view bytes) {
    return {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()};
}

}  // namespace spanring::agent::test
