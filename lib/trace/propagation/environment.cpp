// SPDX-License-Identifier: Apache-2.0
//
// The environment as a carrier (OpenTelemetry specification, context/env-carriers.md). It knows no format: values are
// opaque here.
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "spanring/spanring.h"
#include "trace/base/options.hpp"
#include "trace/propagation/header_text.hpp"

namespace spanring::trace {
namespace {

// The name of a variable, of a key: specification, Key Name Normalization.
class Name {
public:
    Name(const char* key, size_t size) {
        if (size >= kMost) return;
        if (size == 0 || (*key >= '0' && *key <= '9')) text_[size_++] = '_';
        for (size_t i = 0; i < size; ++i) text_[size_++] = normal(key[i]);
    }

    bool fits() const { return size_ != 0; }
    std::string_view view() const { return {text_, size_}; }

    // The value, where the variable has this name.
    const char* value_in(const char* variable) const {
        return strncmp(variable, text_, size_) == 0 && variable[size_] == '=' ? variable + size_ + 1 : nullptr;
    }

private:
    static constexpr size_t kMost = 64;

    static char normal(char c) {
        if (c >= 'a' && c <= 'z') return static_cast<char>(c - 'a' + 'A');
        return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ? c : '_';
    }

    char text_[kMost + 1];
    size_t size_ = 0;
};

// The place of a variable, or of the NULL after the last one.
char** find_variable(char** variables, const Name& name) {
    while (*variables != nullptr && name.value_in(*variables) == nullptr) ++variables;
    return variables;
}

int get(void* user, const char* key, size_t key_size, size_t index, const char** ret_value, size_t* ret_value_size) {
    const spr_environment& environment = *static_cast<const spr_environment*>(user);
    const Name name(key, key_size);
    if (!name.fits()) return -ENAMETOOLONG;
    char** const variables = environment.variables != nullptr ? environment.variables : environ;
    if (variables == nullptr || index != 0) return 0;
    char** const found = find_variable(variables, name);
    if (*found == nullptr) return 0;
    *ret_value = name.value_in(*found);
    *ret_value_size = strlen(*ret_value);
    return 1;
}

bool writable(const spr_environment& environment) {
    return environment.variables != nullptr && environment.capacity != 0;
}

int set(void* user, const char* key, size_t key_size, const char* value, size_t value_size) {
    spr_environment& environment = *static_cast<spr_environment*>(user);
    if (!writable(environment)) return -EROFS;
    const Name name(key, key_size);
    if (!name.fits()) return -ENAMETOOLONG;
    char** const place = find_variable(environment.variables, name);
    spr_text& memory = environment.memory;
    const size_t size = name.view().size() + 1 + value_size + 1;
    if (memory.data == nullptr || memory.size > memory.capacity || size > memory.capacity - memory.size) return -ENOSPC;
    if (*place == nullptr) {
        const size_t used = static_cast<size_t>(place - environment.variables);
        if (used + 2 > environment.capacity) return -ENOSPC;
        place[1] = nullptr;
    }
    char* at = memory.data + memory.size;
    *place = at;
    memcpy(at, name.view().data(), name.view().size());
    at += name.view().size();
    *at++ = '=';
    if (value_size != 0) memcpy(at, value, value_size);
    at[value_size] = 0;
    memory.size += size;
    return 0;
}

int remove(void* user, const char* key, size_t key_size) {
    spr_environment& environment = *static_cast<spr_environment*>(user);
    if (!writable(environment)) return -EROFS;
    const Name name(key, key_size);
    if (!name.fits()) return -ENAMETOOLONG;
    char** place = environment.variables;
    while (*(place = find_variable(place, name)) != nullptr)
        for (char** at = place; *at != nullptr; ++at) *at = at[1];
    return 0;
}

}  // namespace
}  // namespace spanring::trace

using namespace spanring::trace;

extern "C" {

int spr_environment_carrier(spr_environment* environment, spr_carrier* ret_carrier) noexcept {
    if (environment == nullptr || ret_carrier == nullptr) return -EINVAL;
    const int error = check_in_place(environment);
    if (error != 0) return error;
    // What *ret_carrier has room for is not said: a caller of the first release has no more than that.
    const spr_carrier carrier = {kFirstSize<spr_carrier>, 0, environment, get, set, remove};
    memcpy(ret_carrier, &carrier, kFirstSize<spr_carrier>);
    return 0;
}

}  // extern "C"
