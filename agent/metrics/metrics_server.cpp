// SPDX-License-Identifier: Apache-2.0
#include "metrics/metrics_server.hpp"
#include "base/event_loop_progress.hpp"
#include "base/named_thread.hpp"

#include <chrono>
#include <cstddef>
#include <exception>
#include <future>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <thread>
#include <utility>

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include "auth/gatekeeper.hpp"
#include "base/descriptor.hpp"
#include "base/listening_sockets.hpp"
#include "base/token_bucket.hpp"
#include "receive/acceptor.hpp"
#include "receive/peer_of.hpp"
#include "receive/receiver_options.hpp"
#include "receive/tls_entrance.hpp"

namespace spanring::agent {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::generic::stream_protocol;
using asio::ip::tcp;
using boost::system::error_code;

// One more, and the one that has been silent for longest has to go: whoever asks is answered at once.
constexpr size_t kMostConnections = 64;
// Anybody on this host may ask, and a page takes milliseconds where there are many processes. Beyond that the last one
// is told again.
constexpr double kPagesAtOnce = 20;
constexpr double kPagesASecond = 10;
constexpr uint32_t kMostHeader = 8192;               // bytes
constexpr std::chrono::seconds kPatience{30};        // for a whole request, or for somebody to take the answer
constexpr std::chrono::seconds kAcceptPause{1};      // when there is no descriptor for one more
constexpr std::chrono::milliseconds kFlushPause{5};  // for what is said to go out over TLS, at the end

using Request = http::request<http::empty_body>;
using Response = http::response<http::string_body>;

Response plain(http::status status, std::string text) {
    Response response(status, 11);
    response.set(http::field::content_type, "text/plain; charset=utf-8");
    response.body() = std::move(text);
    return response;
}

// For people where nothing else is asked for.
bool asks_for_json(const Request& request) {
    const auto target = request.target();
    const size_t query = target.find('?');
    if (query != target.npos && target.substr(query + 1) == "format=json") return true;
    const auto accept = request[http::field::accept];
    return std::string_view(accept.data(), accept.size()).find("application/json") != std::string_view::npos;
}

Response report(const HealthReport& health, bool json) {
    Response response = plain(health.good() ? http::status::ok : http::status::service_unavailable,
                              json ? health.json() : health.text());
    if (json) response.set(http::field::content_type, "application/json");
    return response;
}

Response answer(const Request& request, const MetricsServer::Pages& pages) {
    if (request.method() != http::verb::get && request.method() != http::verb::head) {
        Response response = plain(http::status::method_not_allowed, "only GET and HEAD\n");
        response.set(http::field::allow, "GET, HEAD");
        return response;
    }
    const auto path = request.target().substr(0, request.target().find('?'));
    try {
        if (path == "/healthz" || (!pages.path.empty() && path == pages.path))
            return report(pages.alive(), asks_for_json(request));
        if (path == "/readyz") return report(pages.ready(), asks_for_json(request));
        if (path != "/metrics" || !pages.metrics) {
            return plain(http::status::not_found, pages.metrics ? "there are /metrics, /healthz and /readyz\n"
                                                                : "there are /healthz and /readyz\n");
        }
        const auto accept = request[http::field::accept];
        const ExpositionFormat format = accepted_format({accept.data(), accept.size()});
        Response response(http::status::ok, 11);
        response.set(http::field::content_type, content_type(format));
        response.body() = pages.metrics(format);
        return response;
    } catch (const std::exception& error) {
        spdlog::warn("metrics: {}", error.what());
        return plain(http::status::internal_server_error, std::string(error.what()) + "\n");
    }
}

}  // namespace

class MetricsServer::Listener {
public:
    Listener(const MetricsAddress& address, const char* whose, ListeningSockets* sockets,
             const EntranceOptions& entrance);

    void serve(Pages pages);
    void stop(std::chrono::milliseconds farewell);
    std::string url() const;

private:
    // One connection. Lives as long as an operation on it is under way.
    class Session;

    using Sessions = std::list<Session*>;

    void accept();
    void let_in(Descriptor connection);
    void begin(Descriptor connection, std::string peer);
    void tell_wound_down();
    std::optional<Response> refusal(const Request& request, const std::string& peer);
    std::string metrics(ExpositionFormat format);

    const char* const whose_;
    ListeningSockets own_;  // where no others are given
    Sessions sessions_;     // the one that has been silent for longest first
    bool ended_ = false;    // both outlive the sessions, which are the context's
    bool winding_down_ = false;
    std::function<void()> wound_down_;  // likewise; called once no connection is left
    asio::io_context context_{1};
    tcp::acceptor acceptor_{context_};
    asio::steady_timer pause_{context_}, flush_{context_};
    std::optional<TlsEntrance> tls_;
    std::optional<Gatekeeper> gate_;
    std::function<std::string(ExpositionFormat)> make_metrics_;
    Pages pages_;
    std::map<ExpositionFormat, std::string> last_pages_;
    TokenBucket budget_{kPagesAtOnce, kPagesASecond};
    // It is asked as long as it is there: while the thread runs the context, and no longer.
    std::optional<EventLoopProgress> progress_;
    std::thread thread_;
};

class MetricsServer::Listener::Session : public std::enable_shared_from_this<Session> {
public:
    Session(Listener& listener, stream_protocol::socket socket, std::string peer)
        : listener_(listener),
          place_(listener.sessions_.insert(listener.sessions_.end(), this)),
          peer_(std::move(peer)),
          stream_(std::move(socket)) {}
    ~Session() {
        if (listener_.ended_) return;
        listener_.sessions_.erase(place_);
        listener_.tell_wound_down();
    }
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    void read() {
        parser_.emplace();
        parser_->header_limit(kMostHeader);
        stream_.expires_after(kPatience);
        http::async_read(stream_, buffer_, *parser_,
                         [self = shared_from_this()](error_code error, size_t) { self->was_read(error); });
    }

    bool resting() const { return resting_; }

    // What is under way on it fails, and it goes by that.
    void close() { stream_.close(); }

private:
    void was_read(const error_code& error) {
        resting_ = false;
        if (!error) {
            listener_.sessions_.splice(listener_.sessions_.end(), listener_.sessions_, place_);
            const Request& request = parser_->get();
            const bool head = request.method() == http::verb::head;
            const bool keep = request.keep_alive() && !listener_.winding_down_;
            if (std::optional<Response> refusal = listener_.refusal(request, peer_))
                return write(*std::move(refusal), keep, head);
            return write(answer(request, listener_.pages_), keep, head);
        }
        const bool spoke = error.category() == make_error_code(http::error::bad_method).category() &&
                           error != http::error::end_of_stream && error != http::error::partial_message;
        if (spoke) write(plain(http::status::bad_request, error.message() + "\n"), false, false);
    }

    void write(Response response, bool keep, bool head) {
        response_ = std::move(response);
        response_.keep_alive(keep);
        response_.prepare_payload();
        stream_.expires_after(kPatience);
        const auto done = [self = shared_from_this(), keep](error_code error, size_t) {
            self->resting_ = keep;
            if (!error && keep) return self->read();
            error_code ignored;
            self->stream_.socket().shutdown(stream_protocol::socket::shutdown_send, ignored);
        };
        serializer_.emplace(response_);
        if (head) return http::async_write_header(stream_, *serializer_, done);
        http::async_write(stream_, *serializer_, done);
    }

    Listener& listener_;
    bool resting_ = false;  // it has had an answer, and asks for nothing
    const Sessions::iterator place_;
    const std::string peer_;
    beast::basic_stream<stream_protocol> stream_;
    beast::flat_buffer buffer_{2 * kMostHeader};
    std::optional<http::request_parser<http::empty_body>> parser_;
    Response response_;
    std::optional<http::response_serializer<http::string_body>> serializer_;
};

MetricsServer::Listener::Listener(const MetricsAddress& address, const char* whose, ListeningSockets* sockets,
                                  const EntranceOptions& entrance)
    : whose_(whose) {
    if (entrance.auth) gate_.emplace(*entrance.auth, std::string(whose_) + ".auth");
    if (entrance.tls.enabled())
        tls_.emplace(context_, entrance.tls, "http/1.1", whose_, kMostConnections, [](ConnectionRefusal) {});
    try {
        Descriptor socket = (sockets != nullptr ? *sockets : own_).tcp(address.host, address.port);
        sockaddr_storage name{};
        socklen_t size = sizeof name;
        ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&name), &size);
        acceptor_.assign(name.ss_family == AF_INET6 ? tcp::v6() : tcp::v4(), socket.get());
        socket.release();
    } catch (const std::exception& error) {
        throw std::runtime_error(std::string(whose_) + ": cannot listen on " + address.text() + ": " + error.what());
    }
}

void MetricsServer::Listener::serve(Pages pages) {
    if (pages.metrics)
        make_metrics_ = std::exchange(pages.metrics, [this](ExpositionFormat format) { return metrics(format); });
    pages_ = std::move(pages);
    accept();
    progress_.emplace(whose_, [this] { asio::post(context_, [this] { progress_->waiting(); }); });
    thread_ = named_thread(whose_, [this] { context_.run(); });
}

// Whoever has been accepted and asks gets its answer: its connection is not another listener's to take.
void MetricsServer::Listener::stop(std::chrono::milliseconds farewell) {
    if (thread_.joinable() && farewell.count() != 0) {
        const auto answered = std::make_shared<std::promise<void>>();
        asio::post(context_, [this, answered] {
            winding_down_ = true;
            error_code ignored;
            Descriptor(acceptor_.release(ignored)).reset();
            pause_.cancel();
            for (Session* session : sessions_) {
                if (session->resting()) session->close();
            }
            wound_down_ = [answered] { answered->set_value(); };
            tell_wound_down();
        });
        answered->get_future().wait_for(farewell);
    }
    context_.stop();
    if (thread_.joinable()) thread_.join();
    progress_.reset();
    ended_ = true;
}

std::string MetricsServer::Listener::metrics(ExpositionFormat format) {
    std::string& last = last_pages_[format];
    if (last.empty() || budget_.try_take(std::chrono::steady_clock::now())) last = make_metrics_(format);
    return last;
}

std::string MetricsServer::Listener::url() const {
    const tcp::endpoint endpoint = acceptor_.local_endpoint();
    return (tls_ ? "https://" : "http://") + MetricsAddress{endpoint.address().to_string(), endpoint.port()}.text() +
           (make_metrics_ ? "/metrics" : "/healthz");
}

void MetricsServer::Listener::accept() {
    acceptor_.async_accept([this](error_code error, tcp::socket socket) {
        if (winding_down_ && error) return;
        if (error) {
            pause_.expires_after(kAcceptPause);
            return pause_.async_wait([this](error_code) {
                if (!winding_down_) accept();
            });
        }
        let_in(Descriptor(socket.release()));
        if (!winding_down_) accept();
    });
}

void MetricsServer::Listener::let_in(Descriptor connection) {
    std::string peer = gate_ ? peer_of(connection.get()) : std::string();
    if (!tls_) return begin(std::move(connection), std::move(peer));
    tls_->admit(std::move(connection), [this, peer = std::move(peer)](Descriptor decrypted, const TlsEntrance::Came&) {
        begin(std::move(decrypted), peer);
    });
}

void MetricsServer::Listener::begin(Descriptor connection, std::string peer) {
    auto socket = connected(context_, std::move(connection));
    if (!socket) return;
    if (sessions_.size() >= kMostConnections) sessions_.front()->close();
    std::make_shared<Session>(*this, *std::move(socket), std::move(peer))->read();
}

// Once nobody waits for an answer any more.
void MetricsServer::Listener::tell_wound_down() {
    if (!wound_down_ || !sessions_.empty()) return;
    if (!tls_ || (!tls_->shaking() && tls_->flushed())) return std::exchange(wound_down_, nullptr)();
    flush_.expires_after(kFlushPause);
    flush_.async_wait([this](const error_code& error) {
        if (!error) tell_wound_down();
    });
}

// Who is not known is told nothing else.
std::optional<Response> MetricsServer::Listener::refusal(const Request& request, const std::string& peer) {
    if (!gate_) return std::nullopt;
    const auto said = request[gate_->header()];
    switch (gate_->judge({said.data(), said.size()}, peer, std::chrono::steady_clock::now())) {
        case Gatekeeper::Verdict::kLetIn: return std::nullopt;
        case Gatekeeper::Verdict::kLater: {
            Response response = plain(http::status::service_unavailable, "too many ask who they are\n");
            response.set(http::field::retry_after, "1");
            return response;
        }
        case Gatekeeper::Verdict::kUnknown: break;
    }
    Response response = plain(http::status::unauthorized, "the agent does not know who asks\n");
    if (!gate_->challenge().empty()) response.set(http::field::www_authenticate, gate_->challenge());
    return response;
}

MetricsServer::MetricsServer(const MetricsAddress& address, const char* whose, ListeningSockets* sockets)
    : MetricsServer(address, whose, sockets, EntranceOptions()) {}
MetricsServer::MetricsServer(const MetricsAddress& address, const char* whose, ListeningSockets* sockets,
                             const EntranceOptions& entrance)
    : listener_(std::make_unique<Listener>(address, whose, sockets, entrance)) {}
MetricsServer::~MetricsServer() { stop(); }
void MetricsServer::serve(Pages pages) { listener_->serve(std::move(pages)); }
void MetricsServer::stop(std::chrono::milliseconds farewell) { listener_->stop(farewell); }
std::string MetricsServer::url() const { return listener_->url(); }

}  // namespace spanring::agent
