// SPDX-License-Identifier: Apache-2.0
//
// Spans and batches for the tests of this folder, as the drain would hand them on.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "batch/acknowledgements.hpp"
#include "batch/batch.hpp"

namespace spanring::agent::test {

inline void put_varint(std::string& to, uint64_t value) {
    for (; value >= 0x80; value >>= 7) to += static_cast<char>(value | 0x80);
    to += static_cast<char>(value);
}
inline void put_bytes(std::string& to, uint32_t field, const std::string& bytes) {
    put_varint(to, field << 3 | 2);
    put_varint(to, bytes.size());
    to += bytes;
}
inline void put_fixed64(std::string& to, uint32_t field, uint64_t value) {
    put_varint(to, field << 3 | 1);
    to.append(reinterpret_cast<const char*>(&value), sizeof value);
}
inline std::string text_attribute(const std::string& key, const std::string& value) {
    std::string any, pair;
    put_bytes(any, 1, value);
    put_bytes(pair, 1, key);
    put_bytes(pair, 2, any);
    return pair;
}
inline std::string true_attribute(const std::string& key) {
    std::string pair;
    put_bytes(pair, 1, key);
    put_bytes(pair, 2, std::string("\x10\x01", 2));
    return pair;
}

struct TestSpan {
    uint8_t trace = 1;   // repeated 16 times: the trace id
    uint8_t id = 1;      // repeated 8 times: the span id
    uint8_t parent = 0;  // 0: a root
    std::string name = "work";
    uint64_t start = 1000;
    uint64_t end = 2000;
    bool error = false;
    std::string message{};
    bool unfinished = false;
    std::vector<std::pair<std::string, std::string>> attributes{};

    // `0x12 len <Span>`
    std::string record() const {
        std::string body, record;
        put_bytes(body, 1, std::string(16, static_cast<char>(trace)));
        put_bytes(body, 2, std::string(8, static_cast<char>(id)));
        if (parent != 0) put_bytes(body, 4, std::string(8, static_cast<char>(parent)));
        put_bytes(body, 5, name);
        put_varint(body, 6 << 3);
        put_varint(body, 2);  // server
        put_fixed64(body, 7, start);
        put_fixed64(body, 8, end);
        for (const auto& [key, value] : attributes) put_bytes(body, 9, text_attribute(key, value));
        if (unfinished) put_bytes(body, 9, true_attribute("spanring.unfinished"));
        if (error || unfinished) {
            std::string status;
            if (!message.empty()) put_bytes(status, 2, message);
            put_varint(status, 3 << 3);
            put_varint(status, 2);
            put_bytes(body, 15, status);
        }
        put_bytes(record, 2, body);
        return record;
    }
};

inline std::shared_ptr<Producer> make_producer(const std::string& service, uint32_t uid = 0) {
    auto producer = std::make_shared<Producer>();
    producer->uid = uid;
    producer->service = service;
    std::string resource;
    put_bytes(resource, 1, text_attribute("service.name", service));
    put_bytes(producer->resource, 1, resource);
    return producer;
}

inline std::shared_ptr<const Scope> make_scope(const std::string& name) {
    auto scope = std::make_shared<Scope>();
    std::string body;
    put_bytes(body, 1, name);
    put_bytes(scope->scope, 1, body);
    return scope;
}

struct ServiceSpans {
    std::string service;
    std::vector<TestSpan> spans;
    uint32_t uid = 0;  // of its process
};

inline std::shared_ptr<Batch> make_batch(const std::vector<ServiceSpans>& groups, Acknowledgements& acknowledgements) {
    auto batch = std::make_shared<Batch>();
    for (const ServiceSpans& group : groups) {
        std::string bytes;
        for (const TestSpan& span : group.spans) bytes += span.record();
        auto buffer = std::make_unique<uint8_t[]>(bytes.size());
        std::copy(bytes.begin(), bytes.end(), buffer.get());
        const auto count = static_cast<uint32_t>(group.spans.size());
        const auto by = make_producer(group.service, group.uid);
        batch->runs.push_back({by, make_scope("shop"), {buffer.get(), bytes.size()}, count});
        batch->buffers.push_back(std::move(buffer));
        batch->spans += count;
        batch->bytes += bytes.size();
    }
    batch->open = 1;
    batch->acknowledgements = &acknowledgements;
    return batch;
}

inline std::chrono::steady_clock::time_point watchdog() {
    return std::chrono::steady_clock::now() + std::chrono::seconds(60);
}

}  // namespace spanring::agent::test
