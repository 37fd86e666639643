// SPDX-License-Identifier: Apache-2.0
#include "command/traces/find_traces.hpp"

namespace spanring::agent {

std::vector<TraceId> find_traces(StoreReader& store, const std::string& id, size_t most) {
    if (id != "last") return store.matching(id, most);
    TraceFilter filter;
    filter.limit = 1;
    std::vector<TraceId> found;
    for (const TraceSummary& trace : store.recent(filter)) found.push_back(trace.trace_id);
    return found;
}

}  // namespace spanring::agent
