// SPDX-License-Identifier: Apache-2.0
//
// What a spool's file is called: "0000000000000001.spool", by its number, where it holds what the agent's own user
// wrote; "0000000000000001-1000.spool" of another user's, whom the agent of all users serves. Of what comes first it
// says so: "0000000000000001-first.spool", "0000000000000001-1000-first.spool".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <sys/types.h>
#include <unistd.h>

#include "batch/priority.hpp"

namespace spanring::agent::spool {

struct FileName {
    uint64_t number = 0;
    uid_t owner = ::geteuid();
    Priority priority = Priority::kRest;

    std::string text() const;
    static std::optional<FileName> parse(std::string_view text);  // nothing: no spool's file is called so
};

}  // namespace spanring::agent::spool
