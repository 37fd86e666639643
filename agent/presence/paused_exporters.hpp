// SPDX-License-Identifier: Apache-2.0
//
// Which exporters are paused, in a file of the agent's state directory, so that it outlasts the agent: `spanring
// exporter` writes it, the agent follows it. Replaced as a whole, never changed.
#pragma once

#include <optional>
#include <set>
#include <string>

#include <sys/types.h>

namespace spanring::agent {

struct PausedExporters {
    static constexpr char kName[] = "paused.json";

    std::set<std::string> names;

    // None where there is no such file. Nothing, where nobody knows: it cannot be read, is not `user`'s, or something
    // else.
    static std::optional<PausedExporters> read(const std::string& state_directory, uid_t user);
    // Adds the name, or takes it away, whoever does so at the same time. Throws std::runtime_error with the file's
    // name.
    static void change(const std::string& state_directory, uid_t user, const std::string& name, bool paused);
    // Throws std::runtime_error with the file's name.
    void write(const std::string& state_directory) const;

    bool operator==(const PausedExporters&) const = default;
};

}  // namespace spanring::agent
