// SPDX-License-Identifier: Apache-2.0
//
// The fields of a protobuf message, as the library writes them. What a slot holds may have superseded fields, which are
// passed over.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "ring/layout.hpp"

namespace spanring::test_kit {

struct Bytes {
    const uint8_t* at = nullptr;
    size_t size = 0;
};

struct Field {
    uint32_t number = 0;
    uint64_t value = 0;  // of a number
    Bytes bytes;         // of anything else
};

class FieldWalk {
public:
    explicit FieldWalk(Bytes message) : at_(message.at), end_(message.at + message.size) {}

    // False: that was the last one, or there is something wrong with the next.
    bool next(Field& ret_field) {
        while (at_ != end_) {
            const bool superseded = *at_ == ring::kSuperseded;
            uint64_t tag = 0, length = 0;
            if (!varint(tag)) return fail();
            ret_field = {static_cast<uint32_t>(tag >> 3), 0, {}};
            switch (tag & 7) {
                case 0:
                    if (!varint(ret_field.value)) return fail();
                    break;
                case 1:
                    if (!fixed(ret_field.value, 8)) return fail();
                    break;
                case 5:
                    if (!fixed(ret_field.value, 4)) return fail();
                    break;
                case 2:
                case 7:
                    if (((tag & 7) == 7 && !superseded) || !varint(length) || length > left()) return fail();
                    ret_field.bytes = {at_, static_cast<size_t>(length)};
                    at_ += length;
                    break;
                default: return fail();
            }
            if (!superseded) return true;
        }
        return false;
    }
    bool sound() const { return sound_; }

private:
    size_t left() const { return static_cast<size_t>(end_ - at_); }
    bool fail() { return sound_ = false; }

    bool varint(uint64_t& ret) {
        ret = 0;
        for (unsigned shift = 0; shift < 64 && at_ != end_; shift += 7) {
            const uint8_t byte = *at_++;
            ret |= uint64_t{byte & 0x7fu} << shift;
            if (byte < 0x80) return true;
        }
        return false;
    }
    bool fixed(uint64_t& ret, size_t size) {
        if (left() < size) return false;
        memcpy(&ret, at_, size);  // little-endian, as the layout is
        at_ += size;
        return true;
    }

    const uint8_t* at_;
    const uint8_t* end_;
    bool sound_ = true;
};

// How many fields of that number the message has.
inline size_t count_fields(Bytes message, uint32_t number) {
    FieldWalk walk(message);
    Field field;
    size_t count = 0;
    while (walk.next(field)) count += field.number == number;
    return count;
}

}  // namespace spanring::test_kit
