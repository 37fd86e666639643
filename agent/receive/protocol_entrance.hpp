// SPDX-License-Identifier: Apache-2.0
//
// Where one protocol's connections come in: the address, TLS where there is a certificate, and who is let in. The
// thread that runs the context, but for the gate, which is one thread's of the server's choice.
//
// Header bill: the address, TLS, the gate and its thread, which it puts together; the two servers include it.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "auth/gatekeeper.hpp"
#include "receive/acceptor.hpp"
#include "receive/password_thread.hpp"
#include "receive/peer_of.hpp"
#include "receive/receiver_options.hpp"
#include "receive/tls_entrance.hpp"

namespace spanring::agent {

class ProtocolEntrance {
public:
    // Where there is no TLS, what came is not counted: null. `peer`: as peer_of() names who has connected.
    using Take = std::function<void(Descriptor connection, TlsEntrance::Came came, const std::string& peer)>;

    // Listens at once, as an Acceptor does. `name` is the protocol's in the configuration, `protocol` ALPN's name of
    // it. Throws std::runtime_error that names what is wrong.
    ProtocolEntrance(boost::asio::io_context& context, const ListenAddress& address, const EntranceOptions& options,
                     const std::string& name, const std::string& protocol, ListeningSockets* sockets,
                     std::function<void(ConnectionRefusal)> refused)
        : acceptor_(context, address, kReceiver, sockets), passwords_(context) {
        const std::string whose = std::string(kReceiver) + ".protocols." + name;
        if (options.auth) gate_.emplace(*options.auth, whose + ".auth");
        if (options.tls.enabled())
            tls_.emplace(context, options.tls, protocol, whose, options.max_connections, std::move(refused));
    }

    void accept(const Take& take) {
        acceptor_.accept([this, take](Descriptor connection) {
            std::string peer = gate_ ? peer_of(connection.get()) : std::string();
            if (!tls_) return take(std::move(connection), nullptr, peer);
            tls_->admit(std::move(connection),
                        [take, peer = std::move(peer)](Descriptor decrypted, TlsEntrance::Came came) {
                            take(std::move(decrypted), std::move(came), peer);
                        });
        });
    }
    void accept_no_more() { acceptor_.accept_no_more(); }
    void close() {
        acceptor_.close();
        if (tls_) tls_->close();
        passwords_.stop();
    }
    bool shaking() const { return tls_ && tls_->shaking(); }
    bool flushed() const { return !tls_ || tls_->flushed(); }
    bool has_tls() const { return tls_.has_value(); }
    ListenAddress address() const { return acceptor_.address(); }

    // Null: whoever reaches the address.
    Gatekeeper* gate() { return gate_ ? &*gate_ : nullptr; }
    // Where that one is asked on the thread that runs the context, which has others to answer.
    PasswordThread& passwords() { return passwords_; }

private:
    Acceptor acceptor_;
    std::optional<TlsEntrance> tls_;
    std::optional<Gatekeeper> gate_;
    PasswordThread passwords_;
};

}  // namespace spanring::agent
