// SPDX-License-Identifier: Apache-2.0
#include "presence/reload_report.hpp"

#include <nlohmann/json.hpp>

#include "base/replace_file.hpp"
#include "presence/report_file.hpp"

namespace spanring::agent {
namespace {

std::string file_in(const std::string& state_directory) { return state_directory + "/" + ReloadReport::kName; }

}  // namespace

std::string ReloadReport::text() const {
    nlohmann::ordered_json document;
    document["pid"] = pid;
    document["reloads"] = reloads;
    document["unix_nano"] = unix_nano;
    document["problems"] = problems;
    document["added"] = added;
    document["changed"] = changed;
    document["removed"] = removed;
    document["anew"] = anew;
    return document.dump(4, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

std::optional<ReloadReport> ReloadReport::parse(const std::string& text) {
    ReloadReport report;
    try {
        const auto document = nlohmann::json::parse(text);
        report.pid = document.at("pid").get<pid_t>();
        report.reloads = document.at("reloads").get<uint64_t>();
        report.unix_nano = document.at("unix_nano").get<uint64_t>();
        report.problems = document.at("problems").get<std::vector<std::string>>();
        report.added = document.at("added").get<std::vector<std::string>>();
        report.changed = document.at("changed").get<std::vector<std::string>>();
        report.removed = document.at("removed").get<std::vector<std::string>>();
        report.anew = document.value("anew", report.anew);  // an older agent says nothing of it
    } catch (const nlohmann::json::exception&) {
        return std::nullopt;
    }
    return report;
}

void ReloadReport::write(const std::string& state_directory) const { replace_file(file_in(state_directory), text()); }

std::optional<ReloadReport> ReloadReport::read(const std::string& state_directory, uid_t user) {
    const std::optional<std::string> text = read_report_file(file_in(state_directory), user);
    return text ? parse(*text) : std::nullopt;
}

}  // namespace spanring::agent
