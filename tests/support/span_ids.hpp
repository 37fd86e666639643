// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "otlp.pb.h"

namespace spanring::agent::test {

inline std::vector<std::string> span_ids_of(const otlp::Request& request) {
    std::vector<std::string> ids;
    for (const auto& resource : request.resource_spans()) {
        for (const auto& scope : resource.scope_spans()) {
            for (const auto& span : scope.spans()) ids.push_back(span.span_id());
        }
    }
    return ids;
}

}  // namespace spanring::agent::test
