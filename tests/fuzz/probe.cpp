// SPDX-License-Identifier: Apache-2.0
//
// Compiled when the build is configured: does this compiler have libFuzzer?
#include <cstddef>
#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t*, size_t) { return 0; }
