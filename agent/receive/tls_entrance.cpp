// SPDX-License-Identifier: Apache-2.0
#include "receive/tls_entrance.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <list>
#include <optional>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/error_text.hpp"
#include "base/log_pace.hpp"
#include "receive/acceptor.hpp"
#include "receive/tls_keeper.hpp"

namespace spanring::agent {
namespace {

namespace asio = boost::asio;
namespace ssl = boost::asio::ssl;
using asio::generic::stream_protocol;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;

constexpr size_t kRecord = 16 << 10;           // bytes of TLS at a time
constexpr std::chrono::seconds kLastWords{3};  // for what still comes when the server has said all
constexpr std::chrono::seconds kGoodBye{1};    // for the other's end of TLS

ConnectionRefusal refusal_of(const error_code& error) {
    if (error.category() != asio::error::get_ssl_category()) return ConnectionRefusal::kOther;
    switch (ERR_GET_REASON(static_cast<unsigned long>(error.value()))) {
        case SSL_R_HTTP_REQUEST:
        case SSL_R_HTTPS_PROXY_REQUEST:
        case SSL_R_WRONG_VERSION_NUMBER:
        case SSL_R_PACKET_LENGTH_TOO_LONG: return ConnectionRefusal::kPlaintext;
        case SSL_R_UNSUPPORTED_PROTOCOL:
        case SSL_R_VERSION_TOO_LOW:
        case SSL_R_NO_SHARED_CIPHER:
        case SSL_R_NO_SUITABLE_KEY_SHARE:
        case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION: return ConnectionRefusal::kVersion;
        case SSL_R_NO_APPLICATION_PROTOCOL: return ConnectionRefusal::kProtocol;
        case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
        case SSL_R_CERTIFICATE_VERIFY_FAILED: return ConnectionRefusal::kClientCertificate;
        case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
        case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
        case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
        case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
        case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
        case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE: return ConnectionRefusal::kServerCertificate;
        default: return ConnectionRefusal::kOther;
    }
}

// Who refused a certificate, and why, says more than that it was refused.
std::string reason_of(const error_code& error, SSL* connection) {
    const long verified = ::SSL_get_verify_result(connection);
    if (refusal_of(error) == ConnectionRefusal::kClientCertificate && verified != X509_V_OK)
        return std::string("its certificate: ") + ::X509_verify_cert_error_string(verified);
    return error.message();
}

}  // namespace

class TlsEntrance::Door : public std::enable_shared_from_this<Door> {
public:
    Door(asio::io_context& context, const ServerTlsOptions& options, const std::string& protocol,
         const std::string& whose, size_t most, std::function<void(ConnectionRefusal)> refused,
         std::chrono::milliseconds takes)
        : context_(context),
          keeper_(options, protocol, whose),
          whose_(whose),
          most_(most),
          refused_(std::move(refused)),
          takes_(takes) {}

    void admit(Descriptor connection, Take take);
    void close();
    bool shaking() const { return !shaking_.empty(); }
    bool flushed() const;

private:
    class Passage;
    using Passages = std::list<Passage*>;

    void tell(ConnectionRefusal refusal, const std::string& why);

    asio::io_context& context_;
    TlsKeeper keeper_;
    const std::string whose_;
    const size_t most_;
    const std::function<void(ConnectionRefusal)> refused_;
    const std::chrono::milliseconds takes_;
    Passages shaking_, open_;  // the oldest first
    LogPace log_;
    bool closed_ = false;
};

// One connection. Lives as long as an operation on it is under way.
class TlsEntrance::Door::Passage : public std::enable_shared_from_this<Passage> {
public:
    Passage(std::shared_ptr<Door> door, stream_protocol::socket socket, TlsContext context, Take take)
        : door_(std::move(door)),
          place_(door_->shaking_.insert(door_->shaking_.end(), this)),
          context_(std::move(context)),
          outside_(std::move(socket), *context_),
          inside_(door_->context_),
          timer_(door_->context_),
          take_(std::move(take)) {}
    ~Passage() { (take_ != nullptr ? door_->shaking_ : door_->open_).erase(place_); }
    Passage(const Passage&) = delete;
    Passage& operator=(const Passage&) = delete;

    void shake_hands() {
        end_after(kPatience, ConnectionRefusal::kTimeout);
        outside_.async_handshake(ssl::stream_base::server,
                                 [self = shared_from_this()](const error_code& error) { self->shaken(error); });
    }

    void refuse(ConnectionRefusal refusal) {
        if (!refused_) refused_ = refusal;
        cut();
    }

    bool refused() const { return refused_.has_value(); }

    // All of what the server said is with the kernel.
    bool flushed() const {
        int waits = 0;
        return cut_ || !(speaking_ || (::ioctl(native(inside_), FIONREAD, &waits) == 0 && waits != 0));
    }

private:
    using Socket = stream_protocol::socket;

    static int native(const Socket& socket) { return const_cast<Socket&>(socket).native_handle(); }

    void end_after(std::chrono::milliseconds patience, std::optional<ConnectionRefusal> refusal = std::nullopt) {
        timer_.expires_after(patience);
        timer_.async_wait([weak = weak_from_this(), refusal](const error_code& error) {
            const std::shared_ptr<Passage> self = weak.lock();
            if (error || self == nullptr) return;
            refusal ? self->refuse(*refusal) : self->cut();
        });
    }

    // What is under way fails, and it goes by that.
    void cut() {
        cut_ = true;
        error_code ignored;
        outside_.lowest_layer().close(ignored);
        inside_.close(ignored);
        timer_.cancel();
    }

    void shaken(const error_code& error) {
        timer_.cancel();
        if (error || refused_) {
            const ConnectionRefusal refusal = refused_.value_or(refusal_of(error));
            if (!door_->closed_)
                door_->tell(refusal, refused_ ? kRefusalNames[static_cast<size_t>(refusal)]
                                              : reason_of(error, outside_.native_handle()));
            return cut();
        }
        if (door_->closed_) return cut();
        int pair[2];
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) {
            door_->tell(ConnectionRefusal::kOther, error_text(errno));
            return cut();
        }
        Descriptor own(pair[0]), other(pair[1]);
        std::optional<Socket> inside = agent::connected(door_->context_, std::move(own));
        if (!inside) {
            door_->tell(ConnectionRefusal::kOther, "it cannot be handed on");
            return cut();
        }
        inside_ = *std::move(inside);
        Passages& open = door_->open_;
        open.splice(open.end(), door_->shaking_, place_);
        const Take take = std::exchange(take_, nullptr);
        listen();
        speak();
        take(std::move(other), came_);
    }

    // ---- In: what the client says

    void listen() {
        outside_.async_read_some(asio::buffer(in_), [self = shared_from_this()](const error_code& error, size_t bytes) {
            // Without TLS's own end it is broken off; and then nobody is there for what the server would say.
            if (error == asio::error::eof) return self->heard_all();
            if (error) return self->cut();
            self->pass(bytes);
        });
    }
    void pass(size_t bytes) {
        // Relaxed: a figure, nothing is read by it.
        came_->fetch_add(bytes, std::memory_order_relaxed);
        asio::async_write(inside_, asio::buffer(in_, bytes),
                          [self = shared_from_this()](const error_code& error, size_t) {
                              if (error) return self->part();
                              self->listen();
                          });
    }
    void heard_all() {
        error_code ignored;
        inside_.shutdown(Socket::shutdown_send, ignored);
        if (said_all_) part();
    }

    // ---- Out: what the server says

    void speak() {
        inside_.async_read_some(asio::buffer(out_), [self = shared_from_this()](const error_code& error, size_t bytes) {
            if (error == asio::error::eof) return self->said_all();
            if (error) return self->part();
            self->say(bytes);
        });
    }
    void say(size_t bytes) {
        speaking_ = true;
        // The server's own patience ends its side alone, which nobody would notice here.
        if (!parting_) end_after(door_->takes_);
        asio::async_write(outside_, asio::buffer(out_, bytes),
                          [self = shared_from_this()](const error_code& error, size_t) {
                              self->speaking_ = false;
                              if (!self->parting_) self->timer_.cancel();
                              if (error) return self->cut();
                              self->speak();
                          });
    }
    // It may still read what comes: a client that is in the middle of a body would otherwise lose the answer.
    void said_all() {
        said_all_ = true;
        pollfd end{native(inside_), 0, 0};
        if (::poll(&end, 1, 0) > 0 && (end.revents & (POLLHUP | POLLERR)) != 0) return part();
        end_after(kLastWords);
    }

    // The server has ended: so does TLS, in its own way.
    void part() {
        if (std::exchange(parting_, true) || cut_) return;
        error_code ignored;
        inside_.close(ignored);
        end_after(kGoodBye);
        outside_.async_shutdown([self = shared_from_this()](const error_code&) { self->cut(); });
    }

    const std::shared_ptr<Door> door_;
    const Passages::iterator place_;
    const TlsContext context_;  // before what is made of it
    ssl::stream<Socket> outside_;
    Socket inside_;
    asio::steady_timer timer_;
    Take take_;  // null: it was called
    std::optional<ConnectionRefusal> refused_;
    const std::shared_ptr<std::atomic<uint64_t>> came_ = std::make_shared<std::atomic<uint64_t>>(0);
    std::array<uint8_t, kRecord> in_, out_;
    bool speaking_ = false, said_all_ = false, parting_ = false, cut_ = false;
};

void TlsEntrance::Door::admit(Descriptor connection, Take take) {
    if (closed_) return;
    if (open_.size() >= 2 * most_) return tell(ConnectionRefusal::kLimit, "too many are about to end");
    const int on = 1;
    ::setsockopt(connection.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    auto socket = connected(context_, std::move(connection));
    if (!socket) return;
    if (shaking_.size() >= most_) {
        const auto oldest =
            std::find_if(shaking_.begin(), shaking_.end(), [](const Passage* each) { return !each->refused(); });
        if (oldest != shaking_.end()) (*oldest)->refuse(ConnectionRefusal::kLimit);
    }
    std::make_shared<Passage>(shared_from_this(), *std::move(socket), keeper_.get(Clock::now()), std::move(take))
        ->shake_hands();
}

void TlsEntrance::Door::close() {
    closed_ = true;
    for (Passage* passage : shaking_) passage->refuse(ConnectionRefusal::kOther);
}

bool TlsEntrance::Door::flushed() const {
    return std::all_of(open_.begin(), open_.end(), [](const Passage* passage) { return passage->flushed(); });
}

void TlsEntrance::Door::tell(ConnectionRefusal refusal, const std::string& why) {
    refused_(refusal);
    if (const auto more = log_.due()) spdlog::warn("{}: a connection came to nothing: {}{}", whose_, why, *more);
}

TlsEntrance::TlsEntrance(asio::io_context& context, const ServerTlsOptions& options, const std::string& protocol,
                         const std::string& whose, size_t most, std::function<void(ConnectionRefusal)> refused)
    : TlsEntrance(context, options, protocol, whose, most, std::move(refused), kTakes) {}
TlsEntrance::TlsEntrance(asio::io_context& context, const ServerTlsOptions& options, const std::string& protocol,
                         const std::string& whose, size_t most, std::function<void(ConnectionRefusal)> refused,
                         std::chrono::milliseconds takes)
    : door_(std::make_shared<Door>(context, options, protocol, whose, most, std::move(refused), takes)) {}
TlsEntrance::~TlsEntrance() { door_->close(); }
void TlsEntrance::admit(Descriptor connection, Take take) { door_->admit(std::move(connection), std::move(take)); }
void TlsEntrance::close() { door_->close(); }
bool TlsEntrance::shaking() const { return door_->shaking(); }
bool TlsEntrance::flushed() const { return door_->flushed(); }

}  // namespace spanring::agent
