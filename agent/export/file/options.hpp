// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace spanring::agent {

struct Option;

// When a file is set aside for a new one, and how long those live that were.
struct RotationOptions {
    uint32_t max_megabytes = 100;  // of 2^20 bytes
    uint32_t max_days = 0;         // 0: however old
    uint32_t max_backups = 100;    // 0: however many
    bool localtime = false;        // in their names; else UTC

    uint64_t max_bytes() const { return uint64_t{max_megabytes} << 20; }

    bool operator==(const RotationOptions&) const = default;
};

struct FileOptions {
    enum class Format : uint8_t { kJson, kProto };
    enum class Compression : uint8_t { kNone, kZstd };

    std::string path;  // absolute
    Format format = Format::kJson;
    Compression compression = Compression::kNone;
    RotationOptions rotation;
    bool fsync = false;
    uint64_t queue_bytes = uint64_t{64} << 20;  // in memory, before the disk

    bool operator==(const FileOptions&) const = default;
};

std::vector<Option> describe(FileOptions& file);

}  // namespace spanring::agent
