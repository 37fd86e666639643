// SPDX-License-Identifier: Apache-2.0
//
// The address of a unix socket in a directory whose path may be longer than such an address: by way of /proc. For as
// long as this is there.
#pragma once

#include <string>

#include <fcntl.h>

#include "base/descriptor.hpp"
#include "base/unix_address.hpp"

namespace spanring::agent {

class ControlAddress {
public:
    ControlAddress(const std::string& directory, const char* name)
        : directory_(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)),
          address_(path_of(directory_.get(), name)) {}

    explicit operator bool() const { return static_cast<bool>(directory_); }
    const sockaddr* get() const { return address_.get(); }
    socklen_t size() const { return address_.size(); }

private:
    static std::string path_of(int directory, const char* name) {
        std::string path = "/proc/self/fd/";
        path += std::to_string(directory);
        path += '/';
        return path += name;
    }

    Descriptor directory_;
    UnixAddress address_;
};

}  // namespace spanring::agent
