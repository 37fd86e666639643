// SPDX-License-Identifier: Apache-2.0
//
// What the fuzz targets of header values share: an input and an output in memory of exactly their size, so that a byte
// beyond is seen, and a demand that ends the run where it does not hold.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "spanring/spanring.h"

namespace spanring::fuzz {

inline void demand(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "does not hold: %s\n", what);
    std::abort();
}

class Input {
public:
    Input(const uint8_t* data, size_t size) : bytes_(new char[size]), size_(size) {
        std::copy(data, data + size, bytes_.get());
    }
    explicit Input(const std::string& text) : Input(reinterpret_cast<const uint8_t*>(text.data()), text.size()) {}

    const char* data() const { return bytes_.get(); }
    size_t size() const { return size_; }

private:
    std::unique_ptr<char[]> bytes_;
    size_t size_;
};

class Output {
public:
    explicit Output(size_t capacity) : bytes_(new char[capacity]), text_{bytes_.get(), 0, capacity} {}

    spr_text* get() { return &text_; }
    std::string str() const { return std::string(text_.data, text_.size); }

private:
    std::unique_ptr<char[]> bytes_;
    spr_text text_;
};

inline std::string key_of(const spr_member& member) { return std::string(member.key, member.key_size); }
inline std::string value_of(const spr_member& member) { return std::string(member.value, member.value_size); }

}  // namespace spanring::fuzz
