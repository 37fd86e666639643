// SPDX-License-Identifier: Apache-2.0
//
// A span that processors look at and may change: one walk over its bytes, one copy of them where something changed.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "processors/message_edit.hpp"
#include "processors/span_interest.hpp"

namespace spanring::agent {

struct UsualSpan;

class SpanEdit : public MessageEdit {
public:
    explicit SpanEdit(Scratch& scratch) : MessageEdit(9, scratch) {}

    // False: not a span that the validator would have let through.
    bool read(std::span<const uint8_t> span, const SpanInterest& interest);

    const uint8_t* trace_id() const { return trace_id_; }  // 16 bytes
    std::string_view trace_state() const { return trace_state_; }
    std::string_view name() const { return name_; }
    uint32_t kind() const { return kind_; }
    uint32_t status() const { return status_; }
    uint64_t start_unix_nano() const { return start_unix_nano_; }
    uint64_t end_unix_nano() const { return end_unix_nano_; }
    uint32_t attribute_count() const { return attribute_count_; }  // as it was read, whoever is interested

    void rename(std::string_view name);                  // which stays where it is
    void set_trace_state(std::string_view trace_state);  // likewise
    void count_dropped_attributes(uint64_t more);

    // A message inside that has attributes of its own: an event, or a link.
    struct Part {
        const uint8_t* begin;
        const uint8_t* end;
        uint32_t number;      // of the field in the span
        uint32_t attributes;  // number of the field in the message
        std::span<const uint8_t> inside;
    };
    std::vector<Part>& parts() { return parts_; }
    // Each of them in turn, as `edit` leaves it.
    template <class Edit>
    void edit_parts(Edit&& edit) {
        KeyInterest everything;
        everything.add_all();
        for (Part& part : parts_) {
            MessageEdit message(part.attributes, scratch());
            if (!message.read(part.inside, everything)) continue;  // the validator would not have let it through
            edit(message);
            if (message.edits() == 0) continue;
            const size_t size = message.size();
            uint8_t* const changed = scratch().allocate(size);
            message.write(changed);
            replace_part(part, {changed, size});
        }
    }
    void replace_part(Part& part, std::span<const uint8_t> inside) {
        part.inside = inside;
        replace(part.begin, part.end, part.number, inside);
    }

private:
    void take(const UsualSpan& span);
    bool read_field(const uint8_t* begin, const uint8_t* end, const wire::Field& field, const SpanInterest& interest);

    struct Place {
        const uint8_t* begin = nullptr;
        const uint8_t* end = nullptr;
    };
    const uint8_t* trace_id_ = nullptr;
    std::string_view trace_state_;
    Place trace_state_place_;
    std::string_view name_;
    Place name_place_;
    uint32_t kind_ = 0;
    uint32_t status_ = 0;
    uint64_t start_unix_nano_ = 0;
    uint64_t end_unix_nano_ = 0;
    uint32_t attribute_count_ = 0;
    uint64_t dropped_attributes_ = 0;
    Place dropped_place_;
    std::vector<Part> parts_;
};

}  // namespace spanring::agent
