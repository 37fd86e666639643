// SPDX-License-Identifier: Apache-2.0
//
// Reads a JSON text from front to back, in memory of the caller that the strings are unescaped in: they are views into
// it. Once something is wrong nothing more is read, and every call says so.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <string_view>

namespace spanring::envoy {

class JsonReader {
public:
    enum class Type { kString, kNumber, kBool, kNull, kObject, kArray, kNone };

    JsonReader(char* text, size_t size) : begin_(text), at_(text), end_(text + size) {}

    // What comes next. kNone: nothing that JSON has, or something was wrong before.
    Type next();

    bool string(std::string_view& ret);
    bool number(double& ret);
    bool boolean(bool& ret);
    void skip();  // a value of any type

    // for (bool more = reader.open('{'); more; more = reader.again('}')) { reader.key(key); a value }
    // The same with '[' and ']', without the key.
    bool open(char bracket);
    bool again(char bracket);
    bool key(std::string_view& ret);

    // Nothing was wrong, and nothing but blanks is left.
    bool whole();
    // Where something was wrong; -1: nothing was.
    ptrdiff_t wrong_at() const { return wrong_ == nullptr ? -1 : wrong_ - begin_; }

private:
    static constexpr int kDepth = 16;

    bool fail();
    void blanks();
    bool take(std::string_view word);
    bool unescape(char*& to);
    bool code_unit(uint32_t& ret);

    char* begin_;
    char* at_;
    char* end_;
    char* wrong_ = nullptr;
    int depth_ = 0;
};

}  // namespace spanring::envoy
