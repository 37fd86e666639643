// SPDX-License-Identifier: Apache-2.0
//
// Too small a ring for spans that are larger than an extent, for tests of what happens where one has no room.
#pragma once

#include "spanring/spanring.h"

namespace spanring::test {

inline spr_provider_options ring_without_huge_places() {
    spr_provider_options options = SPR_PROVIDER_OPTIONS_INIT;
    options.memory_limit = 960 * 1024;
    return options;
}

}  // namespace spanring::test
