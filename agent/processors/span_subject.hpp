// SPDX-License-Identifier: Apache-2.0
//
// What conditions see of a span, or of a resource, that processors work on: as those before left it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "otlp/wire.hpp"
#include "processors/conditions.hpp"
#include "processors/processor.hpp"
#include "processors/span_glance.hpp"

namespace spanring::agent {

class ResourceSubject : public ConditionSubject {
public:
    explicit ResourceSubject(MessageEdit& resource) : ConditionSubject({}), resource_(resource) {}

    ConditionValue other_value(const ConditionOperand& field) override {
        const Attribute* const attribute = resource_.find(field.text);
        return attribute != nullptr ? condition_value(attribute->value) : ConditionValue();
    }

private:
    MessageEdit& resource_;
};

// Two marks for each answer about a resource: whether it is true, whether it fails.
inline constexpr size_t kMarksOfAnswer = 2;
inline void add_answer(ResourceMarks& marks, Truth answer) {
    marks.push_back(answer == Truth::kTrue);
    marks.push_back(answer == Truth::kFails);
}

inline Truth answer_in(const ResourceMarks& marks, size_t first, uint32_t question) {
    const size_t mark = first + kMarksOfAnswer * question;
    if (marks[mark + 1]) return Truth::kFails;
    return marks[mark] ? Truth::kTrue : Truth::kFalse;
}

// A span at a glance, which has none of the attributes that are asked for.
class GlanceSubject : public ConditionSubject {
public:
    GlanceSubject(const SpanGlance& span, const ResourceMarks& marks, size_t first)
        : ConditionSubject({span.name(), span.kind(), span.status()}), span_(span), marks_(marks), first_(first) {}

    ConditionValue other_value(const ConditionOperand& field) override {
        if (field.field == ConditionField::kStartTime) return ConditionValue::of_integer(span_.start_unix_nano());
        if (field.field == ConditionField::kEndTime) return ConditionValue::of_integer(span_.end_unix_nano());
        return {};
    }
    Truth answer(uint32_t question) override { return answer_in(marks_, first_, question); }

private:
    const SpanGlance& span_;
    const ResourceMarks& marks_;
    const size_t first_;
};

// The inside of a field of a span that is read seldom, and that no processor changes.
inline std::span<const uint8_t> field_in(std::span<const uint8_t> message, uint32_t number) {
    std::span<const uint8_t> inside;
    wire::each_field(message, [&](const wire::Field& field) {
        if (field.tag() == wire::tags::bytes(number)) inside = field.bytes;
    });
    return inside;
}

inline std::string_view status_message_in(std::span<const uint8_t> span) {
    constexpr uint32_t kStatus = 15, kMessage = 2;
    return text_of(field_in(field_in(span, kStatus), kMessage));
}

class SpanSubject : public ConditionSubject {
public:
    // `first`: of the marks about the resource.
    SpanSubject(SpanEdit& span, const ResourceMarks& marks, size_t first)
        : ConditionSubject({span.name(), span.kind(), span.status()}), span_(span), marks_(marks), first_(first) {}

    ConditionValue other_value(const ConditionOperand& field) override {
        constexpr uint32_t kSpanId = 2;
        switch (field.field) {
            case ConditionField::kStatusMessage: return ConditionValue::of(status_message_in(span_.message()));
            case ConditionField::kTraceState: return ConditionValue::of(span_.trace_state());
            case ConditionField::kStartTime: return ConditionValue::of_integer(span_.start_unix_nano());
            case ConditionField::kEndTime: return ConditionValue::of_integer(span_.end_unix_nano());
            case ConditionField::kTraceId: return ConditionValue::of(hex_of(field.field, span_.trace_id(), 16));
            case ConditionField::kSpanId: return ConditionValue::of(hex_of(field.field, id_in(kSpanId), 8));
            case ConditionField::kParentSpanId: return ConditionValue::of(hex_of(field.field, id_in(kParent), 8));
            case ConditionField::kAttribute: {
                const Attribute* const attribute = span_.find(field.text);
                return attribute != nullptr ? condition_value(attribute->value) : ConditionValue();
            }
            default: return {};  // what is common, or asked of the resource
        }
    }
    bool is_root() override { return is_no_id(id_in(kParent)); }
    Truth answer(uint32_t question) override { return answer_in(marks_, first_, question); }

private:
    static constexpr uint32_t kParent = 4;

    // Null: there is none.
    const uint8_t* id_in(uint32_t number) const {
        const std::span<const uint8_t> id = field_in(span_.message(), number);
        return id.size() == 8 ? id.data() : nullptr;
    }

    SpanEdit& span_;
    const ResourceMarks& marks_;
    const size_t first_;
};

}  // namespace spanring::agent
