// SPDX-License-Identifier: Apache-2.0
//
// What OTLP answers, as the sender's own encoding has it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "otlp/signal.hpp"

namespace spanring::agent {

struct ReceiverReply;

enum class WireEncoding : uint8_t { kProtobuf, kJson };

// ExportTraceServiceResponse, or that of logs or metrics, with a partial success where some were rejected.
std::string response_body(WireEncoding encoding, const ReceiverReply& reply, Signal signal = Signal::kTraces);

// google.rpc.Code
inline constexpr uint32_t kInvalidArgument = 3, kResourceExhausted = 8, kUnavailable = 14, kUnauthenticated = 16;
inline constexpr uint32_t kRetrySeconds = 1;  // that a sender who finds no room is to wait

// google.rpc.Status.
std::string status_body(WireEncoding encoding, uint32_t code, std::string_view message);
// In protobuf, with a google.rpc.RetryInfo: what gRPC has in the place of Retry-After.
std::string retry_status_body(uint32_t code, std::string_view message);

}  // namespace spanring::agent
