// SPDX-License-Identifier: Apache-2.0
//
// The halves of spr_span_record().
#pragma once

#include <cstddef>

#include "trace/span/chosen_start.hpp"
#include "trace/span/open_span.hpp"

namespace spanring::trace {

// What spr_span_start_with() returns.
int start_whole(spr_tracer* tracer, const char* name, size_t name_size, const ChosenStart& start_options,
                spr_span* ret_span);
// What spr_span_end_with() returns, of options that were checked.
int end_whole(OpenSpan span, const spr_end_options& options);

}  // namespace spanring::trace
