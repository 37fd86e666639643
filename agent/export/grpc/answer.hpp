// SPDX-License-Identifier: Apache-2.0
//
// What the end of a gRPC call means: which codes may be tried again, and RetryInfo.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "export/answer.hpp"
#include "export/grpc/forward.hpp"

namespace spanring::agent {

// `response` is the serialized ExportTraceServiceResponse.
Answer judge(const grpc::Status& status, std::span<const uint8_t> response);

// RetryInfo.retry_delay of a serialized google.rpc.Status (grpc-status-details-bin); nothing where it has none.
std::optional<std::chrono::nanoseconds> retry_delay(std::string_view details);

}  // namespace spanring::agent
