// SPDX-License-Identifier: Apache-2.0
#include "drain/refusal_log.hpp"

#include <spdlog/spdlog.h>

namespace spanring::agent {

void RefusalLog::tell(size_t folder, const std::string& path, const std::string& reason) {
    Told& told = folders_[folder];
    if (told.files < kByName) {
        ++told.files;
        spdlog::warn("{}: not drained: {}", path, reason);
    } else if (const auto more = told.pace.due()) {
        spdlog::warn("{}: not drained: {}; others of the same directory likewise{}", path, reason, *more);
    }
}

}  // namespace spanring::agent
