// SPDX-License-Identifier: Apache-2.0
//
// Where a text is remembered, and whether it is the one that stands there: any place will do, since what stands there
// is compared. Who makes texts meet on purpose makes his own spans slower.
//
// Names of spans have mostly 8 to 32 bytes: these are four words, which overlap in a shorter one. They are read once,
// and there is no loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace spanring::agent {

class TextKey {
public:
    explicit TextKey(std::string_view text) : text_(text), is_short_(text.size() - 8 <= 32 - 8) {
        if (is_short_) [[likely]] {
            first_ = word(text.data());
            second_ = word(text.data() + second());
            third_ = word(text.data() + last() - second());
            last_ = word(text.data() + last());
        }
    }

    uint64_t hash() const {
        if (!is_short_) [[unlikely]]
            return hash_of_any();
        // Multiplied beside each other, so that none waits for another.
        const uint64_t hash = first_ * kFactor ^ second_ * 0xc2b2ae3d27d4eb4f ^ third_ * 0x165667b19e3779f9 ^
                              last_ * 0xd6e8feb86659fd93 ^ text_.size();
        return (hash ^ hash >> 32) * kFactor >> 32;
    }

    // Whether `text`, which is as long, is the same.
    bool is(const char* text) const {
        if (!is_short_) [[unlikely]]
            return text_.empty() || std::memcmp(text, text_.data(), text_.size()) == 0;
        return ((word(text) ^ first_) | (word(text + second()) ^ second_) | (word(text + last() - second()) ^ third_) |
                (word(text + last()) ^ last_)) == 0;
    }

private:
    static constexpr uint64_t kFactor = 0x9e3779b97f4a7c15;

    static uint64_t word(const char* at) {
        uint64_t word = 0;
        std::memcpy(&word, at, sizeof word);
        return word;
    }
    // Where they begin.
    size_t last() const { return text_.size() - 8; }
    size_t second() const { return last() < 8 ? last() : 8; }

    uint64_t hash_of_any() const {
        uint64_t hash = text_.size() * kFactor;
        const char* at = text_.data();
        size_t left = text_.size();
        const auto mix = [&hash](uint64_t word) {
            hash = (hash ^ word) * kFactor;
            hash ^= hash >> 29;
        };
        for (; left >= 8; at += 8, left -= 8) mix(word(at));
        uint64_t rest = 0;
        if (left != 0) std::memcpy(&rest, at, left);
        mix(rest);
        return hash ^ hash >> 32;
    }

    const std::string_view text_;
    const bool is_short_;
    uint64_t first_ = 0, second_ = 0, third_ = 0, last_ = 0;
};

}  // namespace spanring::agent
