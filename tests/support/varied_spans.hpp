// SPDX-License-Identifier: Apache-2.0
//
// Spans as a host has them: ten applications with three kinds of spans each. A kind has 10 to 20 attributes, always the
// same keys and types; what they say, and how long it is, differs from span to span. About 500 bytes, fields in the
// order in which libspanring writes them. Drawn from a seed: the same spans every time.
#pragma once

#include <array>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "support/otlp_bytes.hpp"

namespace spanring::agent::test {

class VariedSpans {
public:
    static constexpr uint32_t kApplications = 10;
    static constexpr uint32_t kKindsOfEach = 3;

    explicit VariedSpans(uint32_t seed = 1) : random_(seed) {
        for (uint32_t i = 0; i < kApplications * kKindsOfEach; ++i) kinds_.push_back(draw_kind());
    }

    // The next span of an application, of one of its kinds.
    std::string next(uint32_t application) {
        const Kind& kind = kinds_[application % kApplications * kKindsOfEach + below(kKindsOfEach)];
        const uint64_t start = 1'700'000'000'000'000'000 + (uint64_t{random_()} << 8);
        std::string span =
            bytes(1, id(16)) + bytes(2, id(8)) + bytes(4, id(8)) + fixed64(7, start) + bytes(5, kind.name);
        for (const Attribute& attribute : kind.attributes) span += bytes(9, key_value(attribute.key, value(attribute)));
        return span + fixed64(8, start + random_()) + number(6, kind.kind) + fixed32(16, 0x101);
    }

private:
    enum class Type { kText, kInteger, kReal, kTruth };
    struct Attribute {
        std::string_view key;
        Type type;
        uint32_t size;  // of a text on average; of an integer in bits
    };
    struct Kind {
        std::string name;
        uint64_t kind;
        std::vector<Attribute> attributes;
    };

    static constexpr auto kKeys = std::to_array<Attribute>({
        {"http.request.method", Type::kText, 4},
        {"url.path", Type::kText, 24},
        {"url.query", Type::kText, 20},
        {"url.scheme", Type::kText, 5},
        {"http.route", Type::kText, 20},
        {"server.address", Type::kText, 16},
        {"server.port", Type::kInteger, 16},
        {"client.address", Type::kText, 11},
        {"network.peer.address", Type::kText, 11},
        {"network.peer.port", Type::kInteger, 16},
        {"network.protocol.version", Type::kText, 3},
        {"http.response.status_code", Type::kInteger, 9},
        {"http.response.body.size", Type::kInteger, 20},
        {"error.type", Type::kText, 12},
        {"db.system.name", Type::kText, 8},
        {"db.namespace", Type::kText, 6},
        {"db.collection.name", Type::kText, 8},
        {"db.operation.name", Type::kText, 6},
        {"db.response.returned_rows", Type::kInteger, 8},
        {"rpc.service", Type::kText, 18},
        {"rpc.method", Type::kText, 10},
        {"messaging.destination.name", Type::kText, 12},
        {"messaging.message.id", Type::kText, 16},
        {"messaging.batch.message_count", Type::kInteger, 6},
        {"thread.id", Type::kInteger, 15},
        {"thread.name", Type::kText, 9},
        {"code.function.name", Type::kText, 18},
        {"code.line.number", Type::kInteger, 10},
        {"enduser.id", Type::kText, 10},
        {"cart.total", Type::kReal, 0},
        {"cart.gift", Type::kTruth, 0},
        {"cache.hit", Type::kTruth, 0},
        {"queue.seconds", Type::kReal, 0},
        {"retry.count", Type::kInteger, 3},
    });

    uint32_t below(uint32_t bound) { return static_cast<uint32_t>(random_() % bound); }

    std::string text(size_t size) {
        static constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz0123456789/-._ABCDEF";
        std::string text;
        for (; size != 0; --size) text += kLetters[below(kLetters.size())];
        return text;
    }

    std::string id(size_t size) {
        std::string id;
        while (id.size() < size) id += static_cast<char>(random_());
        return id;
    }

    Kind draw_kind() {
        Kind kind{text(6 + below(20)), 1 + below(5), {}};
        const size_t count = 10 + below(11);
        std::vector<Attribute> keys(kKeys.begin(), kKeys.end());
        while (kind.attributes.size() < count) {
            const auto key = keys.begin() + below(static_cast<uint32_t>(keys.size()));
            kind.attributes.push_back(*key);
            keys.erase(key);
        }
        return kind;
    }

    std::string value(const Attribute& attribute) {
        switch (attribute.type) {
            case Type::kText: return text_value(text(attribute.size / 2 + below(attribute.size + 1)));
            case Type::kInteger: return number(3, random_() & ((uint64_t{1} << attribute.size) - 1));
            case Type::kReal: return fixed64(4, uint64_t{0x40590000} << 32 | random_());
            case Type::kTruth: return number(2, below(2));
        }
        return {};
    }

    std::minstd_rand random_;
    std::vector<Kind> kinds_;
};

}  // namespace spanring::agent::test
