// SPDX-License-Identifier: Apache-2.0
//
// A segment's content as text: what it is, its accounts, its chunks, its spans as trees; and for programs: OTLP
// JSON.
#pragma once

#include <string>

#include "command/dump/dump_selection.hpp"
#include "command/dump/segment_dump.hpp"
#include "command/terminal/terminal.hpp"

namespace spanring::agent {

struct DumpViewOptions {
    std::string file{};
    DumpSelection selection{};
    bool attributes = false;  // as in a trace
};

std::string render_dump(const SegmentDump& dump, const Terminal& terminal, const DumpViewOptions& options);

std::string render_problems(const SegmentDump& dump);  // a line each; empty: none

}  // namespace spanring::agent
