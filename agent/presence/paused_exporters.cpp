// SPDX-License-Identifier: Apache-2.0
#include "presence/paused_exporters.hpp"

#include <cerrno>
#include <chrono>
#include <stdexcept>
#include <thread>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/descriptor.hpp"
#include "base/error_text.hpp"
#include "base/replace_file.hpp"
#include "presence/report_file.hpp"

namespace spanring::agent {

namespace {

constexpr std::chrono::seconds kPatience{10};  // with somebody who was stopped while it had the lock
constexpr std::chrono::milliseconds kLook{5};

}  // namespace

std::optional<PausedExporters> PausedExporters::read(const std::string& state_directory, uid_t user) {
    const std::string path = state_directory + "/" + kName;
    const std::optional<std::string> text = read_report_file(path, user);
    PausedExporters paused;
    if (!text) {
        // Where it is there and cannot be read (no descriptor left), nobody knows.
        struct stat status;
        return lstat(path.c_str(), &status) != 0 && errno == ENOENT ? std::optional(paused) : std::nullopt;
    }
    const auto document = nlohmann::json::parse(*text, nullptr, false);
    if (!document.is_array()) return std::nullopt;
    for (const auto& name : document) {
        if (!name.is_string()) return std::nullopt;
        paused.names.insert(name.get<std::string>());
    }
    return paused;
}

void PausedExporters::change(const std::string& state_directory, uid_t user, const std::string& name, bool paused) {
    const Descriptor directory(::open(state_directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (::flock(directory.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK || std::chrono::steady_clock::now() >= deadline)
            throw std::runtime_error("cannot lock " + state_directory + ": " + error_text(errno));
        std::this_thread::sleep_for(kLook);
    }
    PausedExporters all = read(state_directory, user).value_or(PausedExporters());
    if (paused ? all.names.insert(name).second : all.names.erase(name) != 0) all.write(state_directory);
}

void PausedExporters::write(const std::string& state_directory) const {
    const nlohmann::json document(names);
    replace_file(state_directory + "/" + kName,
                 document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

}  // namespace spanring::agent
