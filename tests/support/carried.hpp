// SPDX-License-Identifier: Apache-2.0
//
// What tests of propagation need: texts with memory of their own, and a carrier of headers, as a server has them.
#pragma once

#include <strings.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "spanring/spanring.h"

namespace spanring::test {

// Memory of exactly `capacity` bytes, so that a sanitizer sees one byte more.
class Text {
public:
    explicit Text(size_t capacity, const std::string& content = "")
        : bytes_(capacity), text_{bytes_.data(), 0, capacity} {
        std::copy(content.begin(), content.end(), bytes_.begin());
        text_.size = content.size();
    }
    Text(const Text&) = delete;
    Text& operator=(const Text&) = delete;

    spr_text* get() { return &text_; }
    const spr_text& raw() const { return text_; }
    std::string str() const { return text_.size == 0 ? "" : std::string(text_.data, text_.size); }

private:
    std::vector<char> bytes_;
    spr_text text_;
};

inline std::string str(const spr_text& text) { return text.size == 0 ? "" : std::string(text.data, text.size); }

// Everything that can come with a request.
struct Carried {
    Text trace_state{SPR_TRACESTATE_SIZE}, baggage{SPR_BAGGAGE_SIZE};
    spr_propagated raw = SPR_PROPAGATED_INIT;

    Carried() {
        raw.trace_state = trace_state.raw();
        raw.baggage = baggage.raw();
    }
    std::string state() const { return str(raw.trace_state); }
    std::string bag() const { return str(raw.baggage); }
};

// Headers in the order in which they came; names without case, as in HTTP.
class Headers {
public:
    using List = std::vector<std::pair<std::string, std::string>>;

    Headers() : Headers(List()) {}
    Headers(List list) : list(std::move(list)) {
        carrier.user = this;
        carrier.get = get;
        carrier.set = set;
        carrier.remove = remove;
    }
    Headers(const Headers&) = delete;
    Headers& operator=(const Headers&) = delete;

    // The values of a name, joined.
    std::string operator[](const char* name) const {
        std::string joined;
        for (const auto& [key, value] : list)
            if (strcasecmp(key.c_str(), name) == 0) joined += (joined.empty() ? "" : ",") + value;
        return joined;
    }

    List list;
    int error = 0;  // what every callback says, where it is negative
    spr_carrier carrier = SPR_CARRIER_INIT;

private:
    static int get(void* user, const char* key, size_t key_size, size_t index, const char** ret_value,
                   size_t* ret_size) {
        const Headers& self = *static_cast<const Headers*>(user);
        if (self.error != 0 || key[key_size] != 0) return self.error;
        for (const auto& [name, value] : self.list)
            if (strcasecmp(name.c_str(), key) == 0 && index-- == 0) {
                *ret_value = value.data();
                *ret_size = value.size();
                return 1;
            }
        return 0;
    }
    static int set(void* user, const char* key, size_t key_size, const char* value, size_t value_size) {
        Headers& self = *static_cast<Headers*>(user);
        if (self.error != 0) return self.error;
        remove(user, key, key_size);
        self.list.emplace_back(std::string(key, key_size), std::string(value, value_size));
        return 0;
    }
    static int remove(void* user, const char* key, size_t) {
        Headers& self = *static_cast<Headers*>(user);
        if (self.error != 0) return self.error;
        std::erase_if(self.list, [&](const auto& header) { return strcasecmp(header.first.c_str(), key) == 0; });
        return 0;
    }
};

}  // namespace spanring::test
