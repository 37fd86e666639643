// SPDX-License-Identifier: Apache-2.0
//
// A segment's content as text: what it is, its accounts, its chunks, its spans as trees; and for programs: OTLP
// JSON.
#pragma once

#include <string>

#include "command/dump/segment_dump.hpp"
#include "command/terminal/terminal.hpp"

namespace spanring::agent {

struct DumpViewOptions {
    std::string file{};
    bool open_only = false;     // no finished spans
    bool pending_only = false;  // of the ended ones, only those that no agent has acknowledged
    bool attributes = false;    // as in a trace
    uint64_t limit = 0;         // at most this many spans, the newest; 0: all
};

std::string render_dump(const SegmentDump& dump, const Terminal& terminal, const DumpViewOptions& options);

// OTLP JSON: one ExportTraceServiceRequest a line.
std::string dump_json_lines(const SegmentDump& dump, const DumpViewOptions& options);

std::string render_problems(const SegmentDump& dump);  // a line each; empty: none

}  // namespace spanring::agent
