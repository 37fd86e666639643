// SPDX-License-Identifier: Apache-2.0
//
// An ExportTraceServiceRequest with a given number of spans of a given size, as one piece of memory: the load of
// senders that are not the library. The span is that of shape.hpp: "three" attributes for up to 200 bytes, else twenty.
// Ids differ.
#pragma once

#include <cstring>
#include <string>

#include "worker.hpp"

namespace bench {

class OtlpRequest {
public:
    // `record` counts the bytes of a span with its tag and length, as it lies in the ring.
    static std::string make(uint32_t spans, size_t record) {
        std::string list;
        for (uint32_t n = 0; n < spans; ++n) list += bytes(2, span(n + 1, record));
        const std::string scope = bytes(1, bytes(1, "bench") + bytes(2, "1"));
        const std::string resource = bytes(1, bytes(1, attribute("service.name", bytes(1, "bench"))));
        return bytes(1, resource + bytes(2, scope + list));
    }

private:
    static std::string varint(uint64_t value) {
        std::string text;
        for (; value >= 0x80; value >>= 7) text += static_cast<char>(value | 0x80);
        return text + static_cast<char>(value);
    }
    static std::string bytes(uint32_t field, const std::string& inside) {
        return varint(field << 3 | 2) + varint(inside.size()) + inside;
    }
    static std::string number(uint32_t field, uint64_t value) { return varint(field << 3) + varint(value); }
    static std::string fixed64(uint32_t field, uint64_t value) { return varint(field << 3 | 1) + raw(value); }
    static std::string raw(uint64_t value) {
        std::string text(sizeof value, 0);
        std::memcpy(text.data(), &value, sizeof value);
        return text;
    }
    static std::string attribute(const std::string& key, const std::string& any_value) {
        return bytes(1, key) + bytes(2, any_value);
    }

    static std::string span(uint64_t n, size_t record) {
        const uint64_t mixed = n * 0x9e3779b97f4a7c15;
        std::string text = bytes(1, raw(mixed) + raw(~mixed)) + bytes(2, raw(mixed ^ n)) + bytes(4, raw(~n)) +
                           number(6, 1) + fixed64(7, 1'700'000'000'000'000'000 + n) +
                           fixed64(8, 1'700'000'000'000'500'000 + n);
        if (record <= 200) {
            text += bytes(9, attribute("http.request.method", bytes(1, "GET"))) +
                    bytes(9, attribute("url.path", bytes(1, "/api/orders/1234567"))) +
                    bytes(9, attribute("http.response.status_code", number(3, 200)));
        } else {
            for (int i = 1; i <= 20; ++i)
                text +=
                    bytes(9, attribute("request.header." + std::to_string(100 + i).substr(1), bytes(1, "value-abcde")));
        }
        // The name takes what is left, so that the record has the size asked for.
        for (size_t name = 1; name < record; ++name) {
            const std::string whole = text + bytes(5, std::string(name, 'n'));
            if (bytes(2, whole).size() == record) return whole;
        }
        fail("no such span has " + std::to_string(record) + " bytes");
    }
};

}  // namespace bench
