// SPDX-License-Identifier: Apache-2.0
#include "export/watched_tls_files.hpp"

#include <sys/stat.h>

#include <stdexcept>

#include <spdlog/spdlog.h>

namespace spanring::agent {

WatchedTlsFiles::WatchedTlsFiles(const OtlpOptions& options)
    : options_(options), read_(stamps()), files_(std::make_shared<const TlsFiles>(read_tls_files(options_))) {}

// Taken before the files are read: what changes meanwhile is read once more.
WatchedTlsFiles::Stamps WatchedTlsFiles::stamps() const {
    Stamps stamps;
    Stamp* each = stamps.data();
    for (const std::string* path : {&options_.ca_file, &options_.cert_file, &options_.key_file}) {
        struct stat found {};
        if (!path->empty() && ::stat(path->c_str(), &found) == 0) {
            *each = {found.st_dev, found.st_ino, found.st_size, found.st_mtim.tv_sec, found.st_mtim.tv_nsec};
        }
        ++each;
    }
    return stamps;
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
