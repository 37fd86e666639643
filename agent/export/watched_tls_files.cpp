// SPDX-License-Identifier: Apache-2.0
#include "export/watched_tls_files.hpp"

#include <stdexcept>

#include <spdlog/spdlog.h>

namespace spanring::agent {

WatchedTlsFiles::WatchedTlsFiles(const OtlpOptions& options)
    : options_(options), read_(stamps()), files_(std::make_shared<const TlsFiles>(read_tls_files(options_))) {}

WatchedTlsFiles::Stamps WatchedTlsFiles::stamps() const {
    return {FileStamp::of(options_.ca_file), FileStamp::of(options_.cert_file), FileStamp::of(options_.key_file)};
}

bool WatchedTlsFiles::refresh(Time now) {
    if (now < next_look_) return false;
    next_look_ = now + kPause;
    const Stamps seen = stamps();
    if (seen == read_) return false;
    try {
        files_ = std::make_shared<const TlsFiles>(read_tls_files(options_));
    } catch (const std::runtime_error& error) {
        if (const auto more = log_.due()) spdlog::warn("{}; what was read before is used{}", error.what(), *more);
        return false;
    }
    read_ = seen;
    return true;
}

}  // namespace spanring::agent
