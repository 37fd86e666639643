// SPDX-License-Identifier: Apache-2.0
//
// A caller's carrier, checked. Keys end with a NUL.
#pragma once

#include <errno.h>

#include "trace/base/options.hpp"
#include "trace/propagation/header_text.hpp"

namespace spanring::trace {

class Carrier {
public:
    explicit Carrier(const spr_carrier& carrier) : carrier_(carrier) {}

    static int check(const spr_carrier* carrier) { return carrier == nullptr ? -EINVAL : check_in_place(carrier); }

    // 1, 0: no such value, negative: the carrier gave up.
    int get(std::string_view key, size_t index, std::string_view& ret_value) const {
        const char* value = nullptr;
        size_t size = 0;
        const int found = carrier_.get(carrier_.user, key.data(), key.size(), index, &value, &size);
        if (found <= 0) return found;
        ret_value = value != nullptr ? view_of(value, size) : std::string_view("");
        return 1;
    }
    int set(std::string_view key, std::string_view value) const {
        const int error = carrier_.set(carrier_.user, key.data(), key.size(), value.data(), value.size());
        return error < 0 ? error : 0;
    }
    int remove(std::string_view key) const {
        const int error = carrier_.remove != nullptr ? carrier_.remove(carrier_.user, key.data(), key.size()) : 0;
        return error < 0 ? error : 0;
    }
    // What is empty is not sent.
    int set_or_remove(std::string_view key, std::string_view value) const {
        return value.empty() ? remove(key) : set(key, value);
    }

private:
    const spr_carrier& carrier_;
};

}  // namespace spanring::trace
