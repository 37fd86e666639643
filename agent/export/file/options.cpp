// SPDX-License-Identifier: Apache-2.0
//
// The keys and their defaults are those of the Collector's `file` exporter where it has them.
#include "export/file/options.hpp"

#include "base/option.hpp"

namespace spanring::agent {

std::vector<Option> describe(FileOptions& file) {
    using namespace option;
    using enum FileOptions::Format;
    using enum FileOptions::Compression;
    constexpr uint32_t kMost = 1'000'000;
    std::vector<Option> rotation = {
        {"max_megabytes", count(file.rotation.max_megabytes, 1, kMost),
         "a file that would be larger is set aside, under a name with the time"},
        {"max_days", count(file.rotation.max_days, 0, kMost),
         "those set aside are removed when they are older; 0: never"},
        {"max_backups", count(file.rotation.max_backups, 0, kMost),
         "most of those, the oldest are removed; 0: any number"},
        {"localtime", boolean(file.rotation.localtime), "the time in their names is this host's, not UTC"},
    };
    return {
        {"path", text(file.path, "absolute file"), "where spans are appended; its directory exists", "must be given"},
        {"format", choice(file.format, {{"json", kJson}, {"proto", kProto}}),
         "a line of OTLP/JSON for each batch, or its protobuf after four bytes of length, the highest first"},
        {"compression", choice(file.compression, {{"none", kNone}, {"zstd", kZstd}}),
         "of each batch by itself: the file is what zstdcat takes"},
        {"rotation", Group{rotation}},
        {"fsync", boolean(file.fsync), "what is exported survives a crash of the host, not only of the agent"},
        {"queue_size", size(file.queue_bytes, uint64_t{4} << 20),
         "memory for waiting batches; what exceeds it is dropped, and counted"},
    };
}

}  // namespace spanring::agent
