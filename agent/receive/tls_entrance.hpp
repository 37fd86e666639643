// SPDX-License-Identifier: Apache-2.0
//
// TLS before a server that knows none: shakes hands on a connection, and gives the server one end of a pair of unix
// sockets, on which it finds what came, decrypted. gRPC's library could do it itself; but then nobody would know what
// it refused, nor why, and its certificate would be read by a thread of its own, by other rules than HTTP's.
//
// The thread that runs the context, but for what says otherwise.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/descriptor.hpp"
#include "receive/refused_connections.hpp"

namespace boost::asio {
class io_context;
}

namespace spanring::agent {

struct ServerTlsOptions;

class TlsEntrance {
public:
    static constexpr std::chrono::seconds kPatience{10};  // for a handshake
    static constexpr std::chrono::seconds kTakes{30};     // for a client to take what it is told, a record at a time

    // Bytes that came on a connection so far, decrypted. Any thread reads it.
    using Came = std::shared_ptr<const std::atomic<uint64_t>>;
    using Take = std::function<void(Descriptor decrypted, Came came)>;

    // `whose` is what its messages begin with: "receivers.otlp.protocols.grpc". `refused` is called for each that comes
    // to nothing. `most`: connections whose hands are not shaken yet; beyond that the oldest one goes. Throws
    // std::runtime_error that names the key and the file.
    TlsEntrance(boost::asio::io_context& context, const ServerTlsOptions& options, const std::string& protocol,
                const std::string& whose, size_t most, std::function<void(ConnectionRefusal)> refused);
    // `takes`: in place of kTakes.
    TlsEntrance(boost::asio::io_context& context, const ServerTlsOptions& options, const std::string& protocol,
                const std::string& whose, size_t most, std::function<void(ConnectionRefusal)> refused,
                std::chrono::milliseconds takes);
    ~TlsEntrance();  // as close()
    TlsEntrance(const TlsEntrance&) = delete;
    TlsEntrance& operator=(const TlsEntrance&) = delete;

    // `take` gets it, once the hands are shaken.
    void admit(Descriptor connection, Take take);
    // Nothing is given any more; connections that were end with their server's ends.
    void close();
    bool shaking() const;  // somebody has come whose server does not know of it yet
    bool flushed() const;  // nothing that a server said is on its way

private:
    class Door;
    const std::shared_ptr<Door> door_;
};

}  // namespace spanring::agent
