// SPDX-License-Identifier: Apache-2.0
#include "presence/notice.hpp"

#include <nlohmann/json.hpp>

namespace spanring::agent {
namespace {

bool is_path(const std::string& text) { return text.starts_with('/') && text.find('\0') == std::string::npos; }

}  // namespace

std::string Notice::text() const {
    nlohmann::ordered_json document;
    document["pid"] = pid;
    document["version"] = version;
    document["state_directory"] = state_directory;
    document["directories"] = directories;
    document["all_users"] = all_users;
    document["exporters"] = exporters;
    document["stores"] = stores;
    return document.dump(4, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

std::optional<Notice> Notice::parse(std::string_view text) {
    if (text.size() > kMostBytes) return std::nullopt;
    Notice notice;
    try {
        const auto document = nlohmann::json::parse(text);
        notice.pid = document.at("pid").get<pid_t>();
        notice.version = document.at("version").get<std::string>();
        notice.state_directory = document.at("state_directory").get<std::string>();
        notice.directories = document.at("directories").get<std::vector<std::string>>();
        notice.all_users = document.at("all_users").get<bool>();
        notice.exporters = document.at("exporters").get<std::vector<std::string>>();
        notice.stores = document.at("stores").get<std::vector<std::string>>();
    } catch (const nlohmann::json::exception&) {
        return std::nullopt;
    }
    if (!is_path(notice.state_directory)) return std::nullopt;
    for (auto* const paths : {&notice.directories, &notice.stores})
        std::erase_if(*paths, [](const std::string& path) { return !is_path(path); });
    return notice;
}

}  // namespace spanring::agent
