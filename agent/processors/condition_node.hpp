// SPDX-License-Identifier: Apache-2.0
//
// What a condition of OTTL is made of once it is read: nodes that name each other by their places in one list, and what
// they compare. Of a span, or of its resource; nothing is of both.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "processors/encoded_value.hpp"
#include "processors/text_set.hpp"

namespace spanring::agent {

enum class ConditionField : uint8_t {
    kName,
    kKind,
    kStatusCode,
    kStatusMessage,
    kTraceState,
    kStartTime,
    kEndTime,
    kTraceId,
    kSpanId,
    kParentSpanId,
    kAttribute,
    kResourceAttribute,
};

enum class ConditionFunction : uint8_t {
    kIsMatch,
    kIsString,
    kIsInt,
    kIsDouble,
    kIsBool,
    kIsRootSpan,
    kHasPrefix,
    kHasSuffix,
};

enum class ConditionOperator : uint8_t { kEqual, kUnequal, kLess, kAtMost, kMore, kAtLeast };

// kFails: it cannot be said, as where a function wants a text and gets a number.
enum class Truth : uint8_t { kFalse, kTrue, kFails };

// A value as OTTL compares it.
struct ConditionValue {
    enum class Kind : uint8_t { kNil, kText, kInteger, kDouble, kBool, kBytes, kOther };

    Kind kind = Kind::kNil;
    int64_t integer = 0;  // a bool, too
    double number = 0;
    std::string_view text = {};  // bytes, too

    static ConditionValue of(std::string_view text) { return {Kind::kText, 0, 0, text}; }
    static ConditionValue of_integer(uint64_t word) { return {Kind::kInteger, static_cast<int64_t>(word)}; }
};

// Of an attribute; one that is not there is nil, too.
ConditionValue condition_value(EncodedBytes encoded);

struct ConditionOperand {
    enum class Kind : uint8_t { kLiteral, kField, kNode };

    Kind kind = Kind::kLiteral;
    ConditionField field = ConditionField::kName;
    uint32_t node = 0;       // of a function
    size_t place = 0;        // of an attribute, for who keeps values in places
    std::string text;        // of a literal, or the key of an attribute
    ConditionValue literal;  // but for its text

    bool is_name() const { return kind == Kind::kField && field == ConditionField::kName; }
    bool is_attribute() const {
        return kind == Kind::kField &&
               (field == ConditionField::kAttribute || field == ConditionField::kResourceAttribute);
    }
};

struct ConditionNode {
    enum class Kind : uint8_t { kAnd, kOr, kNot, kComparison, kFunction, kConstant };

    Kind kind = Kind::kConstant;
    ConditionOperator compares = ConditionOperator::kEqual;
    ConditionFunction function = ConditionFunction::kIsMatch;
    bool constant = false;
    std::vector<uint32_t> parts;       // of kAnd, kOr and kNot
    ConditionOperand left, right;      // a function's argument is on the left
    std::optional<TextSet> pattern;    // of kIsMatch
    std::optional<uint32_t> question;  // it looks at the resource alone: its number among those that do
};

// The last one is the whole.
using ConditionNodes = std::vector<ConditionNode>;

}  // namespace spanring::agent
