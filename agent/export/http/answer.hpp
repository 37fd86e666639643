// SPDX-License-Identifier: Apache-2.0
//
// What an HTTP response means: which codes may be tried again, Retry-After, and what the body says.
//
// A 2xx is believed from what answers as an OTLP receiver: an ExportTraceServiceResponse, as protobuf or as JSON, or no
// body at all. Whatever else comes with a 2xx is from something in between, such as a page to log in at: it is not
// delivered, and tried again. An answer without an end says nothing; it is rejected, and not sent again.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "export/answer.hpp"

namespace spanring::agent {

struct HttpResponse {
    long code = 0;
    std::string_view content_type, retry_after, location;  // headers; empty: not there
    std::span<const uint8_t> body;
    enum class End : uint8_t { kWhole, kBrokenOff, kTooLong };
    End end = End::kWhole;  // with the others the body is not looked at
};

Answer judge(const HttpResponse& response);

// Retry-After: seconds, or an HTTP-date. Nothing where it is neither, and where it says now or a time that has passed.
std::optional<std::chrono::nanoseconds> retry_after(std::string_view value, std::chrono::system_clock::time_point now);

}  // namespace spanring::agent
