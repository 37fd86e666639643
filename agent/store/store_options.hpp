// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace spanring::agent {

struct Option;

struct StoreOptions {
    std::string path;                          // of the file, absolute
    uint64_t max_bytes = uint64_t{256} << 20;  // pages in use
    std::chrono::milliseconds max_age{std::chrono::hours{72}};
    uint64_t queue_bytes = uint64_t{64} << 20;  // in memory, before the disk

    bool operator==(const StoreOptions&) const = default;
};

std::vector<Option> describe(StoreOptions& store);

}  // namespace spanring::agent
