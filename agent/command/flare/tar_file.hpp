// SPDX-License-Identifier: Apache-2.0
//
// An archive in the making, of regular files for its owner alone: POSIX.1-1988's "ustar".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace spanring::agent {

class TarFile {
public:
    explicit TarFile(uint64_t unix_seconds) : time_(unix_seconds) {}

    // `name` has at most 100 bytes.
    void add(std::string_view name, std::string_view content);
    std::string finish() &&;  // once, last

private:
    const uint64_t time_;
    std::string text_;
};

}  // namespace spanring::agent
