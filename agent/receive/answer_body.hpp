// SPDX-License-Identifier: Apache-2.0
//
// What OTLP answers, as the sender's own encoding has it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace spanring::agent {

struct ReceiverReply;

enum class WireEncoding : uint8_t { kProtobuf, kJson };

// ExportTraceServiceResponse, with a partial success where spans were rejected.
std::string response_body(WireEncoding encoding, const ReceiverReply& reply);

// google.rpc.Status.
std::string status_body(WireEncoding encoding, uint32_t code, std::string_view message);

}  // namespace spanring::agent
