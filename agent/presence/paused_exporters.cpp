// SPDX-License-Identifier: Apache-2.0
#include "presence/paused_exporters.hpp"

#include <nlohmann/json.hpp>

#include "base/replace_file.hpp"
#include "presence/report_file.hpp"

namespace spanring::agent {

std::optional<PausedExporters> PausedExporters::read(const std::string& state_directory, uid_t user) {
    const std::optional<std::string> text = read_report_file(state_directory + "/" + kName, user);
    PausedExporters paused;
    if (!text) return paused;
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
