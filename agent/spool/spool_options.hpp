// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace spanring::agent {

struct SpoolOptions {
    bool enabled = true;
    std::string directory;                        // of this exporter, absolute
    uint64_t max_bytes = uint64_t{1} << 30;
    uint64_t file_bytes = uint64_t{16} << 20;     // a new file after this many
    bool fsync = false;
};

}  // namespace spanring::agent
