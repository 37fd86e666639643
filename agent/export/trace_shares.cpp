// SPDX-License-Identifier: Apache-2.0
#include "export/trace_shares.hpp"

#include <algorithm>
#include <cstring>

#include "otlp/sorted_runs.hpp"
#include "otlp/wire.hpp"

namespace spanring::agent {

namespace {

constexpr size_t kTraceId = 16;

// The finalizer of SplitMix64: each bit of the result depends on each of the word.
uint64_t mixed(uint64_t word) {
    word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9;
    word = (word ^ (word >> 27)) * 0x94d049bb133111eb;
    return word ^ (word >> 31);
}

// FNV-1a, for what is short or comes once.
uint64_t hash(std::span<const uint8_t> bytes) {
    uint64_t hash = 0xcbf29ce484222325;
    for (const uint8_t byte : bytes) hash = (hash ^ byte) * 0x100000001b3;
    return hash;
}

// The field by which an element of this signal is shared out. Of one that has none, all of it.
std::span<const uint8_t> key_of(std::span<const uint8_t> span, Signal signal) {
    const uint32_t tag = wire::tags::bytes(signal == Signal::kLogs ? 9 : 1);
    // Of spans it is mostly the first one.
    if (signal == Signal::kTraces && span.size() > kTraceId + 2 && span[0] == wire::tag(1, wire::Type::kBytes) &&
        span[1] == kTraceId)
        return span.subspan(2, kTraceId);
    wire::Cursor cursor(span);
    for (wire::Field field; wire::next(cursor, field);)
        if (field.tag() == tag && !field.bytes.empty()) return field.bytes;
    return span;
}

}  // namespace

TraceShares::TraceShares(std::span<const std::string> names, Signal signal) : signal_(signal) {
    for (const std::string& name : names)
        seeds_.push_back(mixed(hash({reinterpret_cast<const uint8_t*>(name.data()), name.size()})));
}

size_t TraceShares::of(std::span<const uint8_t> id) const {
    uint64_t word = 0;
    if (id.size() == kTraceId) {
        uint64_t halves[2];
        std::memcpy(halves, id.data(), sizeof halves);
        word = mixed(halves[0]) ^ halves[1];
    } else {
        word = hash(id);
    }
    size_t best = 0;
    uint64_t highest = 0;
    for (size_t i = 0; i < seeds_.size(); ++i) {
        const uint64_t weight = mixed(word ^ seeds_[i]);
        if (weight < highest) continue;
        highest = weight;
        best = i;
    }
    return best;
}

std::vector<std::vector<Run>> TraceShares::split(std::span<const Run> runs) const {
    return sorted_runs(
        runs, seeds_.size(), [&](std::span<const uint8_t> element) { return of(key_of(element, signal_)); }, signal_);
}

}  // namespace spanring::agent
