// SPDX-License-Identifier: Apache-2.0
//
// `string_attribute`, `numeric_attribute`, `boolean_attribute`: traces with a span, or a resource of one, that has such
// an attribute.
#pragma once

#include <bit>
#include <stdexcept>

#include "decide/policy.hpp"
#include "decide/text_policies.hpp"
#include "processors/encoded_value.hpp"

namespace spanring::agent {

class AttributePolicy : public Policy {
public:
    bool agrees(const ProducerFacts& producer) override { return has(producer.values[place_]); }
    bool agrees(const SpanFacts& span) override { return has(span.values[place_]); }

protected:
    // Throws std::invalid_argument.
    AttributePolicy(const std::string& key, const char* what, WantedKeys& keys) {
        if (key.empty()) throw std::invalid_argument(std::string(what) + ": must say key");
        place_ = keys.add(key);
    }
    virtual bool agrees(const ValueView& value) = 0;

private:
    bool has(const EncodedValue& value) { return value.data() != nullptr && agrees(view_value(value)); }

    size_t place_ = 0;
};

class StringAttributePolicy : public AttributePolicy {
public:
    StringAttributePolicy(const TextPolicyOptions& options, WantedKeys& keys)
        : AttributePolicy(options.key, "string_attribute", keys), values_(text_set_of(options, "string_attribute")) {}

private:
    using AttributePolicy::agrees;
    // An empty text is none, as the Collector has it.
    bool agrees(const ValueView& value) override {
        return value.kind == ValueKind::kText && !value.inside.empty() && values_.has(value.text());
    }

    TextSet values_;
};

class NumericAttributePolicy : public AttributePolicy {
public:
    // Throws std::invalid_argument.
    NumericAttributePolicy(const std::string& key, double least, double most, WantedKeys& keys)
        : AttributePolicy(key, "numeric_attribute", keys), least_(least), most_(most) {
        if (most < least) throw std::invalid_argument("numeric_attribute: max_value is below min_value");
    }

private:
    using AttributePolicy::agrees;
    bool agrees(const ValueView& value) override {
        double number = 0;
        if (value.kind == ValueKind::kInteger)
            number = static_cast<double>(static_cast<int64_t>(value.word));
        else if (value.kind == ValueKind::kDouble)
            number = std::bit_cast<double>(value.word);
        else
            return false;
        return number >= least_ && number <= most_;
    }

    const double least_;
    const double most_;
};

class BooleanAttributePolicy : public AttributePolicy {
public:
    BooleanAttributePolicy(const std::string& key, bool wanted, WantedKeys& keys)
        : AttributePolicy(key, "boolean_attribute", keys), wanted_(wanted) {}

private:
    using AttributePolicy::agrees;
    bool agrees(const ValueView& value) override {
        return value.kind == ValueKind::kBool && (value.word != 0) == wanted_;
    }

    const bool wanted_;
};

}  // namespace spanring::agent
