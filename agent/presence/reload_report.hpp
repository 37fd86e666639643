// SPDX-License-Identifier: Apache-2.0
//
// What became of an agent's reloads, in a file of its state directory: for who asked for one, and cannot read the log.
// It may quote the configuration, so it is for the agent's user alone.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace spanring::agent {

struct ReloadReport {
    static constexpr char kName[] = "reload.json";

    pid_t pid = 0;                                     // as the agent sees itself
    uint64_t reloads = 0;                              // since its start, those included that changed nothing
    uint64_t unix_nano = 0;                            // of the last one, or of the start
    std::vector<std::string> problems;                 // of the last one; any: it changed nothing
    std::vector<std::string> added, changed, removed;  // exporters, by the last one
    std::vector<std::string> anew;                     // keys for which it began anew

    std::string text() const;  // JSON
    static std::optional<ReloadReport> parse(const std::string& text);

    // Throws std::runtime_error with the file's name.
    void write(const std::string& state_directory) const;
    // Nothing: there is none that can be read, or it is not `user`'s.
    static std::optional<ReloadReport> read(const std::string& state_directory, uid_t user);

    bool operator==(const ReloadReport&) const = default;
};

}  // namespace spanring::agent
