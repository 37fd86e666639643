// SPDX-License-Identifier: Apache-2.0
#include "command/page/connections.hpp"

#include <chrono>
#include <cstdint>
#include <list>
#include <optional>
#include <stdexcept>
#include <utility>

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <sys/socket.h>

#include "base/descriptor.hpp"
#include "receive/acceptor.hpp"

namespace spanring::agent {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::generic::stream_protocol;
using boost::system::error_code;

constexpr uint32_t kMostHead = 16 << 10;       // bytes
constexpr std::chrono::seconds kPatience{30};  // for a whole head, and for somebody to take an answer
constexpr std::chrono::seconds kFarewell{2};   // until the other side has closed, too
constexpr size_t kMostDiscarded = 1 << 20;

using Plain = beast::basic_stream<stream_protocol>;
using Tls = asio::ssl::stream<Plain>;

std::unique_ptr<asio::ssl::context> tls_of(const PageTls& files) {
    if (files.certificate.empty()) return nullptr;
    auto tls = std::make_unique<asio::ssl::context>(asio::ssl::context::tls_server);
    tls->set_options(asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1);
    error_code error;
    tls->use_certificate_chain_file(files.certificate, error);
    if (error) throw std::runtime_error("page: " + files.certificate + ": " + error.message());
    tls->use_private_key_file(files.key, asio::ssl::context::pem, error);
    if (error) throw std::runtime_error("page: " + files.key + ": " + error.message());
    return tls;
}

PageResponse spoken_badly(const error_code& error) {
    const bool long_head = error == http::error::header_limit || error == http::error::buffer_overflow;
    PageResponse response(long_head ? http::status::request_header_fields_too_large : http::status::bad_request, 11);
    response.set(http::field::content_type, "text/plain; charset=utf-8");
    response.body() = long_head ? "its head is too long\n" : "it is not a request without a body\n";
    return response;
}

}  // namespace

class PageConnections::Listener : public std::enable_shared_from_this<Listener> {
public:
    Listener(asio::io_context& context, const ListenAddress& address, const PageTls& tls)
        : context_(context), tls_(tls_of(tls)), acceptor_(context, address, "page") {}

    void serve(Handler handler) {
        handler_ = std::move(handler);
        acceptor_.accept([self = shared_from_this()](Descriptor connection) { self->accepted(std::move(connection)); });
    }
    void close();
    ListenAddress address() const { return acceptor_.address(); }

private:
    class Any;
    template <class Stream>
    class Connection;

    void accepted(Descriptor connection);
    bool make_room();

    asio::io_context& context_;
    const std::unique_ptr<asio::ssl::context> tls_;
    Acceptor acceptor_;
    Handler handler_;
    std::list<Any*> connections_;  // the one that has been silent for longest first
    bool closed_ = false;
};

class PageConnections::Listener::Any : public PageExchange {
public:
    explicit Any(std::shared_ptr<Listener> listener)
        : listener_(std::move(listener)), place_(listener_->connections_.insert(listener_->connections_.end(), this)) {}
    ~Any() override { listener_->connections_.erase(place_); }
    Any(const Any&) = delete;
    Any& operator=(const Any&) = delete;

    virtual void close() = 0;  // what is under way fails, and it goes by that
    bool resting() const { return resting_; }
    bool trusted() const { return trusted_; }

protected:
    void move_to_end() {
        listener_->connections_.splice(listener_->connections_.end(), listener_->connections_, place_);
    }

    const std::shared_ptr<Listener> listener_;
    bool resting_ = true;  // no whole head is there, or none of somebody who is known

private:
    const std::list<Any*>::iterator place_;
};

// Lives as long as an operation on it is under way, or its answer is awaited.
template <class Stream>
class PageConnections::Listener::Connection final : public Any,
                                                    public std::enable_shared_from_this<Connection<Stream>> {
public:
    template <class... More>
    Connection(std::shared_ptr<Listener> listener, stream_protocol::socket socket, More&... more)
        : Any(std::move(listener)), stream_(std::move(socket), more...) {}

    void begin() {
        if constexpr (std::is_same_v<Stream, Tls>) {
            lowest().expires_after(kPatience);
            stream_.async_handshake(asio::ssl::stream_base::server,
                                    [self = this->shared_from_this()](error_code error) {
                                        if (!error) self->read();
                                    });
        } else {
            read();
        }
    }

    void close() override { lowest().close(); }

    void answer(PageResponse response) override {
        error_code ignored;
        waited_for_ = false;
        gone_ = nullptr;
        resting_ = !this->trusted();        // who is unknown and takes no answers keeps nobody out
        lowest().socket().cancel(ignored);  // the watch for its end
        response_ = std::move(response);
        response_.version(11);
        response_.keep_alive(keep_);
        response_.prepare_payload();
        serializer_.emplace(response_);
        lowest().expires_after(kPatience);
        const auto then = [self = this->shared_from_this()](error_code error, size_t) {
            if (error) return;
            if (self->keep_) return self->read();
            self->end();
        };
        if (head_only_) return http::async_write_header(stream_, *serializer_, then);
        http::async_write(stream_, *serializer_, then);
    }

    void when_gone(std::function<void()> then) override {
        gone_ = std::move(then);
        watch();
    }

private:
    Plain& lowest() { return beast::get_lowest_layer(stream_); }

    void read() {
        if (listener_->closed_) return close();
        if (std::exchange(ahead_, false)) return;  // came_ahead() goes on from here
        resting_ = true;
        parser_.emplace();
        parser_->header_limit(kMostHead);
        lowest().expires_after(kPatience);
        http::async_read(stream_, buffer_, *parser_,
                         [self = this->shared_from_this()](error_code error, size_t) { self->was_read(error); });
    }

    void was_read(const error_code& error) {
        if (listener_->closed_) return;
        this->move_to_end();
        resting_ = false;
        waited_for_ = true;
        if (!error) {
            lowest().expires_never();
            keep_ = parser_->keep_alive();
            head_only_ = parser_->get().method() == http::verb::head;
            return listener_->handler_(parser_->get(), this->shared_from_this());
        }
        const bool spoke = error.category() == make_error_code(http::error::bad_method).category() &&
                           error != http::error::end_of_stream && error != http::error::partial_message;
        if (!spoke) return;
        keep_ = head_only_ = false;
        answer(spoken_badly(error));
    }

    // Until it is answered: whether the other side closes.
    void watch() {
        if constexpr (std::is_same_v<Stream, Tls>) return look_ahead();
        lowest().socket().async_wait(stream_protocol::socket::wait_read,
                                     [self = this->shared_from_this()](error_code error) {
                                         if (!error && self->waited_for_) self->look();
                                     });
    }
    void look() {
        char byte = 0;
        const ssize_t found = ::recv(lowest().socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
        if (found > 0) return;  // the next request, already
        if (found < 0 && (errno == EAGAIN || errno == EINTR)) return watch();
        keep_ = false;
        if (gone_) std::exchange(gone_, nullptr)();
    }

    // Within TLS a farewell is a record, which only TLS can tell from the next request.
    void look_ahead() {
        ahead_ = true;
        stream_.async_read_some(buffer_.prepare(kMostHead),
                                [self = this->shared_from_this()](error_code error, size_t bytes) {
                                    self->buffer_.commit(bytes);
                                    self->came_ahead(error);
                                });
    }
    void came_ahead(const error_code& error) {
        if (!std::exchange(ahead_, false)) return read();  // it was answered, and read() waits for this
        if (!error || !waited_for_) return;                // the next request, already; or it is being answered
        keep_ = false;
        if (gone_) std::exchange(gone_, nullptr)();
    }

    // A close with bytes that were not read would reset the connection, and take the answer back with it.
    void end() {
        resting_ = true;
        lowest().expires_after(kFarewell);
        if constexpr (std::is_same_v<Stream, Tls>) {
            stream_.async_shutdown([self = this->shared_from_this()](error_code) { self->close(); });
        } else {
            error_code ignored;
            lowest().socket().shutdown(stream_protocol::socket::shutdown_send, ignored);
            discard();
        }
    }
    void discard() {
        buffer_.clear();
        lowest().async_read_some(buffer_.prepare(kMostHead),
                                 [self = this->shared_from_this()](error_code error, size_t bytes) {
                                     self->discarded_ += bytes;
                                     if (!error && self->discarded_ <= kMostDiscarded) self->discard();
                                 });
    }

    Stream stream_;
    beast::flat_buffer buffer_{2 * kMostHead};
    std::optional<http::request_parser<http::empty_body>> parser_;
    PageResponse response_;
    std::optional<http::response_serializer<http::string_body>> serializer_;
    std::function<void()> gone_;
    bool keep_ = false, head_only_ = false, waited_for_ = false;
    bool ahead_ = false;  // something is read before it is time
    size_t discarded_ = 0;
};

void PageConnections::Listener::accepted(Descriptor connection) {
    if (!make_room()) return;
    auto socket = connected(context_, std::move(connection));
    if (!socket) return;
    if (tls_ != nullptr)
        std::make_shared<Connection<Tls>>(shared_from_this(), *std::move(socket), *tls_)->begin();
    else
        std::make_shared<Connection<Plain>>(shared_from_this(), *std::move(socket))->begin();
}

// For one more connection: of those that ask nothing, one goes of whom it is not known who they are, else any. What is
// asked is answered; a socket that finds no room is closed.
bool PageConnections::Listener::make_room() {
    if (connections_.size() < kMost) return true;
    for (const bool trusted : {false, true}) {
        for (Any* connection : connections_) {
            if (!connection->resting() || connection->trusted() != trusted) continue;
            connection->close();
            return true;
        }
    }
    return false;
}

void PageConnections::Listener::close() {
    closed_ = true;
    acceptor_.close();
    handler_ = nullptr;
    for (Any* connection : connections_) connection->close();
}

PageConnections::PageConnections(asio::io_context& context, const ListenAddress& address, const PageTls& tls)
    : listener_(std::make_shared<Listener>(context, address, tls)) {}
PageConnections::~PageConnections() { listener_->close(); }
void PageConnections::serve(Handler handler) { listener_->serve(std::move(handler)); }
ListenAddress PageConnections::address() const { return listener_->address(); }

}  // namespace spanring::agent
