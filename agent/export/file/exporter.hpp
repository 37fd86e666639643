// SPDX-License-Identifier: Apache-2.0
//
// Spans as OTLP in files of this host, for programs that read files: the Collector's `otlpjsonfile` receiver, `jq`, a
// colleague's `spanring import`. A line, or a piece of protobuf, is one batch; a killed agent leaves whole ones, of
// which the last may come again.
//
// Header bill: an exporter with its thread and std::function; main.cpp and its own .cpp include it.
#pragma once

#include <memory>
#include <string>

#include "batch/queued_exporter.hpp"
#include "export/compressor.hpp"
#include "export/file/options.hpp"
#include "export/file/rotated_file.hpp"

namespace spanring::agent {

class FileExporter final : public QueuedExporter {
public:
    // Opens the file; where that fails it is tried again with each group.
    FileExporter(std::string name, uint32_t index, bool required, FileOptions options);
    ~FileExporter() override;

private:
    void write(const Batches& group, size_t& ret_written) override;
    Clock::time_point tend_at() const override;
    void tend(bool end) override;

    std::string piece(const Batch& batch);

    const FileOptions options_;

    // The thread's own.
    RotatedFile file_;
    const std::unique_ptr<Compressor> compressor_;  // null: none
};

}  // namespace spanring::agent
