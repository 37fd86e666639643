// SPDX-License-Identifier: Apache-2.0
//
// What a running agent says of itself, in a file beside its agent.lock: so that the command finds it, whatever flags it
// was started with. Secrets and addresses are not among it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace spanring::agent {

struct Notice {
    static constexpr char kName[] = "agent.json";
    static constexpr size_t kMostBytes = 64 << 10;

    pid_t pid = 0;
    std::string version;
    std::string state_directory;
    std::vector<std::string> directories;  // where it looks for segments; of all users: the parent of theirs
    bool all_users = false;
    std::vector<std::string> exporters;
    std::vector<std::string> stores;  // files of those among them that are stores

    std::string text() const;  // JSON, at most kMostBytes for what an agent can have
    // Nothing where it is not whole, or names no absolute state directory: somebody else may have written it.
    static std::optional<Notice> parse(std::string_view text);

    bool operator==(const Notice&) const = default;
};

}  // namespace spanring::agent
