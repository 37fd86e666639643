// SPDX-License-Identifier: Apache-2.0
#include "base/state_lock.hpp"

#include <cerrno>
#include <system_error>

#include <spdlog/spdlog.h>

#include "base/error_text.hpp"
#include "base/file_lock.hpp"
#include "base/private_directory.hpp"
#include "base/state_file.hpp"

namespace spanring::agent {

StateLock::StateLock(const std::string& directory, const std::string& file) {
    try {
        prepare_private_directory(directory);
        file_ = open_state_file(file);
    } catch (const std::system_error& error) {
        spdlog::error("{}; without a state directory nothing is kept over a restart", error.what());
        return;
    }
    const int result = lock_file(file_.get());
    if (result == -EAGAIN) throw StateBusy(directory);
    if (result != 0) throw std::runtime_error(file + ": cannot lock: " + error_text(-result));
}

}  // namespace spanring::agent
