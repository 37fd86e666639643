// SPDX-License-Identifier: Apache-2.0
#include "spool/spool_options.hpp"

#include "base/option.hpp"

namespace spanring::agent {

std::vector<Option> describe(SpoolOptions& spool) {
    using namespace option;
    return {
        {"enabled", boolean(spool.enabled), "keep on disk what has to wait"},
        {"directory", text(spool.directory, "absolute directory"), "of this exporter alone", "STATE/spool/NAME"},
        {"max_bytes", size(spool.max_bytes, uint64_t{1} << 20),
         "what exceeds it is dropped, oldest file first, and counted"},
        {"file_bytes", size(spool.file_bytes, uint64_t{64} << 10), "size at which a new file is begun"},
        {"fsync", boolean(spool.fsync), "spooled spans survive a crash of the host, not only of the agent"},
    };
}

}  // namespace spanring::agent
