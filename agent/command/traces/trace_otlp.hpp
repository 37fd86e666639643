// SPDX-License-Identifier: Apache-2.0
//
// A trace as the OTLP that its spans came in, for other programs and other people's stores.
#pragma once

#include <string>

#include "store/store_reader.hpp"

namespace spanring::agent {

// An ExportTraceServiceRequest as JSON, on one line: every span once, and around it what was around it.
std::string otlp_json_of_trace(StoreReader& store, const TraceId& trace);

}  // namespace spanring::agent
