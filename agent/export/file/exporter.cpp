// SPDX-License-Identifier: Apache-2.0
#include "export/file/exporter.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <exception>
#include <utility>

#include "export/private_runs.hpp"
#include "otlp/json.hpp"
#include "otlp/request.hpp"

namespace spanring::agent {
namespace {

using Format = FileOptions::Format;
using Compression = FileOptions::Compression;

constexpr uint64_t kGroupBytes = uint64_t{16} << 20;
constexpr uint32_t kLevel = 1;  // of zstd: the thread is beside the drain

std::span<const uint8_t> as_bytes(const std::string& text) {
    return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

// Four bytes of length in front, as the Collector's `file` exporter has them.
std::string with_length(const std::string& message) {
    const auto size = static_cast<uint32_t>(message.size());
    std::string all;
    all.reserve(message.size() + sizeof size);
    for (int shift = 24; shift >= 0; shift -= 8) all += static_cast<char>(size >> shift & 0xff);
    return all += message;
}

RotatedFile::Left left(const FileOptions& options) {
    const bool lines = options.format == Format::kJson && options.compression == Compression::kNone;
    return lines ? RotatedFile::Left::kGoesOn : RotatedFile::Left::kSetAside;
}

}  // namespace

FileExporter::FileExporter(std::string name, uint32_t index, bool required, FileOptions options)
    : QueuedExporter(std::move(name), index, required, "file", {options.queue_bytes, kGroupBytes}),
      options_(std::move(options)),
      file_(options_.path, options_.rotation, left(options_), options_.fsync),
      compressor_(options_.compression == Compression::kZstd ? make_compressor("zstd", kLevel) : nullptr) {
    try {
        file_.open();
    } catch (const std::exception& error) {
        trouble(error.what());
    }
    start();
}

FileExporter::~FileExporter() { shutdown(Clock::now()); }

void FileExporter::write(const Batches& group, size_t& ret_written) {
    size_t appended = 0;
    std::exception_ptr why_not;
    try {
        for (; appended < group.size(); ++appended) file_.append(piece(*group[appended]));
    } catch (...) {
        why_not = std::current_exception();
    }
    file_.sync();
    ret_written = appended;
    if (why_not) std::rethrow_exception(why_not);
}

FileExporter::Clock::time_point FileExporter::tend_at() const { return Clock::now() + std::chrono::hours(1); }

void FileExporter::tend(bool) {}

std::string FileExporter::piece(const Batch& batch) {
    // What a process can still write to is copied before it is read twice.
    std::string message;
    if (batch.pin != nullptr) {
        const PrivateRuns own = copy_runs(batch.runs);
        message = flatten(assemble(own.runs));
    } else {
        message = flatten(assemble(batch.runs));
    }
    std::string piece =
        options_.format == Format::kJson ? otlp_json_of_request(as_bytes(message)) + '\n' : with_length(message);
    if (compressor_ == nullptr) return piece;
    Request request;
    request.slices.push_back(as_bytes(piece));
    request.bytes = piece.size();
    return compressor_->compress(request);
}

}  // namespace spanring::agent
