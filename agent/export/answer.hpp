// SPDX-License-Identifier: Apache-2.0
//
// What a backend's answer to an export means, whichever way it came; grpc/answer and http/answer read it, to the letter
// of OTLP.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace spanring::agent {

enum class Verdict : uint8_t {
    kAccepted,  // except for `rejected` spans
    kRetry,     // may be tried again, not before `delay` if there is one
    kRejected,  // must not be tried again
};

struct Answer {
    Verdict verdict = Verdict::kRejected;
    bool too_large = false;     // with kRejected: smaller requests may be taken
    bool unauthorized = false;  // with kRejected: as it does not believe who sent it
    uint64_t rejected = 0;
    std::optional<std::chrono::nanoseconds> delay;
    std::string message;  // of the partial success (may warn though nothing was rejected), or of the error; what of it
                          // is foreign() is cut already
};

// Beyond it a delay is read as this long; how much of it is granted is the circuit's affair.
inline constexpr std::chrono::hours kLongestDelay{24};

// In place of the answer of a backend that sends everything but answers.
Answer kept_busy();

// Of an answer, also once it is decompressed. What a receiver has to say is some hundred bytes.
inline constexpr size_t kMostAnswer = 256 << 10;

// The answer of a backend that took the request: `response` is the serialized ExportTraceServiceResponse, compressed by
// gzip or not, whose partial success says what it did not take after all. Nothing: it is no such message.
std::optional<Answer> accepted(std::span<const uint8_t> response);

}  // namespace spanring::agent
