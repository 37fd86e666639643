// SPDX-License-Identifier: Apache-2.0
//
// Which process: the same in its segment, its batches, the ledger and the accounts.
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace spanring::agent {

using InstanceId = std::array<uint8_t, 16>;

struct ProcessIdentity {
    InstanceId instance{};
    uint32_t uid = 0;  // owner of the segment file: identity
    uint32_t pid = 0;  // what the process says: informational
    std::string program;
    std::string service;  // service.name of the resource

    // Of what is derived from it, to be copied as a whole.
    ProcessIdentity& identity() { return *this; }
    const ProcessIdentity& identity() const { return *this; }

    bool operator==(const ProcessIdentity&) const = default;
};

}  // namespace spanring::agent
