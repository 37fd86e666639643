// SPDX-License-Identifier: Apache-2.0
//
// What is done to attributes, one action after the other: the `actions` of the Collector's processors `attributes` and
// `resource`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "processors/message_edit.hpp"
#include "processors/pattern.hpp"
#include "processors/processor_options.hpp"

namespace spanring::agent {

enum class ActionType : uint8_t { kInsert, kUpdate, kUpsert, kDelete, kHash };

class AttributeActions {
public:
    // Throws std::invalid_argument, as wrong_action() would have said.
    explicit AttributeActions(const std::vector<AttributeAction>& actions);

    void add_interest(KeyInterest& interest) const;
    void apply(MessageEdit& message) const;

private:
    struct Action {
        ActionType type;
        std::string key;
        std::optional<std::string> value;  // encoded
        std::string from_attribute;
        std::optional<Pattern> pattern;
    };

    static void store(const Action& action, MessageEdit& message);

    std::vector<Action> actions_;
};

// The SHA-256 of a value as 64 hexadecimal digits: of a text its bytes, of a number the 8 bytes that it is in memory,
// of a bool one. An encoded AnyValue in the message's scratch memory; of what is none of these, an empty text.
EncodedBytes hashed(EncodedBytes value, Scratch& scratch);

}  // namespace spanring::agent
