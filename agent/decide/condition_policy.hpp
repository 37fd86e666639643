// SPDX-License-Identifier: Apache-2.0
//
// `ottl_condition`: traces with a span of which a condition of OTTL is true. What conditions ask of a resource is
// answered once for its producer, two bits each.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "decide/policy.hpp"
#include "processors/conditions.hpp"
#include "processors/span_subject.hpp"

namespace spanring::agent {

class ConditionPolicy : public Policy {
public:
    // Throws std::invalid_argument.
    ConditionPolicy(const std::vector<std::string>& conditions, ConditionErrors errors, PolicyWants& wants)
        : conditions_(conditions, errors) {
        if (conditions_.empty()) throw std::invalid_argument("ottl_condition: must say span");
        conditions_.each_attribute([&](ConditionOperand& operand) { operand.place = wants.keys.add(operand.text); });
        first_ = wants.questions;
        wants.questions += conditions_.questions();
        if (wants.questions > kMostQuestions)
            throw std::invalid_argument("ottl_condition: of all policies at most " + std::to_string(kMostQuestions) +
                                        " comparisons and functions look at a resource");
    }

    ProducerAnswers answers_of(const ProducerFacts& producer) override {
        ProducerSubject subject(producer);
        ProducerAnswers answers = 0;
        uint32_t bit = first_ * kBitsOfAnswer;
        conditions_.ask(subject, [&](Truth answer) {
            answers |= static_cast<ProducerAnswers>(answer) << bit;
            bit += kBitsOfAnswer;
        });
        return answers;
    }
    using Policy::agrees;
    bool agrees(const SpanFacts& span) override {
        FactsSubject subject(span, first_);
        return conditions_.hold(subject);
    }

private:
    static constexpr uint32_t kBitsOfAnswer = 2;
    static constexpr uint32_t kMostQuestions = 8 * sizeof(ProducerAnswers) / kBitsOfAnswer;

    class ProducerSubject : public ConditionSubject {
    public:
        explicit ProducerSubject(const ProducerFacts& producer) : ConditionSubject({}), producer_(producer) {}
        ConditionValue other_value(const ConditionOperand& field) override {
            return condition_value(producer_.values[field.place]);
        }

    private:
        const ProducerFacts& producer_;
    };

    class FactsSubject : public ConditionSubject {
    public:
        FactsSubject(const SpanFacts& span, uint32_t first)
            : ConditionSubject({text_of(span.outline.name), span.outline.kind, span.outline.status}),
              span_(span),
              first_(first) {}

        ConditionValue other_value(const ConditionOperand& field) override {
            const SpanOutline& outline = span_.outline;
            switch (field.field) {
                case ConditionField::kStatusMessage: return ConditionValue::of(status_message_in(span_.bytes));
                case ConditionField::kTraceState: return ConditionValue::of(outline.trace_state);
                case ConditionField::kStartTime: return ConditionValue::of_integer(outline.start_unix_nano);
                case ConditionField::kEndTime: return ConditionValue::of_integer(outline.end_unix_nano);
                case ConditionField::kTraceId: return ConditionValue::of(hex_of(field.field, outline.trace_id, 16));
                case ConditionField::kSpanId: return ConditionValue::of(hex_of(field.field, outline.span_id, 8));
                case ConditionField::kParentSpanId:
                    return ConditionValue::of(hex_of(field.field, outline.parent_span_id, 8));
                case ConditionField::kAttribute: return condition_value(span_.values[field.place]);
                default: return {};  // what is common, or asked of the producer
            }
        }
        bool is_root() override { return is_no_id(span_.outline.parent_span_id); }
        Truth answer(uint32_t question) override {
            return static_cast<Truth>(span_.answers >> kBitsOfAnswer * (first_ + question) & 3);
        }

    private:
        const SpanFacts& span_;
        const uint32_t first_;
    };

    Conditions conditions_;
    uint32_t first_ = 0;  // question, among those of all policies
};

}  // namespace spanring::agent
