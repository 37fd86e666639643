// SPDX-License-Identifier: Apache-2.0
//
// How many bytes have their top bit set: none in a text of ASCII. Counted by vectors, with the instructions that the
// machine turns out to have. No byte outside of [at, at + size) is read.
#pragma once

#include <cstddef>
#include <cstdint>

namespace spanring::agent {

using CountHighBytes = size_t (*)(const uint8_t* at, size_t size);

enum class InstructionSet : uint8_t {
    kPortable,  // words of 64 bits
    kSse2,      // every x86-64
    kAvx2,
    kNeon,  // every 64-bit Arm
};

// Null where this machine, or this build, has it not.
CountHighBytes count_high_bytes_with(InstructionSet set);

// The widest that this machine has. Looked for once.
CountHighBytes fastest_count_of_high_bytes();

}  // namespace spanring::agent
