// SPDX-License-Identifier: Apache-2.0
#include "metrics/metrics_server.hpp"
#include "base/event_loop_progress.hpp"
#include "base/named_thread.hpp"

#include <chrono>
#include <cstddef>
#include <exception>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <thread>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <fcntl.h>
#include <spdlog/spdlog.h>

#include "base/token_bucket.hpp"

namespace spanring::agent {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

// One more, and the one that has been silent for longest has to go: whoever asks is answered at once.
constexpr size_t kMostConnections = 64;
// Anybody on this host may ask, and a page takes milliseconds where there are many processes. Beyond that the last one
// is told again.
constexpr double kPagesAtOnce = 20;
constexpr double kPagesASecond = 10;
constexpr uint32_t kMostHeader = 8192;           // bytes
constexpr std::chrono::seconds kPatience{30};    // for a whole request, or for somebody to take the answer
constexpr std::chrono::seconds kAcceptPause{1};  // when there is no descriptor for one more

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

std::runtime_error cannot_listen(const char* whose, const MetricsAddress& address, const error_code& why) {
    return std::runtime_error(std::string(whose) + ": cannot listen on " + address.text() + ": " + why.message());
}

}  // namespace

class MetricsServer::Listener {
public:
    Listener(const MetricsAddress& address, const char* whose);

    void serve(Pages pages);
    void stop();
    std::string url() const;

private:
    // One connection. Lives as long as an operation on it is under way.
    class Session;

    using Sessions = std::list<Session*>;

    void accept();
    std::string metrics(ExpositionFormat format);

    const char* const whose_;
    Sessions sessions_;   // the one that has been silent for longest first
    bool ended_ = false;  // both outlive the sessions, which are the context's
    asio::io_context context_{1};
    tcp::acceptor acceptor_{context_};
    asio::steady_timer pause_{context_};
    std::function<std::string(ExpositionFormat)> make_metrics_;
    Pages pages_;
    std::map<ExpositionFormat, std::string> last_pages_;
    TokenBucket budget_{kPagesAtOnce, kPagesASecond};
    // It is asked as long as it is there, so it goes before the context, and after its thread has ended.
    EventLoopProgress progress_{whose_, [this] { asio::post(context_, [this] { progress_.waiting(); }); }};
    std::thread thread_;
};

class MetricsServer::Listener::Session : public std::enable_shared_from_this<Session> {
public:
    Session(Listener& listener, tcp::socket socket)
        : listener_(listener),
          place_(listener.sessions_.insert(listener.sessions_.end(), this)),
          stream_(std::move(socket)) {}
    ~Session() {
        if (!listener_.ended_) listener_.sessions_.erase(place_);
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

    // What is under way on it fails, and it goes by that.
    void close() { stream_.close(); }

private:
    void was_read(const error_code& error) {
        if (!error) {
            listener_.sessions_.splice(listener_.sessions_.end(), listener_.sessions_, place_);
            const Request& request = parser_->get();
            const bool head = request.method() == http::verb::head;
            return write(answer(request, listener_.pages_), request.keep_alive(), head);
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
            if (!error && keep) return self->read();
            error_code ignored;
            self->stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
        };
        serializer_.emplace(response_);
        if (head) return http::async_write_header(stream_, *serializer_, done);
        http::async_write(stream_, *serializer_, done);
    }

    Listener& listener_;
    const Sessions::iterator place_;
    beast::tcp_stream stream_;
    beast::flat_buffer buffer_{2 * kMostHeader};
    std::optional<http::request_parser<http::empty_body>> parser_;
    Response response_;
    std::optional<http::response_serializer<http::string_body>> serializer_;
};

MetricsServer::Listener::Listener(const MetricsAddress& address, const char* whose) : whose_(whose) {
    error_code error;
    tcp::resolver resolver(context_);
    const auto found = resolver.resolve(address.host, std::to_string(address.port),
                                        tcp::resolver::passive | tcp::resolver::numeric_service, error);
    if (error) throw cannot_listen(whose_, address, error);
    const tcp::endpoint endpoint = found.begin()->endpoint();
    acceptor_.open(endpoint.protocol(), error);
    if (error) throw cannot_listen(whose_, address, error);
    ::fcntl(acceptor_.native_handle(), F_SETFD, FD_CLOEXEC);
    // Connections of an agent that has just ended do not keep the next one from its port.
    acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
    acceptor_.bind(endpoint, error);
    if (error) throw cannot_listen(whose_, address, error);
    acceptor_.listen(tcp::acceptor::max_listen_connections, error);
    if (error) throw cannot_listen(whose_, address, error);
}

void MetricsServer::Listener::serve(Pages pages) {
    if (pages.metrics)
        make_metrics_ = std::exchange(pages.metrics, [this](ExpositionFormat format) { return metrics(format); });
    pages_ = std::move(pages);
    accept();
    thread_ = named_thread(whose_, [this] { context_.run(); });
}

void MetricsServer::Listener::stop() {
    context_.stop();
    if (thread_.joinable()) thread_.join();
    ended_ = true;
}

std::string MetricsServer::Listener::metrics(ExpositionFormat format) {
    std::string& last = last_pages_[format];
    if (last.empty() || budget_.try_take(std::chrono::steady_clock::now())) last = make_metrics_(format);
    return last;
}

std::string MetricsServer::Listener::url() const {
    const tcp::endpoint endpoint = acceptor_.local_endpoint();
    return "http://" + MetricsAddress{endpoint.address().to_string(), endpoint.port()}.text() +
           (make_metrics_ ? "/metrics" : "/healthz");
}

void MetricsServer::Listener::accept() {
    acceptor_.async_accept([this](error_code error, tcp::socket socket) {
        if (error) {
            pause_.expires_after(kAcceptPause);
            return pause_.async_wait([this](error_code) { accept(); });
        }
        if (sessions_.size() >= kMostConnections) sessions_.front()->close();
        std::make_shared<Session>(*this, std::move(socket))->read();
        accept();
    });
}

MetricsServer::MetricsServer(const MetricsAddress& address, const char* whose)
    : listener_(std::make_unique<Listener>(address, whose)) {}
MetricsServer::~MetricsServer() { stop(); }
void MetricsServer::serve(Pages pages) { listener_->serve(std::move(pages)); }
void MetricsServer::stop() { listener_->stop(); }
std::string MetricsServer::url() const { return listener_->url(); }

}  // namespace spanring::agent
