// SPDX-License-Identifier: Apache-2.0
//
// Who spans come from, as a recorder knows it: what a resource says is looked up once, not with each span.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace spanring::agent {

class SpanSource {
private:
    friend class SpanRecorder;
    uint32_t service_ = 0;                       // of the recorder
    uint32_t node_ = 0;                          // of the service graph
    std::vector<std::string> values_;            // encoded, by dimension: where a span has none of its own
    std::unique_ptr<SpanSource> of_operations_;  // where these are measured too
};

}  // namespace spanring::agent
