// SPDX-License-Identifier: Apache-2.0
#include "command/traces/summary_json.hpp"

#include <nlohmann/json.hpp>

namespace spanring::agent {

nlohmann::ordered_json summary_json(const TraceSummary& trace) {
    return {{"trace_id", to_hex(trace.trace_id)},
            {"root", trace.name},
            {"service", trace.service},
            {"services", trace.services},
            {"has_root", trace.has_root},
            {"start_unix_nano", trace.start_unix_nano},
            {"duration_nano", trace.duration_nano()},
            {"spans", trace.spans},
            {"errors", trace.errors},
            {"unfinished", trace.unfinished}};
}

}  // namespace spanring::agent
