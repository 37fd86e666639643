// SPDX-License-Identifier: Apache-2.0
//
// The trace that somebody names: by its id, its beginning, or as the last one.
#pragma once

#include <string>
#include <vector>

#include "store/store_reader.hpp"

namespace spanring::agent {

// At most `most`.
std::vector<TraceId> find_traces(StoreReader& store, const std::string& id, size_t most);

}  // namespace spanring::agent
