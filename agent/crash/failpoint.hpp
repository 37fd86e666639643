// SPDX-License-Identifier: Apache-2.0
//
// A way to bring the agent down while it reads a segment, for the tests: nothing in an ordinary build. In one with
// SPR_TESTPOINTS the environment's SPANRING_FAILPOINT=HOW:SERVICE makes reading a process of that service end by an
// abort(), a bad access ("fault") or a stack that runs over ("stack").
#pragma once

#ifdef SPR_TESTPOINTS

#include <cstdint>
#include <cstdlib>
#include <string>

namespace spanring::agent {

[[gnu::noinline]] inline int overrun_stack(volatile char* below, volatile bool& on) {
    volatile char frame[4096];
    frame[0] = below != nullptr ? below[0] : '\0';
    return on ? overrun_stack(frame, on) + frame[0] : 0;
}

inline void crash(const std::string& how) {
    if (how == "abort") std::abort();
    volatile uintptr_t nowhere = 8;
    if (how == "fault") *reinterpret_cast<volatile int*>(nowhere) = 0;
    volatile bool on = true;
    if (how == "stack") overrun_stack(nullptr, on);
}

inline void failpoint(const std::string& service) {
    const char* wanted = std::getenv("SPANRING_FAILPOINT");
    if (wanted == nullptr) return;
    const std::string text = wanted;
    const size_t colon = text.find(':');
    if (colon != std::string::npos && text.substr(colon + 1) == service) crash(text.substr(0, colon));
}

}  // namespace spanring::agent

#define SPR_FAILPOINT(service) failpoint(service)
#else
#define SPR_FAILPOINT(service) static_cast<void>(0)
#endif
