// SPDX-License-Identifier: Apache-2.0
//
// Which spans of a batch a query finds, by the batch's index.
#pragma once

#include <cstdint>
#include <vector>

#include "search/query.hpp"
#include "store/batch_index.hpp"

namespace spanring::agent {

// Whether pairs of spans are needed to answer.
bool asks_for_pairs(const search::Query& query);

// For each span of the index whether it is found (1) or not (0); empty: none is.
std::vector<uint8_t> find_spans(const search::Query& query, const BatchIndex& index);

}  // namespace spanring::agent
