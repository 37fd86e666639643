// SPDX-License-Identifier: Apache-2.0
//
// The address of a unix socket: a path, or an abstract name, which begins with a zero byte and exists without a file.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <string>

namespace spanring::agent {

inline constexpr size_t kLongestUnixPath = sizeof(sockaddr_un::sun_path) - 1;

class UnixAddress {
public:
    // What is longer than kLongestUnixPath is cut: whoever read it refused it.
    explicit UnixAddress(const std::string& path) {
        const size_t length = std::min(path.size(), kLongestUnixPath);
        address_.sun_family = AF_UNIX;
        std::memcpy(address_.sun_path, path.data(), length);
        const bool abstract = path.starts_with('\0');  // its length is part of the name
        size_ = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length + (abstract ? 0 : 1));
    }

    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&address_); }
    socklen_t size() const { return size_; }

private:
    sockaddr_un address_{};
    socklen_t size_ = 0;
};

// As it is written in an endpoint.
inline std::string shown_unix_path(const std::string& path) {
    return path.starts_with('\0') ? "unix-abstract:" + path.substr(1) : path;
}

}  // namespace spanring::agent
