// SPDX-License-Identifier: Apache-2.0
//
// Which process: the same in its segment, its batches, the ledger and the accounts.
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace spanring::agent {

using InstanceId = std::array<uint8_t, 16>;
using AccountId = std::array<uint8_t, 16>;

struct ProcessIdentity {
    InstanceId instance{};
    uint32_t uid = 0;     // owner of the segment file: identity
    uint64_t device = 0;  // of the segment file, and its inode: a name alone may be copied, by other users too
    uint64_t inode = 0;
    uint32_t pid = 0;  // what the process says: informational
    std::string program;
    std::string service;  // service.name of the resource

    // Of what is derived from it, to be copied as a whole.
    ProcessIdentity& identity() { return *this; }
    const ProcessIdentity& identity() const { return *this; }

    // Under which ledger and spool keep its accounts: of instance, owner and file. Where no file is known it is the
    // instance, as in ledgers and spools of earlier agents.
    AccountId account() const;

    bool operator==(const ProcessIdentity&) const = default;
};

}  // namespace spanring::agent
