// SPDX-License-Identifier: Apache-2.0
//
// Reads a struct of options of any age: an older caller's is shorter and reads as if the rest were zero; a newer
// caller's is longer and is taken if what is unknown here is zero.
#pragma once

#include <errno.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include <spanring/spanring.h>

namespace spanring::trace {

// Whether an earlier release can have had a struct of so many bytes: none ended in the middle of a member. (Every size
// but that of struct_size alone is a multiple of the alignment, and no pointer ends elsewhere.) Half a pointer would be
// followed. What is behind a later release's struct only has to be zero.
template <class Options>
constexpr bool may_be_size(size_t size) {
    return size == sizeof(uint32_t) || size > sizeof(Options) || (size != 0 && size % alignof(Options) == 0);
}

// options may be nullptr: all defaults. 0, -EINVAL (no size, or one that no release has), -E2BIG.
template <class Options>
[[gnu::noinline]] int read_options(const Options* options, Options& ret) {
    memset(&ret, 0, sizeof ret);
    ret.struct_size = sizeof ret;
    if (options == nullptr) return 0;
    const size_t size = options->struct_size;
    if (!may_be_size<Options>(size)) return -EINVAL;
    const uint8_t* bytes = reinterpret_cast<const uint8_t*>(options);
    for (size_t i = sizeof ret; i < size; ++i)
        if (bytes[i] != 0) return -E2BIG;
    memcpy(&ret, options, size < sizeof ret ? size : sizeof ret);
    return 0;
}

// How long the first release of a struct was, which stays so: sizeof() is another number as soon as a member is added.
template <class Options>
inline constexpr size_t kFirstSize = 0;
template <>
inline constexpr size_t kFirstSize<spr_propagated> = offsetof(spr_propagated, baggage) + sizeof(spr_text);
template <>
inline constexpr size_t kFirstSize<spr_carrier> = offsetof(spr_carrier, remove) + sizeof(spr_carrier::remove);
template <>
inline constexpr size_t kFirstSize<spr_environment> = offsetof(spr_environment, memory) + sizeof(spr_text);

// Checks a struct that is used where it lies, and so cannot be shorter than its first release. A member that came
// later may be looked at only where struct_size reaches past it.
template <class Options>
int check_in_place(const Options* options) {
    static_assert(kFirstSize<Options> != 0);
    const size_t size = options->struct_size;
    if (size < kFirstSize<Options> || !may_be_size<Options>(size)) return -EINVAL;
    const uint8_t* bytes = reinterpret_cast<const uint8_t*>(options);
    for (size_t i = sizeof *options; i < size; ++i)
        if (bytes[i] != 0) return -E2BIG;
    return 0;
}

// HOT where the caller is as old as this library: its own struct is returned, and `space` is not touched. nullptr: see
// ret_error.
template <class Options>
const Options* known_options(const Options* options, Options& space, int& ret_error) {
    if (options != nullptr && options->struct_size == sizeof(Options)) [[likely]]
        return options;
    ret_error = read_options(options, space);
    return ret_error == 0 ? &space : nullptr;
}

}  // namespace spanring::trace
