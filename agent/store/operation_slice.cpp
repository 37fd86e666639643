// SPDX-License-Identifier: Apache-2.0
#include "store/operation_slice.hpp"

#include <algorithm>
#include <compare>
#include <cstring>
#include <string_view>
#include <tuple>

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

// An operation as it lies there. Once something is not there the reader says so, and all that follows is nothing.
struct Record {
    std::string_view service, name;
    std::span<const uint8_t> counts;  // their bytes

    auto operator<=>(const Record& other) const {
        return std::tie(service, name) <=> std::tie(other.service, other.name);
    }
};

class Reading {
public:
    explicit Reading(std::span<const uint8_t> bytes) : cursor_(bytes) {}

    uint64_t number() {
        uint64_t value = 0;
        sound_ &= wire::read_varint(cursor_, value) == wire::Fault::kNone;
        return sound_ ? value : 0;
    }
    std::string_view text() {
        const uint64_t size = number();
        sound_ &= size <= cursor_.left();
        if (!sound_) return {};
        const auto* const begin = reinterpret_cast<const char*>(cursor_.at);
        cursor_.at += size;
        return {begin, static_cast<size_t>(size)};
    }
    // False: there is none, or it is not sound.
    bool next(Record& ret_record) {
        if (!sound_ || cursor_.done()) return false;
        ret_record.service = text();
        ret_record.name = text();
        const uint8_t* const begin = cursor_.at;
        for (int i = 0; i < 2; ++i) number();  // errors, nanoseconds
        const uint64_t first = number(), buckets = number();
        sound_ &= first <= DurationBuckets::kMost && buckets <= DurationBuckets::kMost - first;
        for (uint64_t bucket = 0; sound_ && bucket < buckets; ++bucket) number();
        ret_record.counts = {begin, cursor_.at};
        return sound_;
    }
    bool sound() const { return sound_; }

private:
    wire::Cursor cursor_;
    bool sound_ = true;
};

OperationCounts counts_of(const Record& record) {
    Reading read(record.counts);
    OperationCounts counts;
    counts.errors = read.number();
    counts.nanoseconds = static_cast<double>(read.number());
    counts.first = static_cast<uint32_t>(read.number());
    counts.buckets.resize(static_cast<size_t>(read.number()));
    for (uint64_t& bucket : counts.buckets) bucket = read.number();
    return counts;
}

bool is_same(std::span<const uint8_t> a, std::span<const uint8_t> b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size()) == 0;
}

OperationName name_of(const Record& record) { return {std::string(record.service), std::string(record.name)}; }

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
        put(bytes, counts.first + static_cast<uint64_t>(first - counts.buckets.begin()));
        put(bytes, static_cast<uint64_t>(last - first));
        for (auto bucket = first; bucket != last; ++bucket) put(bytes, *bucket);
    }
    return bytes;
}

bool decode_operations(std::span<const uint8_t> bytes, OperationTable& ret_operations) {
    Reading read(bytes);
    if (read.number() != kVersion) return false;
    for (Record record; read.next(record);) ret_operations[name_of(record)].add(counts_of(record));
    return read.sound();
}

bool decode_news(std::span<const uint8_t> bytes, std::span<const uint8_t> before, OperationTable& ret_news) {
    Reading read(bytes), known(before);
    if (read.number() != kVersion) return false;
    Record old;
    bool more = known.number() == kVersion && known.next(old);
    for (Record record; read.next(record);) {
        while (more && old < record) more = known.next(old);
        const bool same = more && (old <=> record) == 0;
        if (same && is_same(old.counts, record.counts)) continue;
        OperationCounts counts = counts_of(record);
        if (same) counts = counts.since(counts_of(old));
        if (counts.spans() != 0) ret_news[name_of(record)].add(counts);
    }
    return read.sound();
}

}  // namespace spanring::agent
