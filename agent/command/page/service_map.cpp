// SPDX-License-Identifier: Apache-2.0
#include "command/page/service_map.hpp"

#include <algorithm>
#include <cstring>
#include <random>

#include "otlp/span_decoder.hpp"
#include "otlp/wire.hpp"

namespace spanring::agent {
namespace {

// Names beyond these are one: a hostile process may call itself something else with each span.
constexpr size_t kMostServices = 500;
constexpr char kOtherServices[] = "(others)";

uint64_t word_at(std::span<const uint8_t> bytes, size_t at) {
    uint64_t word = 0;
    std::memcpy(&word, bytes.data() + at, sizeof word);
    return word;
}

}  // namespace

uint64_t ServiceMap::random_seed() {
    std::random_device random;
    return uint64_t{random()} << 32 | random();
}

// Ids are chosen by whoever sends them.
size_t ServiceMap::KeyHash::operator()(const Key& key) const {
    uint64_t hash = seed;
    for (const uint64_t word : key.words) {
        hash = (hash ^ word) * 0x9e3779b97f4a7c15;
        hash = (hash ^ hash >> 32) * 0xd6e8feb86659fd93;
    }
    return static_cast<size_t>(hash ^ hash >> 32);
}

uint32_t ServiceMap::number_of(const std::string& service) {
    const auto known = numbers_.find(service);
    if (known != numbers_.end()) return known->second;
    if (names_.size() >= kMostServices && service != kOtherServices) return number_of(kOtherServices);
    names_.push_back(service);
    return numbers_[service] = static_cast<uint32_t>(names_.size() - 1);
}

bool ServiceMap::add(std::span<const uint8_t> request) {
    bool room = spans_.size() < most_;
    visit_spans(request, [&](const DecodedResource& resource, const DecodedScope&, std::span<const uint8_t> bytes) {
        if (!room) return;
        Seen seen;
        uint64_t start = 0, end = 0;
        bool whole = true;
        wire::Cursor cursor(bytes);
        wire::Field field;
        while (wire::next(cursor, field)) {
            if (field.number == 1 && field.bytes.size() == 16) {
                seen.key.words[0] = word_at(field.bytes, 0);
                seen.key.words[1] = word_at(field.bytes, 8);
            } else if (field.number == 2 && field.bytes.size() == 8) {
                seen.key.words[2] = word_at(field.bytes, 0);
            } else if (field.number == 4 && field.bytes.size() == 8) {
                seen.parent = word_at(field.bytes, 0);
            } else if (field.number == 7) {
                start = field.value;
            } else if (field.number == 8) {
                end = field.value;
            } else if (field.number == 15) {
                wire::Cursor inside(field.bytes);
                wire::Field code;
                while (wire::next(inside, code)) {
                    if (code.number == 3) seen.error = code.value == 2;
                }
            }
        }
        whole = start >= since_ && seen.key.words[2] != 0;
        if (!whole || !places_.try_emplace(seen.key, static_cast<uint32_t>(spans_.size())).second) return;
        seen.duration = end > start ? end - start : 0;
        seen.service = number_of(resource.service_name);
        begin_ = std::min(begin_, start);
        end_ = std::max(end_, std::max(start, end));
        spans_.push_back(seen);
        room = spans_.size() < most_;
    });
    return room;
}

void ServiceMap::settle() {
    for (const Seen& span : spans_) {
        Service& service = services_[names_[span.service]];
        ++service.spans;
        if (span.error) ++service.errors;
        if (span.parent == 0) continue;
        Key above = span.key;
        above.words[2] = span.parent;
        const auto parent = places_.find(above);
        if (parent == places_.end()) continue;
        const uint32_t asker = spans_[parent->second].service;
        if (asker != span.service) edges_[{names_[asker], names_[span.service]}].add(span.duration, span.error);
    }
}

}  // namespace spanring::agent
