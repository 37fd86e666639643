// SPDX-License-Identifier: Apache-2.0
//
// A start that is told its ids, or whether to record: by spr_start_options, or because the span was measured elsewhere.
#pragma once

#include "spanring/spanring.h"

namespace spanring::trace {

struct ChosenStart : spr_start_options {
    // A whole span's: its context, if it has one, is complete and valid, with flags; the span ends at once.
    bool whole = false;
};

}  // namespace spanring::trace
