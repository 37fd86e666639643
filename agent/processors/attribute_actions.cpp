// SPDX-License-Identifier: Apache-2.0
#include "processors/attribute_actions.hpp"

#include <openssl/sha.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "base/character.hpp"
#include "base/option.hpp"
#include "processors/configured_types.hpp"

namespace spanring::agent {
namespace {

using namespace option;

constexpr size_t kMostActions = 100;

const std::vector<std::string> kActionNames = {"insert", "update", "upsert", "delete", "hash"};

ActionType type_of(const std::string& name) {
    const auto found = std::find(kActionNames.begin(), kActionNames.end(), name);
    if (found == kActionNames.end()) throw std::invalid_argument("must say an action");
    return static_cast<ActionType>(found - kActionNames.begin());
}

Scalar value_of(AttributeAction& action) {
    Scalar scalar = text(action.value, "text, number, true or false");
    const auto set = [&action](const std::string& text) -> std::string {
        action.value = text;
        action.has_value = true;
        return {};
    };
    scalar.set = set;
    return scalar;
}

// Parsers refuse a whole request for one such text.
void check_texts(const AttributeAction& action) {
    if (!is_utf8(action.key)) throw std::invalid_argument("its key is not UTF-8");
    if (!is_utf8(action.value)) throw std::invalid_argument("its value is not UTF-8");
}

void check_sources(const AttributeAction& action, ActionType type) {
    const bool changes = type == ActionType::kDelete || type == ActionType::kHash;
    if (changes) {
        if (action.has_value || !action.from_attribute.empty())
            throw std::invalid_argument(action.action + " takes neither value nor from_attribute");
        if (action.key.empty() && action.pattern.empty())
            throw std::invalid_argument(action.action + " needs a key or a pattern");
        return;
    }
    if (action.key.empty()) throw std::invalid_argument(action.action + " needs a key");
    if (!action.pattern.empty()) throw std::invalid_argument(action.action + " takes no pattern");
    if (action.has_value == !action.from_attribute.empty())
        throw std::invalid_argument(action.action + " needs either value or from_attribute");
}

std::vector<Option> describe(AttributeAction& action) {
    Option key{"key", text(action.key, "name of an attribute"), "what it is done to", "none"};
    Scalar kinds = choice(action.action, kActionNames);
    kinds.text = [&action] { return action.action; };  // also where none is given
    Option kind{"action", kinds, "what is done, as by the Collector", "must be given"};
    Option value{"value", value_of(action), "of insert, update, upsert; `${env:NAME}` takes it from the environment",
                 "none"};
    Option from{"from_attribute", text(action.from_attribute, "name of an attribute"), "instead of a value", "none"};
    Option pattern{"pattern",
                   text(action.pattern, "regular expression", [](const std::string& text) { Pattern{text}; }),
                   "of delete and hash: keys in which it is found", "none"};
    value.in_effect = action.has_value;
    key.in_effect = !action.key.empty();
    from.in_effect = !action.from_attribute.empty();
    pattern.in_effect = !action.pattern.empty();
    return {
        key,   kind,
        value, {"value_type", choice(action.value_type, kConfiguredTypes), "what `value` is; `auto`: as YAML takes it"},
        from,  pattern};
}

}  // namespace

GroupList actions_list(std::vector<AttributeAction>& actions) {
    const auto add = [&actions] { return describe(actions.emplace_back()); };
    const auto items = [&actions] {
        std::vector<std::vector<Option>> items;
        for (AttributeAction& action : actions) items.push_back(describe(action));
        return items;
    };
    return {add, kMostActions, "action", items};
}

std::string wrong_action(const AttributeAction& action) {
    try {
        AttributeActions{std::vector<AttributeAction>{action}};
    } catch (const std::invalid_argument& error) {
        return error.what();
    }
    return {};
}

AttributeActions::AttributeActions(const std::vector<AttributeAction>& actions) {
    for (const AttributeAction& each : actions) {
        Action action{type_of(each.action), each.key, {}, each.from_attribute, {}};
        check_sources(each, action.type);
        check_texts(each);
        if (each.has_value) {
            action.value = encode_as(each.value_type, each.value);
            if (!action.value) throw std::invalid_argument("'" + each.value + "' is not of its value_type");
        }
        if (!each.pattern.empty()) action.pattern.emplace(each.pattern);
        actions_.push_back(std::move(action));
    }
}

void AttributeActions::add_interest(KeyInterest& interest) const {
    for (const Action& action : actions_) {
        if (action.pattern) interest.add_all();
        interest.add(action.key);
        if (!action.from_attribute.empty()) interest.add(action.from_attribute);
    }
}

void AttributeActions::apply(MessageEdit& message) const {
    for (const Action& action : actions_) {
        const bool removes = action.type == ActionType::kDelete;
        if (!removes && action.type != ActionType::kHash) {
            store(action, message);
            continue;
        }
        for (Attribute& attribute : message.attributes()) {
            if (!attribute.there()) continue;
            const bool meant = (!action.key.empty() && attribute.key == action.key) ||
                               (action.pattern && action.pattern->is_in(attribute.key));
            if (!meant) continue;
            if (removes)
                message.remove(attribute);
            else
                message.set(attribute, hashed(attribute.value, message.scratch()));
        }
    }
}

void AttributeActions::store(const Action& action, MessageEdit& message) {
    EncodedBytes value;
    if (action.value) {
        value = bytes_of(*action.value);
    } else {
        const Attribute* const from = message.find(action.from_attribute);
        if (from == nullptr) return;
        value = from->value;
    }
    Attribute* const known = message.find(action.key);
    if (known != nullptr && action.type != ActionType::kInsert)
        message.set(*known, value);
    else if (known == nullptr && action.type != ActionType::kUpdate)
        message.add(action.key, value);
}

EncodedBytes hashed(EncodedBytes encoded, Scratch& scratch) {
    constexpr size_t kDigits = size_t{2} * SHA256_DIGEST_LENGTH;
    const ValueView value = view_value(encoded);
    uint8_t word[8];
    EncodedBytes of;
    switch (value.kind) {
        case ValueKind::kText: of = value.inside; break;
        case ValueKind::kBool:
            word[0] = value.word != 0;
            of = {word, 1};
            break;
        case ValueKind::kInteger:
        case ValueKind::kDouble:
            std::memcpy(word, &value.word, sizeof word);
            of = word;
            break;
        default: break;
    }
    const size_t digits = of.empty() ? 0 : kDigits;
    uint8_t* const result = scratch.allocate(2 + kDigits);
    result[0] = wire::tags::bytes(1);
    result[1] = static_cast<uint8_t>(digits);
    if (digits != 0) {
        uint8_t digest[SHA256_DIGEST_LENGTH];
        ::SHA256(of.data(), of.size(), digest);
        uint8_t* at = result + 2;
        for (const uint8_t byte : digest) {
            *at++ = static_cast<uint8_t>("0123456789abcdef"[byte >> 4]);
            *at++ = static_cast<uint8_t>("0123456789abcdef"[byte & 15]);
        }
    }
    return {result, 2 + digits};
}

}  // namespace spanring::agent
