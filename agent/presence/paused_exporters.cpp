// SPDX-License-Identifier: Apache-2.0
#include "presence/paused_exporters.hpp"

#include <cerrno>

#include <nlohmann/json.hpp>
#include <sys/stat.h>

#include "base/replace_file.hpp"
#include "presence/report_file.hpp"

namespace spanring::agent {

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

void PausedExporters::write(const std::string& state_directory) const {
    const nlohmann::json document(names);
    replace_file(state_directory + "/" + kName,
                 document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

}  // namespace spanring::agent
