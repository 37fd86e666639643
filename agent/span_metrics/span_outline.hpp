// SPDX-License-Identifier: Apache-2.0
//
// What metrics need of a span, read out of its bytes in one walk. Only of spans that the validator found sound; of
// anything else it says false, and never reads past the end. No allocation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "otlp/span_form.hpp"

namespace spanring::agent {

// Numbers as OTLP has them.
inline constexpr uint32_t kKinds = 6;     // UNSPECIFIED to CONSUMER
inline constexpr uint32_t kStatuses = 3;  // UNSET, OK, ERROR
inline constexpr uint32_t kServer = 2, kClient = 3, kProducer = 4, kConsumer = 5;
inline constexpr uint32_t kStatusError = 2;

// An encoded AnyValue; null where there is none.
using EncodedValue = std::span<const uint8_t>;

struct SpanOutline {
    const uint8_t* trace_id = nullptr;        // 16 bytes
    const uint8_t* span_id = nullptr;         // 8 bytes
    const uint8_t* parent_span_id = nullptr;  // 8 bytes; null: a root
    std::string_view trace_state;
    std::span<const uint8_t> name;
    uint32_t kind = 0;    // what is no kind is 0
    uint32_t status = 0;  // likewise
    uint32_t flags = 0;
    uint64_t start_unix_nano = 0;
    uint64_t end_unix_nano = 0;

    uint64_t nanoseconds() const { return end_unix_nano > start_unix_nano ? end_unix_nano - start_unix_nano : 0; }
};

// Keys whose values are wanted, and where they are put: each in its place, the first of an attribute that is there
// twice.
class WantedValues {
public:
    WantedValues() = default;
    explicit WantedValues(std::vector<std::string> keys) : keys_(std::move(keys)), values_(keys_.size()) {
        for (const std::string& key : keys_) sizes_ |= uint64_t{1} << key.size() % 64;
    }

    bool empty() const { return keys_.empty(); }
    const std::vector<EncodedValue>& values() const { return values_; }

    void forget() {
        for (EncodedValue& value : values_) value = {};
    }
    // Of most attributes the size of the key says it already.
    bool may_want_key_of(size_t size) const { return (sizes_ >> size % 64 & 1) != 0; }
    void take(std::span<const uint8_t> key_value);  // the inside of a KeyValue

private:
    std::vector<std::string> keys_;
    std::vector<EncodedValue> values_;
    uint64_t sizes_ = 0;  // a bit for each size of a key
};

// `span` is the inside of a Span, and stays where it is as long as the outline is used. `form`: of its check; where
// that says where everything stands and no value is wanted, nothing is walked over.
bool read_outline(std::span<const uint8_t> span, WantedValues& wanted, SpanOutline& ret_outline,
                  const SpanForm& form = {});

}  // namespace spanring::agent
