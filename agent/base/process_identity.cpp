// SPDX-License-Identifier: Apache-2.0
#include "base/process_identity.hpp"

#include <cstring>

namespace spanring::agent {
namespace {

// As in MurmurHash3's finalizer. Not against somebody who computes collisions: that needs the name, device and inode of
// another user's segment, in a directory that only that user can list.
uint64_t mix(uint64_t hash, uint64_t word) {
    hash = (hash ^ word) * 0xff51afd7ed558ccd;
    hash = (hash ^ hash >> 33) * 0xc4ceb9fe1a85ec53;
    return hash ^ hash >> 33;
}

}  // namespace

AccountId ProcessIdentity::account() const {
    if (device == 0 && inode == 0) return instance;
    uint64_t name[2];
    std::memcpy(name, instance.data(), sizeof name);
    uint64_t hash[2] = {0x9e3779b97f4a7c15, 0xbf58476d1ce4e5b9};
    for (const uint64_t word : {name[0], name[1], uint64_t{uid}, device, inode}) {
        hash[0] = mix(hash[0], word);
        hash[1] = mix(hash[1] + hash[0], word);
    }
    AccountId account;
    std::memcpy(account.data(), hash, sizeof hash);
    return account;
}

}  // namespace spanring::agent
