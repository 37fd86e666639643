// SPDX-License-Identifier: Apache-2.0
//
// What a series is found by: service, kind, status, name, and the values of the chosen attributes, as words. Built
// again for each span, in the same memory. Long texts are cut, so that memory for a series has a bound.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "span_metrics/key_hash.hpp"

namespace spanring::agent {

class SeriesKey {
public:
    static constexpr size_t kLongestText = 256;  // bytes of a name or a value
    static constexpr size_t kMostValues = 16;

    void begin(uint32_t service, uint32_t kind, uint32_t status, std::span<const uint8_t> name) {
        name = cut(name);
        words_[0] = uint64_t{service} << 32 | kind << 24 | status << 16 | name.size();
        size_ = 1;
        append(name.data(), name.size());
    }

    // A value, or that there is none. At most kMostValues.
    void add(std::span<const uint8_t> value) {
        if (value.data() == nullptr) {
            words_[size_++] = ~uint64_t{0};
            return;
        }
        value = cut(value);
        words_[size_++] = value.size();
        append(value.data(), value.size());
    }

    std::span<const uint64_t> words() const { return {words_.data(), size_}; }

    uint64_t hash(uint64_t seed) const {
        uint64_t hash = seed;
        for (const uint64_t word : words()) hash = mixed(hash, word);
        return finished_hash(hash, seed);
    }

    bool equals(std::span<const uint64_t> other) const {
        if (other.size() != size_) return false;
        uint64_t differs = 0;
        for (size_t i = 0; i < size_; ++i) differs |= other[i] ^ words_[i];
        return differs == 0;
    }

    // Never inside of a character.
    static std::span<const uint8_t> cut(std::span<const uint8_t> text) {
        if (text.size() <= kLongestText) [[likely]]
            return text;
        size_t end = kLongestText;
        while (end > 0 && (text[end] & 0xc0) == 0x80) --end;
        return text.first(end);
    }
    static std::string_view cut(std::string_view text) {
        return text.substr(0, cut(std::span(reinterpret_cast<const uint8_t*>(text.data()), text.size())).size());
    }

private:
    template <class Word>
    static uint64_t word_at(const uint8_t* at) {
        Word word;
        std::memcpy(&word, at, sizeof word);
        return word;
    }

    void append(const uint8_t* at, size_t size) {
        const uint8_t* const begin = at;
        const uint8_t* const end = at + size;
        for (; end - at >= 8; at += 8) words_[size_++] = word_at<uint64_t>(at);
        const auto rest = static_cast<uint32_t>(end - at);
        if (rest == 0) return;
        words_[size_++] = end - begin >= 8 ? word_at<uint64_t>(end - 8) >> (64 - 8 * rest) : few(at, rest);
    }

    // Less than 8.
    static uint64_t few(const uint8_t* at, uint32_t size) {
        uint64_t word = 0;
        uint32_t place = 0;
        if ((size & 4) != 0) word = word_at<uint32_t>(at), place = 4;
        if ((size & 2) != 0) word |= word_at<uint16_t>(at + place) << (8 * place), place += 2;
        if ((size & 1) != 0) word |= uint64_t{at[place]} << (8 * place);
        return word;
    }

    static constexpr size_t kWordsOfAText = 1 + kLongestText / 8;
    std::array<uint64_t, (1 + kMostValues) * kWordsOfAText> words_;
    size_t size_ = 0;
};

}  // namespace spanring::agent
