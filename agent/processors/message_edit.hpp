// SPDX-License-Identifier: Apache-2.0
//
// A message that has attributes (a span, a resource, a scope, an event), as its bytes and the edits of it: a walk finds
// the attributes that somebody wants to see, edits are kept in a list beside them, and what is written at the end is
// copied, slice for slice, from where it lies. A message that nothing touches is never written.
//
// Keys and values refer to the message, to the scratch memory, or to what outlives both: a processor's own. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "otlp/key_interest.hpp"
#include "otlp/wire.hpp"
#include "processors/encoded_value.hpp"
#include "processors/scratch.hpp"

namespace spanring::agent {

struct Attribute {
    enum class State : uint8_t { kAsItWas, kChanged, kRemoved, kAdded };
    const uint8_t* begin = nullptr;  // of the whole field in the message
    const uint8_t* end = nullptr;
    std::string_view key;
    EncodedBytes value;
    State state = State::kAsItWas;

    bool there() const { return state != State::kRemoved; }
};

class MessageEdit {
public:
    // `field`: the number of the attributes in the message.
    MessageEdit(uint32_t field, Scratch& scratch) : field_(field), scratch_(scratch) {}

    // Of a message that the validator found sound. False: it is not.
    bool read(std::span<const uint8_t> message, const KeyInterest& interest);

    // Those that are of interest, and added ones. Removed ones stay, as such.
    std::vector<Attribute>& attributes() { return attributes_; }
    Attribute* find(std::string_view key);  // the first that is there

    void set(Attribute& attribute, EncodedBytes value);
    void remove(Attribute& attribute);
    void add(std::string_view key, EncodedBytes value);

    uint32_t edits() const { return edits_; }  // so far; 0: it is as it was
    size_t size();                             // of the message as it is now
    uint8_t* write(uint8_t* to) const;         // after size(), so many bytes

    std::span<const uint8_t> message() const { return message_; }  // as it was read
    Scratch& scratch() { return scratch_; }

protected:
    void begin(std::span<const uint8_t> message) {
        message_ = message;
        attributes_.clear();
        patches_.clear();
        extra_.clear();
        edits_ = 0;
    }
    void found(const uint8_t* begin, const uint8_t* end, std::span<const uint8_t> key_value);

    // Instead of the bytes from `begin` to `end`, which are whole fields: one of a number, or none where `inside` says
    // so. From null to null: after all others.
    void replace(const uint8_t* begin, const uint8_t* end, uint32_t number, std::span<const uint8_t> inside);
    void erase(const uint8_t* begin, const uint8_t* end);
    void append_number(uint32_t number, uint64_t value);

    std::span<const uint8_t> message_;
    std::vector<Attribute> attributes_;

private:
    struct Patch {
        const uint8_t* begin;
        const uint8_t* end;
        uint32_t number;       // of the field that takes the place; 0: none does
        std::string_view key;  // of an attribute; else what is written is `inside`
        std::span<const uint8_t> inside;
        bool is_attribute;
    };

    static size_t size_of(const Patch& patch);
    static uint8_t* write(uint8_t* to, const Patch& patch);

    const uint32_t field_;
    Scratch& scratch_;
    std::vector<Patch> extra_;    // of fields that are no attributes
    std::vector<Patch> patches_;  // all of them, in their order: as size() found it
    uint32_t edits_ = 0;
};

}  // namespace spanring::agent
