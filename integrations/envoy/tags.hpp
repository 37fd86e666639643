// SPDX-License-Identifier: Apache-2.0
//
// Envoy's tags, which are texts, as attributes; and what they say of a span's status.
#pragma once

#include <string_view>

#include "spanring/spanring.h"

namespace spanring::envoy {

// By its own name; with `semantic_conventions` by OpenTelemetry's and of its type, where there is one.
void set_tag(const spr_span& span, std::string_view key, std::string_view value, bool semantic_conventions);

// Whether a tag makes the span one of an error (semantic conventions, http/http-spans.md and rpc/grpc.md, Status): the
// tag `error`; a response of 500 and above, to a client of 400 and above; a gRPC status that is the server's fault, to
// a client any but OK.
bool is_error(std::string_view key, std::string_view value, int kind);

}  // namespace spanring::envoy
