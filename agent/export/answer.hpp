// SPDX-License-Identifier: Apache-2.0
//
// What a backend's answer to an export means, to the letter of OTLP: which codes may be tried again, RetryInfo and
// Retry-After, partial success.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <grpcpp/support/status.h>

namespace spanring::agent {

enum class Verdict : uint8_t {
    kAccepted,  // but for `rejected` spans
    kRetry,     // may be tried again, not before `delay` if there is one
    kRefused,   // must not be tried again
};

struct Answer {
    Verdict verdict = Verdict::kRefused;
    uint64_t rejected = 0;
    std::optional<std::chrono::nanoseconds> delay;
    std::string message;  // for people: of the partial success (may warn though nothing was rejected), or of the error
};

// `response` is the serialized ExportTraceServiceResponse.
Answer judge(const grpc::Status& status, std::span<const uint8_t> response);

struct HttpResponse {
    long code = 0;
    std::string_view content_type, retry_after, location;  // headers; empty: not there
    std::span<const uint8_t> body;
};

Answer judge(const HttpResponse& response);

// Retry-After: seconds, or an HTTP-date. Nothing where it is neither, and where it says now or a time that has passed:
// a backend that fails and asks for no pause at all gets the backoff.
std::optional<std::chrono::nanoseconds> retry_after(std::string_view value, std::chrono::system_clock::time_point now);

// RetryInfo.retry_delay of a serialized google.rpc.Status (grpc-status-details-bin); nothing where it has none.
std::optional<std::chrono::nanoseconds> retry_delay(std::string_view details);

}  // namespace spanring::agent
