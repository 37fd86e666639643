// SPDX-License-Identifier: Apache-2.0
#include "processors/conditions.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <optional>
#include <stdexcept>

#include "processors/condition_parser.hpp"

namespace spanring::agent {
namespace {

using Kind = ConditionValue::Kind;

constexpr char kDigits[] = "0123456789abcdef";

Truth truth(bool holds) { return holds ? Truth::kTrue : Truth::kFalse; }

template <class Value>
bool compare_ordered(ConditionOperator compares, const Value& left, const Value& right) {
    switch (compares) {
        case ConditionOperator::kEqual: return left == right;
        case ConditionOperator::kUnequal: return left != right;
        case ConditionOperator::kLess: return left < right;
        case ConditionOperator::kAtMost: return left <= right;
        case ConditionOperator::kMore: return left > right;
        case ConditionOperator::kAtLeast: return left >= right;
    }
    return false;
}

double number_of(const ConditionValue& value) {
    return value.kind == Kind::kInteger ? static_cast<double>(value.integer) : value.number;
}

bool compare(ConditionOperator compares, const ConditionValue& left, const ConditionValue& right) {
    if (left.kind == Kind::kText && right.kind == Kind::kText) return compare_ordered(compares, left.text, right.text);
    if (left.kind == right.kind) {
        switch (left.kind) {
            case Kind::kInteger:
            case Kind::kBool: return compare_ordered(compares, left.integer, right.integer);
            case Kind::kDouble: return compare_ordered(compares, left.number, right.number);
            case Kind::kBytes: return compare_ordered(compares, left.text, right.text);
            case Kind::kNil:
                return compares == ConditionOperator::kEqual || compares == ConditionOperator::kAtMost ||
                       compares == ConditionOperator::kAtLeast;
            default: return compares == ConditionOperator::kUnequal;  // lists and maps are equal to nothing
        }
    }
    const auto is_number = [](const ConditionValue& value) {
        return value.kind == Kind::kInteger || value.kind == Kind::kDouble;
    };
    if (is_number(left) && is_number(right)) return compare_ordered(compares, number_of(left), number_of(right));
    return compares == ConditionOperator::kUnequal;
}

// Of the name, kind or status with a value of its kind, without more ado. Nothing: it is another comparison.
std::optional<bool> compare_common(const ConditionNode& node, const ConditionSubject& subject) {
    if (node.left.kind != ConditionOperand::Kind::kField || node.right.kind != ConditionOperand::Kind::kLiteral)
        return std::nullopt;
    const ConditionSubject::Common& common = subject.common();
    const Kind kind = node.right.literal.kind;
    switch (node.left.field) {
        case ConditionField::kName:
            if (kind != Kind::kText || node.compares > ConditionOperator::kUnequal) return std::nullopt;
            return (common.name == node.right.text) == (node.compares == ConditionOperator::kEqual);
        case ConditionField::kKind:
            if (kind != Kind::kInteger) return std::nullopt;
            return compare_ordered(node.compares, int64_t{common.kind}, node.right.literal.integer);
        case ConditionField::kStatusCode:
            if (kind != Kind::kInteger) return std::nullopt;
            return compare_ordered(node.compares, int64_t{common.status}, node.right.literal.integer);
        default: return std::nullopt;
    }
}

// As Go's JSON has it. False: it is no number.
bool write_number(double number, std::string& text) {
    constexpr double kLeastPlain = 1e-6, kMostPlain = 1e21;
    constexpr size_t kLongest = 32;
    if (!std::isfinite(number)) return false;
    const double size = std::fabs(number);
    const bool plain = size == 0 || (size >= kLeastPlain && size < kMostPlain);
    char digits[kLongest];
    const auto [end, error] = std::to_chars(digits, digits + sizeof digits, number,
                                            plain ? std::chars_format::fixed : std::chars_format::scientific);
    static_cast<void>(error);  // the longest fits
    text.assign(digits, end);
    // e-09 is e-9 there.
    if (const size_t at = text.find("e-0"); at != std::string::npos) text.erase(at + 2, 1);
    return true;
}

// The text of whatever it is, as IsMatch takes it. False: it has none.
bool read_as_text(const ConditionValue& value, std::string& memory, std::string_view& ret_text) {
    switch (value.kind) {
        case Kind::kText: ret_text = value.text; return true;
        case Kind::kInteger: memory = std::to_string(value.integer); break;
        case Kind::kBool: memory = value.integer != 0 ? "true" : "false"; break;
        case Kind::kDouble:
            if (!write_number(value.number, memory)) return false;
            break;
        case Kind::kBytes:
            memory.clear();
            for (const char byte : value.text) {
                memory += kDigits[static_cast<uint8_t>(byte) >> 4];
                memory += kDigits[static_cast<uint8_t>(byte) & 0xf];
            }
            break;
        default: return false;
    }
    ret_text = memory;
    return true;
}

// What has no attributes.
class NothingSubject : public ConditionSubject {
public:
    NothingSubject() : ConditionSubject({}) {}
    ConditionValue other_value(const ConditionOperand&) override { return {}; }
};

// For one, and nothing else.
bool asks_for_name(const ConditionNode& node) {
    return node.kind == ConditionNode::Kind::kComparison && node.compares == ConditionOperator::kEqual &&
           node.left.is_name() && node.right.kind == ConditionOperand::Kind::kLiteral &&
           node.right.literal.kind == Kind::kText;
}

// Of spans, and nothing else.
bool asks_for_attributes(const ConditionNodes& nodes) {
    const auto suits = [](const ConditionOperand& operand) {
        return operand.kind != ConditionOperand::Kind::kField || operand.field == ConditionField::kAttribute;
    };
    return std::ranges::all_of(nodes, [&](const ConditionNode& node) {
        const bool asks_for_parent =
            node.kind == ConditionNode::Kind::kFunction && node.function == ConditionFunction::kIsRootSpan;
        return !node.question && !asks_for_parent && suits(node.left) && suits(node.right);
    });
}

}  // namespace

ConditionValue condition_value(EncodedBytes encoded) {
    if (encoded.empty()) return {};
    const ValueView view = view_value(encoded);
    switch (view.kind) {
        case ValueKind::kText: return ConditionValue::of(view.text());
        case ValueKind::kBool: return {Kind::kBool, static_cast<int64_t>(view.word)};
        case ValueKind::kInteger: return ConditionValue::of_integer(view.word);
        case ValueKind::kDouble: return {Kind::kDouble, 0, std::bit_cast<double>(view.word)};
        // Empty ones are nil there.
        case ValueKind::kBytes: return {view.inside.empty() ? Kind::kNil : Kind::kBytes, 0, 0, view.text()};
        case ValueKind::kList:
        case ValueKind::kMap: return {Kind::kOther};
        default: return {};
    }
}

std::string_view ConditionSubject::hex_of(ConditionField field, const uint8_t* id, size_t size) {
    constexpr size_t kTraceDigits = 32, kSpanDigits = 16;
    char* const to = digits_ + (field == ConditionField::kTraceId  ? 0
                                : field == ConditionField::kSpanId ? kTraceDigits
                                                                   : kTraceDigits + kSpanDigits);
    for (size_t i = 0; i < size; ++i) {
        const uint8_t byte = id != nullptr ? id[i] : uint8_t{0};
        to[2 * i] = kDigits[byte >> 4];
        to[2 * i + 1] = kDigits[byte & 0xf];
    }
    return {to, 2 * size};
}

Conditions::Conditions(const std::vector<std::string>& texts, ConditionErrors errors) : errors_(errors) {
    for (size_t i = 0; i < texts.size(); ++i) {
        try {
            conditions_.push_back(parse_condition(texts[i], questions_));
        } catch (const std::invalid_argument& error) {
            throw std::invalid_argument("[" + std::to_string(i) + "]: " + error.what());
        }
    }
    sort_by_name();
}

void Conditions::sort_by_name() {
    NothingSubject nothing;
    std::vector<std::string> names;
    says_name_ = true;
    for (uint32_t i = 0; i < conditions_.size(); ++i) {
        ConditionNode& whole = conditions_[i].back();
        if (asks_for_name(whole))
            names.push_back(whole.right.text);
        else if (whole.kind == ConditionNode::Kind::kFunction && whole.function == ConditionFunction::kIsMatch &&
                 whole.left.is_name())
            by_pattern_.push_back(i);
        else if (!asks_for_attributes(conditions_[i]) || evaluate(conditions_[i], whole, nothing) == Truth::kTrue)
            says_name_ = false;
    }
    names_ = TextSet(names, MatchType::kStrict);
}

void Conditions::add_interest(KeyInterest& interest) const {
    for (const ConditionNodes& nodes : conditions_) {
        for (const ConditionNode& node : nodes)
            for (const ConditionOperand* const operand : {&node.left, &node.right})
                if (operand->is_attribute() && operand->field == ConditionField::kAttribute)
                    interest.add(operand->text);
    }
}

bool Conditions::can_glance() const {
    const auto shows = [](const ConditionOperand& operand) {
        if (operand.kind != ConditionOperand::Kind::kField) return true;
        switch (operand.field) {
            case ConditionField::kName:
            case ConditionField::kKind:
            case ConditionField::kStatusCode:
            case ConditionField::kStartTime:
            case ConditionField::kEndTime:
            case ConditionField::kAttribute:
            case ConditionField::kResourceAttribute: return true;
            default: return false;
        }
    };
    for (const ConditionNodes& nodes : conditions_) {
        for (const ConditionNode& node : nodes) {
            const bool asks_for_parent =
                node.kind == ConditionNode::Kind::kFunction && node.function == ConditionFunction::kIsRootSpan;
            if (asks_for_parent || !shows(node.left) || !shows(node.right)) return false;
        }
    }
    return true;
}

bool Conditions::hold(ConditionSubject& span) {
    for (ConditionNodes& nodes : conditions_) {
        switch (evaluate(nodes, nodes.back(), span)) {
            case Truth::kTrue: return true;
            case Truth::kFails:
                if (errors_ == ConditionErrors::kPropagate) return false;
                break;
            case Truth::kFalse: break;
        }
    }
    return false;
}

Truth Conditions::evaluate(ConditionNodes& nodes, ConditionNode& node, ConditionSubject& subject) {
    switch (node.kind) {
        case ConditionNode::Kind::kAnd:
            for (const uint32_t part : node.parts) {
                const Truth one = evaluate(nodes, nodes[part], subject);
                if (one != Truth::kTrue) return one;
            }
            return Truth::kTrue;
        case ConditionNode::Kind::kOr:
            for (const uint32_t part : node.parts) {
                const Truth one = evaluate(nodes, nodes[part], subject);
                if (one != Truth::kFalse) return one;
            }
            return Truth::kFalse;
        case ConditionNode::Kind::kNot: {
            const Truth one = evaluate(nodes, nodes[node.parts.front()], subject);
            return one == Truth::kFails ? one : truth(one == Truth::kFalse);
        }
        default: return node.question ? subject.answer(*node.question) : truth_of(nodes, node, subject);
    }
}

// Of a comparison, a function or a constant, whatever it looks at.
Truth Conditions::truth_of(ConditionNodes& nodes, ConditionNode& node, ConditionSubject& subject) {
    if (node.kind == ConditionNode::Kind::kConstant) return truth(node.constant);
    if (node.kind == ConditionNode::Kind::kFunction) return call(nodes, node, subject);
    if (const auto common = compare_common(node, subject)) return truth(*common);
    ConditionValue left, right;
    if (!get(nodes, node.left, subject, left) || !get(nodes, node.right, subject, right)) return Truth::kFails;
    return truth(compare(node.compares, left, right));
}

Truth Conditions::call(ConditionNodes& nodes, ConditionNode& node, ConditionSubject& subject) {
    if (node.function == ConditionFunction::kIsRootSpan) return truth(subject.is_root());
    if (node.function == ConditionFunction::kIsMatch && node.left.is_name())
        return truth(node.pattern->has(subject.common().name));
    ConditionValue value;
    if (!get(nodes, node.left, subject, value)) return Truth::kFails;
    switch (node.function) {
        case ConditionFunction::kIsString: return truth(value.kind == Kind::kText);
        case ConditionFunction::kIsInt: return truth(value.kind == Kind::kInteger);
        case ConditionFunction::kIsDouble: return truth(value.kind == Kind::kDouble);
        case ConditionFunction::kIsBool: return truth(value.kind == Kind::kBool);
        case ConditionFunction::kHasPrefix:
            return value.kind != Kind::kText ? Truth::kFails : truth(value.text.starts_with(node.right.text));
        case ConditionFunction::kHasSuffix:
            return value.kind != Kind::kText ? Truth::kFails : truth(value.text.ends_with(node.right.text));
        default: break;
    }
    if (value.kind == Kind::kNil || value.kind == Kind::kOther) return Truth::kFalse;
    std::string_view text;
    if (!read_as_text(value, text_, text)) return Truth::kFails;
    return truth(node.pattern->has(text));
}

// False: a function that it is the value of fails.
bool Conditions::get(ConditionNodes& nodes, const ConditionOperand& operand, ConditionSubject& subject,
                     ConditionValue& ret_value) {
    switch (operand.kind) {
        case ConditionOperand::Kind::kField: ret_value = subject.value(operand); return true;
        case ConditionOperand::Kind::kLiteral:
            ret_value = operand.literal;
            ret_value.text = operand.text;
            return true;
        case ConditionOperand::Kind::kNode: break;
    }
    const Truth of_node = truth_of(nodes, nodes[operand.node], subject);
    ret_value = {Kind::kBool, of_node == Truth::kTrue ? 1 : 0};
    return of_node != Truth::kFails;
}

std::string wrong_conditions(const std::vector<std::string>& texts) {
    try {
        const Conditions conditions(texts, ConditionErrors::kIgnore);
    } catch (const std::invalid_argument& error) {
        return error.what();
    }
    return {};
}

}  // namespace spanring::agent
