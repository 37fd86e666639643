// SPDX-License-Identifier: Apache-2.0
//
// A program that listens at a unix stream socket.
#pragma once

#include <optional>
#include <string>

#include <sys/types.h>

#include "base/descriptor.hpp"
#include "export/stream/peer.hpp"

namespace spanring::agent {

class SocketPeer final : public StreamPeer {
public:
    // `uid`: who must have opened it; nothing: anybody.
    SocketPeer(std::string path, std::optional<uid_t> uid);

    const std::string& name() const override { return name_; }
    std::string open() override;
    int requests() const override { return socket_.get(); }
    int answers() const override { return socket_.get(); }
    void close() override { socket_.reset(); }

private:
    const std::string path_, name_;
    const std::optional<uid_t> uid_;
    Descriptor socket_;
};

}  // namespace spanring::agent
