// SPDX-License-Identifier: Apache-2.0
//
// A segment's spans for programs: OTLP JSON.
#pragma once

#include <string>

#include "command/dump/dump_selection.hpp"
#include "command/dump/segment_dump.hpp"

namespace spanring::agent {

// One ExportTraceServiceRequest a line.
std::string dump_json_lines(const SegmentDump& dump, const DumpSelection& selection);

}  // namespace spanring::agent
