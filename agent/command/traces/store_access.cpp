// SPDX-License-Identifier: Apache-2.0
#include "command/traces/store_access.hpp"

#include <unistd.h>

#include <iostream>

#include "command/commands.hpp"

namespace spanring::agent {

StoreAccess::StoreAccess(const std::string& file) : file_(file) {
    try {
        reader_.emplace(file);
    } catch (const DatabaseError& error) {
        problem_ = error.what();
        missing_ = ::access(file.c_str(), F_OK) != 0;
    }
}

int StoreAccess::explain() const {
    if (!missing_) {
        std::cerr << "spanring: " << problem_ << "\n";
        return kExitBroken;
    }
    std::cerr << "spanring: there is no span store at " << file_ << ".\n"
              << "spanring-agent keeps one where no endpoint is configured, or with --exporter store.\n"
              << "If it runs with another --state-dir, give the same one here; --store FILE names the file itself.\n";
    return kExitUsage;
}

}  // namespace spanring::agent
