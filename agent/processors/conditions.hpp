// SPDX-License-Identifier: Apache-2.0
//
// Conditions of OTTL of which one must be true, as filters and policies have them. What they ask about the resource
// alone is asked once for each of these, and the answer is given back with its spans. Values are compared as OTTL's
// "Comparison Rules" say. One thread.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "otlp/key_interest.hpp"
#include "processors/condition_node.hpp"

namespace spanring::agent {

// A span with its resource, or a resource alone, as conditions see it.
class ConditionSubject {
public:
    // What most conditions ask for is at hand.
    struct Common {
        std::string_view name;
        uint32_t kind = 0;
        uint32_t status = 0;
    };

    explicit ConditionSubject(const Common& common) : common_(common) {}
    ConditionSubject(const ConditionSubject&) = delete;
    ConditionSubject& operator=(const ConditionSubject&) = delete;

    ConditionValue value(const ConditionOperand& field) {
        switch (field.field) {
            case ConditionField::kName: return ConditionValue::of(common_.name);
            case ConditionField::kKind: return ConditionValue::of_integer(common_.kind);
            case ConditionField::kStatusCode: return ConditionValue::of_integer(common_.status);
            default: return other_value(field);
        }
    }
    const Common& common() const { return common_; }
    virtual ConditionValue other_value(const ConditionOperand& field) = 0;
    virtual bool is_root() { return false; }
    // What was found out of its resource.
    virtual Truth answer(uint32_t question) { return static_cast<void>(question), Truth::kFails; }

protected:
    ~ConditionSubject() = default;

    static bool is_no_id(const uint8_t* id) {
        uint64_t word = 0;
        if (id != nullptr) std::memcpy(&word, id, sizeof word);
        return word == 0;
    }

    // An id as `.string` has it, until it is asked for the same again.
    std::string_view hex_of(ConditionField field, const uint8_t* id, size_t size);

private:
    const Common common_;
    char digits_[64];
};

class Conditions {
public:
    Conditions() = default;
    // Throws std::invalid_argument, as wrong_conditions() would have said.
    Conditions(const std::vector<std::string>& texts, ConditionErrors errors);

    bool empty() const { return conditions_.empty(); }
    // About resources.
    uint32_t questions() const { return questions_; }
    void add_interest(KeyInterest& interest) const;  // in attributes of spans
    // Whether a glance (span_glance.hpp) shows all that they ask for of a span that has none of those attributes.
    bool can_glance() const;

    template <class Visit>
    void each_attribute(Visit&& visit) {
        for (ConditionNodes& nodes : conditions_) {
            for (ConditionNode& node : nodes)
                for (ConditionOperand* const operand : {&node.left, &node.right})
                    if (operand->is_attribute()) visit(*operand);
        }
    }

    // Gives `take` the answer to each question, in their order.
    template <class Take>
    void ask(ConditionSubject& resource, Take&& take) {
        for (ConditionNodes& nodes : conditions_) {
            for (ConditionNode& node : nodes)
                if (node.question) take(truth_of(nodes, node, resource));
        }
    }

    // Of a span that has none of those attributes: whether its name alone says that none is true.
    bool fail_by_name(std::string_view name) {
        if (!says_name_ || names_.has(name)) return false;
        for (const uint32_t one : by_pattern_)
            if (conditions_[one].back().pattern->has(name)) return false;
        return true;
    }

    // Whether one is true. With kPropagate none is that comes after one that fails.
    bool hold(ConditionSubject& span);

private:
    void sort_by_name();
    Truth evaluate(ConditionNodes& nodes, ConditionNode& node, ConditionSubject& subject);
    Truth truth_of(ConditionNodes& nodes, ConditionNode& node, ConditionSubject& subject);
    Truth call(ConditionNodes& nodes, ConditionNode& node, ConditionSubject& subject);
    bool get(ConditionNodes& nodes, const ConditionOperand& operand, ConditionSubject& subject,
             ConditionValue& ret_value);

    std::vector<ConditionNodes> conditions_;
    uint32_t questions_ = 0;
    ConditionErrors errors_ = ConditionErrors::kIgnore;
    std::string text_;                  // of a value that is none
    TextSet names_;                     // that conditions ask for, and nothing else
    std::vector<uint32_t> by_pattern_;  // conditions that ask for one of a pattern, and nothing else
    bool says_name_ = false;            // all others are true of nothing that has none of their attributes
};

// What is wrong with them, "[1]: column 8: ..."; empty: nothing.
std::string wrong_conditions(const std::vector<std::string>& texts);

}  // namespace spanring::agent
