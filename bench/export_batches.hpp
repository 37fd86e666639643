// SPDX-License-Identifier: Apache-2.0
//
// Batches for the benchmarks of exporters, as the drain makes them.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "batch/batch.hpp"
#include "otlp/wire.hpp"

namespace bench {

using namespace spanring::agent;

constexpr uint32_t kSpans = 8192;
constexpr uint32_t kPerTrace = 16;

inline std::string varint(uint64_t value) {
    uint8_t buffer[10];
    return {reinterpret_cast<char*>(buffer), static_cast<size_t>(wire::put_varint(buffer, value) - buffer)};
}
inline std::string bytes(uint32_t field, const std::string& inside) {
    return varint(field << 3 | 2) + varint(inside.size()) + inside;
}
inline std::string number(uint32_t field, uint64_t value) { return varint(field << 3) + varint(value); }
inline std::string word(uint32_t field, uint64_t value, uint32_t type, size_t size) {
    return varint(field << 3 | type) + std::string(reinterpret_cast<const char*>(&value), size);
}
inline std::string attribute(const std::string& key, const std::string& value) {
    return bytes(9, bytes(1, key) + bytes(2, value));
}

// Two string attributes and an integer: 183 bytes.
inline std::string span(uint64_t n) {
    const std::string id = word(0, n + 1, 1, 8).substr(1);
    return bytes(1, word(0, n / kPerTrace + 1, 1, 8).substr(1) + "tracetra") + bytes(2, id) + bytes(4, id) +
           bytes(5, "GET /api/orders/{id}") + number(6, 2) + word(7, 1'700'000'000'000'000'000 + n, 1, 8) +
           word(8, 1'700'000'000'000'500'000 + n, 1, 8) + attribute("http.request.method", bytes(1, "GET")) +
           attribute("url.path", bytes(1, "/api/orders/12345")) +
           attribute("http.response.status_code", number(3, 200)) + word(16, 0x101, 5, 4);
}

// kSpans spans in runs of `per_run`, of one producer and scope, as the drain makes them.
inline std::shared_ptr<Batch> make_batch(uint32_t per_run) {
    auto producer = std::make_shared<Producer>();
    producer->resource = bytes(1, bytes(1, bytes(1, "service.name") + bytes(2, bytes(1, "shop"))));
    auto scope = std::make_shared<Scope>();
    scope->scope = bytes(1, bytes(1, "bench"));
    auto batch = std::make_shared<Batch>();
    for (uint32_t first = 0; first < kSpans; first += per_run) {
        std::string run;
        for (uint32_t n = first; n < first + per_run; ++n) run += bytes(2, span(n));
        auto buffer = std::make_unique<uint8_t[]>(run.size());
        std::memcpy(buffer.get(), run.data(), run.size());
        batch->runs.push_back({producer, scope, {buffer.get(), run.size()}, per_run});
        batch->buffers.push_back(std::move(buffer));
        batch->bytes += run.size();
    }
    batch->spans = kSpans;
    return batch;
}

}  // namespace bench
