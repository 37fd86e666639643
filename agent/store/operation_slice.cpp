// SPDX-License-Identifier: Apache-2.0
#include "store/operation_slice.hpp"

#include <algorithm>

#include "otlp/wire.hpp"
#include "span_metrics/duration_buckets.hpp"

namespace spanring::agent {
namespace {

constexpr uint64_t kVersion = 1;

void put(std::string& bytes, uint64_t value) {
    uint8_t varint[10];
    const uint8_t* const end = wire::put_varint(varint, value);
    bytes.append(reinterpret_cast<const char*>(varint), static_cast<size_t>(end - varint));
}

void put(std::string& bytes, const std::string& text) {
    put(bytes, text.size());
    bytes += text;
}

// Once something is not there it says so, and all that follows is nothing.
class Reading {
public:
    explicit Reading(std::span<const uint8_t> bytes) : cursor_(bytes) {}

    uint64_t number() {
        uint64_t value = 0;
        sound_ &= wire::read_varint(cursor_, value) == wire::Fault::kNone;
        return sound_ ? value : 0;
    }
    std::string text() {
        const uint64_t size = number();
        sound_ &= size <= cursor_.left();
        if (!sound_) return {};
        const auto* const begin = reinterpret_cast<const char*>(cursor_.at);
        cursor_.at += size;
        return {begin, static_cast<size_t>(size)};
    }
    void refuse() { sound_ = false; }
    bool more() const { return sound_ && !cursor_.done(); }
    bool sound() const { return sound_; }

private:
    wire::Cursor cursor_;
    bool sound_ = true;
};

}  // namespace

std::string encode_operations(const OperationTable& operations) {
    std::string bytes;
    put(bytes, kVersion);
    for (const auto& [operation, counts] : operations) {
        const auto some = [](uint64_t count) { return count != 0; };
        const auto first = std::find_if(counts.buckets.begin(), counts.buckets.end(), some);
        const auto last = std::find_if(counts.buckets.rbegin(), std::make_reverse_iterator(first), some).base();
        put(bytes, operation.service);
        put(bytes, operation.name);
        put(bytes, counts.errors);
        put(bytes, counts.whole_nanoseconds());
        put(bytes, static_cast<uint64_t>(first - counts.buckets.begin()));
        put(bytes, static_cast<uint64_t>(last - first));
        for (auto bucket = first; bucket != last; ++bucket) put(bytes, *bucket);
    }
    return bytes;
}

bool decode_operations(std::span<const uint8_t> bytes, OperationTable& ret_operations) {
    Reading read(bytes);
    if (read.number() != kVersion) return false;
    while (read.more()) {
        OperationName name;
        name.service = read.text();
        name.name = read.text();
        OperationCounts counts;
        counts.errors = read.number();
        counts.nanoseconds = static_cast<double>(read.number());
        const uint64_t first = read.number(), buckets = read.number();
        if (first > DurationBuckets::kMost || buckets > DurationBuckets::kMost - first) read.refuse();
        if (!read.sound()) return false;
        counts.buckets.resize(static_cast<size_t>(first + buckets));
        for (auto bucket = static_cast<size_t>(first); bucket < counts.buckets.size(); ++bucket)
            counts.buckets[bucket] = read.number();
        if (!read.sound()) return false;
        ret_operations[std::move(name)].add(counts);
    }
    return read.sound();
}

}  // namespace spanring::agent
