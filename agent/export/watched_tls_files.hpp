// SPDX-License-Identifier: Apache-2.0
//
// Certificates and keys are rotated while the agent runs: these are looked at again, and read when they changed. One
// thread.
#pragma once

#include <array>
#include <chrono>
#include <memory>
#include <string>

#include "base/file_stamp.hpp"
#include "base/log_pace.hpp"
#include "export/tls_files.hpp"

namespace spanring::agent {

class WatchedTlsFiles {
public:
    using Time = std::chrono::steady_clock::time_point;
    static constexpr std::chrono::milliseconds kPause{500};  // between two looks

    // Throws std::runtime_error that names the file, std::invalid_argument where one is set without its other half.
    explicit WatchedTlsFiles(const OtlpOptions& options);

    // Looks. True: get() gives others from now on. Where one of them cannot be read, they stay as they were, and the
    // log says so.
    bool refresh(Time now);
    const std::shared_ptr<const TlsFiles>& get() const { return files_; }

private:
    using Stamps = std::array<FileStamp, 3>;

    Stamps stamps() const;

    const OtlpOptions options_;  // of which the names of the files are of use
    Stamps read_;                // of what `files_` are
    std::shared_ptr<const TlsFiles> files_;
    Time next_look_{};
    LogPace log_;
};

}  // namespace spanring::agent
