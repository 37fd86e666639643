// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace spanring::agent {

struct Option;

struct SpoolOptions {
    bool enabled = true;
    std::string directory;  // of this exporter, absolute
    uint64_t max_bytes = uint64_t{1} << 30;
    uint64_t file_bytes = uint64_t{16} << 20;  // a new file after this many
    bool fsync = false;
    double first_share = 0.8;  // no key of its own: of the turns and of the room, for what comes first

    bool operator==(const SpoolOptions&) const = default;
};

std::vector<Option> describe(SpoolOptions& spool);

}  // namespace spanring::agent
