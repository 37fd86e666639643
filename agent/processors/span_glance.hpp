// SPDX-License-Identifier: Apache-2.0
//
// A first look at a span, for processors that have to do with few: what most of them ask for first. It is taken only of
// spans in the usual form, whose fields cannot say anything else further on; of any other span nothing is said, and it
// goes the long way (SpanEdit).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "otlp/key_interest.hpp"
#include "otlp/span_form.hpp"
#include "otlp/wire.hpp"

namespace spanring::agent {

class SpanGlance {
public:
    // `span`: as SpanEdit::read() takes it. `form`: as somebody saw it who was interested in these keys. False: it is
    // not in the usual form.
    bool read(std::span<const uint8_t> span, const KeyInterest& keys, const SpanForm& form) {
        end_ = span.data() + span.size();
        if (!form.usual() || form.may_have_wanted) [[unlikely]]
            return walk(span.data(), keys);
        const uint8_t* const name = span.data() + form.name_at;
        name_ = {reinterpret_cast<const char*>(name), name[-1]};
        recorded_ = form.recorded;
        status_ = 0;
        may_have_wanted_ = false;
        return true;
    }

    // As SpanEdit says them.
    std::string_view name() const { return name_; }
    uint32_t kind() const {
        if (recorded_) return tail()[SpanTail::kKind];
        const uint8_t* const at = after_name();
        return has_kind(at) ? at[1] : 0;
    }
    uint32_t status() const { return status_; }
    uint64_t start_unix_nano() const {
        if (recorded_) return word_at(after_name() - name_.size() - 2 - sizeof(uint64_t));
        const uint8_t* const times = this->times();
        return times != nullptr ? word_at(times + 1) : 0;
    }
    uint64_t end_unix_nano() const {
        if (recorded_) return word_at(tail() + SpanTail::kEnd);
        const uint8_t* const times = this->times();
        return times != nullptr ? word_at(times + kTime + 1) : 0;
    }

    // It may have one of the attributes that somebody is interested in. False is certain.
    bool may_have_wanted() const { return may_have_wanted_; }

private:
    bool walk(const uint8_t* span, const KeyInterest& keys);
    bool read_rest(const uint8_t* at, const uint8_t* end);

    // Kind and times, of which few want to know, are looked for where the span's form has them. Where it is that of an
    // SDK, they come after the name.
    static constexpr std::ptrdiff_t kTime = 9;  // its field

    const uint8_t* tail() const { return end_ - SpanTail::kSize; }
    const uint8_t* after_name() const { return reinterpret_cast<const uint8_t*>(name_.data() + name_.size()); }
    bool has_kind(const uint8_t* at) const { return end_ - at >= 2 && at[0] == wire::tags::varint(6) && at[1] < 0x80; }
    // Null: they are not there.
    const uint8_t* times() const {
        const uint8_t* at = after_name();
        if (has_kind(at)) at += 2;
        const bool there =
            end_ - at >= 2 * kTime && at[0] == wire::tags::fixed64(7) && at[kTime] == wire::tags::fixed64(8);
        return there ? at : nullptr;
    }
    static uint64_t word_at(const uint8_t* at) {
        uint64_t word = 0;
        std::memcpy(&word, at, sizeof word);
        return word;
    }

    const uint8_t* end_ = nullptr;
    std::string_view name_;
    bool recorded_ = false;  // SpanForm's
    uint32_t status_ = 0;
    bool may_have_wanted_ = false;
};

}  // namespace spanring::agent
