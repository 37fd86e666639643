// SPDX-License-Identifier: Apache-2.0
#include "store/store_options.hpp"

#include "base/option.hpp"

namespace spanring::agent {

std::vector<Option> describe(StoreOptions& store) {
    using namespace option;
    return {
        {"path", text(store.path, "absolute file"), "the database; of a store with another name STATE/NAME.db",
         "STATE/spans.db"},
        {"max_bytes", size(store.max_bytes, uint64_t{1} << 20),
         "what exceeds it is removed, oldest batches first, and counted"},
        {"max_age", duration(store.max_age, std::chrono::minutes(1)), "what is older is removed, and counted"},
        {"queue_size", size(store.queue_bytes, uint64_t{4} << 20),
         "memory for waiting batches; what exceeds it is dropped, and counted"},
    };
}

}  // namespace spanring::agent
