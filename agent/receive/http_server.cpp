// SPDX-License-Identifier: Apache-2.0
#include "receive/http_server.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <exception>
#include <list>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <boost/asio/dispatch.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <sys/socket.h>

#include "base/content_coding.hpp"
#include "base/descriptor.hpp"
#include "base/text.hpp"
#include "receive/acceptor.hpp"
#include "receive/answer_body.hpp"
#include "receive/handler_place.hpp"
#include "receive/json_request.hpp"
#include "receive/protocol_entrance.hpp"
#include "receive/receiver_options.hpp"
#include "receive/receivers.hpp"

namespace spanring::agent {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::generic::stream_protocol;
using boost::system::error_code;

constexpr uint32_t kMostHeader = 16 << 10;     // bytes
constexpr std::chrono::seconds kPatience{30};  // for a body, or for somebody to take the answer
constexpr std::chrono::seconds kIdle{90};      // until a header is there: longer than SDKs keep a connection for reuse

using Bytes = std::vector<uint8_t>;
using Parser = http::request_parser<http::vector_body<uint8_t>>;
using Response = http::response<http::string_body>;

const char* content_type(WireEncoding encoding) {
    return encoding == WireEncoding::kJson ? "application/json" : "application/x-protobuf";
}

// The type without its parameters, in lower case.
std::optional<WireEncoding> encoding_of(beast::string_view type) {
    const std::string name = lower(std::string(type.substr(0, type.find_first_of("; "))));
    if (name == "application/x-protobuf") return WireEncoding::kProtobuf;
    if (name == "application/json") return WireEncoding::kJson;
    return std::nullopt;
}

}  // namespace

// Its connections.
class HttpServer::Listener : public std::enable_shared_from_this<Listener> {
public:
    Listener(asio::io_context& context, const Receivers& receivers, const HttpReceiverOptions& options,
             ListeningSockets* sockets)
        : context_(context),
          receivers_(receivers),
          options_(options),
          entrance_(context, options.endpoint, options.entrance, "http", "http/1.1", sockets,
                    [this](ConnectionRefusal refusal) { receivers_.first().note_refused_connection(refusal); }) {}

    void serve() {
        entrance_.accept([weak = weak_from_this()](Descriptor connection, const auto&, const std::string& peer) {
            if (const auto self = weak.lock()) self->accepted(std::move(connection), peer);
        });
    }
    void wind_down();
    bool connected() const { return !sessions_.empty() || entrance_.shaking(); }
    bool awaited() const;
    void close();
    bool idle() const;
    std::string address() const;
    std::string paths() const { return join_names(receivers_, &SignalNames::path); }

private:
    class Session;
    using Sessions = std::list<Session*>;

    void accepted(Descriptor connection, const std::string& peer);
    bool make_room();

    asio::io_context& context_;
    const Receivers& receivers_;
    const HttpReceiverOptions options_;
    ProtocolEntrance entrance_;
    Sessions sessions_;                                // the one that has been silent for longest first
    std::vector<std::shared_ptr<Session>> ask_again_;  // once a question of theirs is answered
    bool winding_down_ = false;
    bool closed_ = false;
};

// One connection, one request at a time. Lives as long as an operation on it is under way, or its answer is awaited.
class HttpServer::Listener::Session : public std::enable_shared_from_this<Session> {
public:
    Session(std::shared_ptr<Listener> listener, stream_protocol::socket socket, std::string peer)
        : listener_(std::move(listener)),
          peer_(std::move(peer)),
          place_(listener_->sessions_.insert(listener_->sessions_.end(), this)),
          stream_(std::move(socket)) {}
    ~Session() {
        forget_promise();
        listener_->sessions_.erase(place_);
        if (!listener_->closed_) listener_->receivers_.first().note_connection(false);
    }
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    bool resting() const { return state_ == State::kResting; }
    bool answering() const { return state_ == State::kAnswering; }
    bool awaited() const { return !ended_ && (state_ == State::kReading || (resting() && !asked_)); }
    void close() { stream_.close(); }  // what is under way fails, and it goes by that

    void read() {
        state_ = State::kResting;
        parser_.emplace();
        parser_->header_limit(kMostHeader);
        parser_->body_limit(listener_->options_.max_request_body_size);
        if (listener_->closed_) return close();
        stream_.expires_after(kIdle);
        http::async_read_header(stream_, buffer_, *parser_,
                                [self = shared_from_this()](error_code error, size_t) { self->has_header(error); });
    }

private:
    enum class State { kResting, kReading, kAnswering };

    void has_header(const error_code& error) {
        Sessions& sessions = listener_->sessions_;
        sessions.splice(sessions.end(), sessions, place_);
        if (error) return failed(error);
        state_ = State::kReading;
        asked_ = true;
        receiver_ = nullptr;  // until the path says which
        ask();
    }

    // Whether to let it in. A sender of which several connections say the same waits for one answer.
    void ask() {
        if (listener_->closed_) return close();
        Gatekeeper* const gate = listener_->entrance_.gate();
        if (gate == nullptr) return judged(Gatekeeper::Verdict::kLetIn);
        const auto header = parser_->get()[gate->header()];
        const std::string_view said(header.data(), header.size());
        Gatekeeper::Verdict verdict = Gatekeeper::Verdict::kUnknown;
        auto question = gate->ask(said, peer_, std::chrono::steady_clock::now(), verdict);
        if (question == nullptr) {
            if (verdict == Gatekeeper::Verdict::kLater && gate->is_asked(said))
                return listener_->ask_again_.push_back(shared_from_this());
            return judged(verdict);
        }
        listener_->entrance_.passwords().compute(
            std::move(question), [self = shared_from_this(), gate](const Gatekeeper::Question& computed) {
                const Gatekeeper::Verdict answer = gate->answer(computed);
                const auto others = std::exchange(self->listener_->ask_again_, {});
                self->judged(answer);
                for (const auto& other : others) other->ask();
            });
    }

    void judged(Gatekeeper::Verdict verdict) {
        if (listener_->closed_) return close();
        if (!may_ask(verdict) || !may_read_body()) return;
        stream_.expires_after(kPatience);
        read_body();
    }

    void read_body() {
        parser_->eager(true);
        if (parser_->is_done()) return has_body({});
        http::async_read_some(stream_, buffer_, *parser_, [self = shared_from_this()](error_code error, size_t) {
            if (error) return self->has_body(error);
            if (self->may_hold_body()) self->read_body();
        });
    }

    // What is there of it counts, not what its header promises: who sends nothing takes no room. False: it is answered.
    bool may_hold_body() {
        const Bytes& body = parser_->get().body();
        const size_t held = parser_->content_length() ? body.size() : body.capacity();
        const size_t more = held - promise_;
        if (!receiver_->has_room(more)) {
            forget_promise();
            parser_.reset();
            return no_room();
        }
        receiver_->expect(more);
        promise_ = held;
        return true;
    }

    // Who is not known is told nothing else. False: it is answered.
    bool may_ask(Gatekeeper::Verdict verdict) {
        switch (verdict) {
            case Gatekeeper::Verdict::kLetIn: return true;
            case Gatekeeper::Verdict::kLater:
                receiver_or_first().note_refused();
                return busy(http::status::service_unavailable, kUnavailable, "too many ask who they are");
            case Gatekeeper::Verdict::kUnknown: break;
        }
        receiver_or_first().note_unauthenticated();
        Response response = make(http::status::unauthorized, "the receiver does not know who sends", kUnauthenticated);
        const std::string& challenge = listener_->entrance_.gate()->challenge();
        if (!challenge.empty()) response.set(http::field::www_authenticate, challenge);
        return end_with(std::move(response));
    }

    // By its header. False: it is answered.
    bool may_read_body() {
        const auto& request = parser_->get();
        const auto path = request.target().substr(0, request.target().find('?'));
        const auto signal = signal_of({path.data(), path.size()});
        if (!signal || listener_->receivers_.of(*signal) == nullptr)
            return refuse(http::status::not_found, "there is only " + listener_->paths());
        signal_ = *signal;
        receiver_ = listener_->receivers_.of(signal_);
        if (request.method() != http::verb::post) {
            Response response = make(http::status::method_not_allowed, "only POST");
            response.set(http::field::allow, "POST");
            return end_with(std::move(response));
        }
        const auto encoding = encoding_of(request[http::field::content_type]);
        if (!encoding) {
            return refuse(http::status::unsupported_media_type,
                          "the content type must be application/x-protobuf or application/json");
        }
        encoding_ = *encoding;
        const auto coding = content_coding(lower(std::string(request[http::field::content_encoding])));
        if (!coding)
            return refuse(http::status::unsupported_media_type, "the content encoding must be gzip, zstd or identity");
        coding_ = *coding;
        const uint64_t most = listener_->options_.max_request_body_size;
        const uint64_t size = parser_->content_length().value_or(most);
        if (size > most) return too_large();
        if (!receiver_->has_room(size)) return no_room();
        if (beast::iequals(request[http::field::expect], "100-continue")) return go_on();
        return true;
    }

    // The sender waits for a word before it sends the body.
    bool go_on() {
        static constexpr char kContinue[] = "HTTP/1.1 100 Continue\r\n\r\n";
        stream_.expires_after(kPatience);
        asio::async_write(stream_, asio::buffer(kContinue, sizeof kContinue - 1),
                          [self = shared_from_this()](error_code error, size_t) {
                              if (!error) self->read_body();
                          });
        return false;
    }

    void has_body(const error_code& error) {
        forget_promise();
        if (error) return failed(error);
        const Bytes& sent = parser_->get().body();
        Body body;
        switch (decode_body(coding_, sent, listener_->options_.max_request_body_size, body)) {
            case Decoding::kDone: break;
            case Decoding::kTooLarge: too_large(); return;
            case Decoding::kBroken: refuse(http::status::bad_request, "its content encoding is broken"); return;
        }
        if (encoding_ == WireEncoding::kJson) {
            Body request;
            const std::string fault =
                request_of_json(body.span(), request, signal_, listener_->options_.max_request_body_size);
            if (!fault.empty()) return static_cast<void>(refuse(http::status::bad_request, fault));
            body = std::move(request);
        }
        if (!receiver_->has_room(body.size)) return static_cast<void>(no_room());
        keep_ = parser_->keep_alive();
        parser_.reset();  // with the body
        state_ = State::kAnswering;
        stream_.expires_never();
        const MutexLock lock(listener_->receivers_.mutex());
        listener_->receivers_.note(ReceivedBy::kHttp);
        // Whoever has the answer, the session lives and ends on this thread.
        receiver_->take(std::move(body), [self = shared_from_this()](const ReceiverReply& reply) mutable {
            self->reply_.kind = reply.kind;
            self->reply_.rejected = reply.rejected;
            try {
                self->reply_.message = reply.message;
            } catch (const std::exception&) {  // it goes without
                self->reply_.message.clear();
            }
            asio::io_context& context = self->listener_->context_;
            asio::dispatch(context, Answered{std::move(self)});
        });
    }

    // Hands the session its answer. In memory that it has for it: without, it would end on the thread that has none.
    struct Answered {
        using allocator_type = HandlerPlace::Allocator<>;
        allocator_type get_allocator() const { return allocator_type(self->answer_place_); }
        void operator()() { self->answer(self->reply_); }

        std::shared_ptr<Session> self;
    };

    void answer(const ReceiverReply& reply) {
        switch (reply.kind) {
            case ReceiverReply::Kind::kTaken: {
                Response response(http::status::ok, 11);
                response.set(http::field::content_type, content_type(encoding_));
                response.body() = response_body(encoding_, reply, signal_);
                return write(std::move(response));
            }
            case ReceiverReply::Kind::kBusy:
                busy(http::status::service_unavailable, kUnavailable, reply.message);
                return;
            case ReceiverReply::Kind::kMalformed: return write(make(http::status::bad_request, reply.message));
        }
    }

    Response make(http::status status, const std::string& message, uint32_t code = kInvalidArgument) {
        Response response(status, 11);
        response.set(http::field::content_type, content_type(encoding_));
        response.body() = status_body(encoding_, code, message);
        return response;
    }

    // What is wrong with a request that was not taken. Its body may not have been read, so the connection ends.
    bool refuse(http::status status, const std::string& message) {
        receiver_or_first().note_malformed();
        return end_with(make(status, message));
    }
    bool too_large() {
        return refuse(http::status::payload_too_large,
                      "it is larger than " + std::to_string(listener_->options_.max_request_body_size) + " bytes");
    }
    bool no_room() {
        receiver_or_first().note_refused();
        return busy(http::status::too_many_requests, kResourceExhausted, "too much waits to be delivered");
    }
    bool busy(http::status status, uint32_t code, const std::string& message) {
        Response response = make(status, message, code);
        response.set(http::field::retry_after, std::to_string(kRetrySeconds));
        if (state_ == State::kAnswering) return write(std::move(response)), false;
        return end_with(std::move(response));
    }
    bool end_with(Response response) {
        keep_ = false;
        write(std::move(response));
        return false;
    }

    void write(Response response) {
        state_ = State::kAnswering;
        keep_ = keep_ && !listener_->closed_ && !listener_->winding_down_;
        response_ = std::move(response);
        response_.keep_alive(keep_);
        response_.prepare_payload();
        stream_.expires_after(kPatience);
        http::async_write(stream_, response_, [self = shared_from_this()](error_code error, size_t) {
            if (!error && self->keep_) return self->read();
            self->end(error);
        });
    }

    // A close with bytes that were not read would reset the connection, and take the answer back with it.
    void end(const error_code& error) {
        error_code ignored;
        ended_ = true;
        if (error) return;
        stream_.socket().shutdown(stream_protocol::socket::shutdown_send, ignored);
        state_ = State::kReading;
        stream_.expires_after(std::chrono::seconds(2));
        discard();
    }
    void discard() {
        rest_.resize(16 << 10);
        stream_.async_read_some(asio::buffer(rest_), [self = shared_from_this()](error_code error, size_t bytes) {
            self->discarded_ += bytes;
            if (!error && self->discarded_ <= kMostDiscarded) self->discard();
        });
    }

    void failed(const error_code& error) {
        forget_promise();
        if (error == http::error::body_limit) {
            too_large();
        } else if (error == http::error::header_limit) {
            refuse(http::status::request_header_fields_too_large, "its header is too large");
        } else if (error.category() == make_error_code(http::error::bad_method).category() &&
                   error != http::error::end_of_stream && error != http::error::partial_message) {
            refuse(http::status::bad_request, error.message());
        }
    }

    // Once it is closed nobody asks any more, and the receiver may be gone.
    void forget_promise() {
        const size_t promise = std::exchange(promise_, 0);
        if (!listener_->closed_ && promise != 0) receiver_->expect_no_more(promise);
    }

    Receiver& receiver_or_first() const { return receiver_ != nullptr ? *receiver_ : listener_->receivers_.first(); }

    static constexpr size_t kMostDiscarded = size_t{64} << 20;  // clients send all of a body before they read

    const std::shared_ptr<Listener> listener_;
    const std::string peer_;
    const Sessions::iterator place_;
    beast::basic_stream<stream_protocol> stream_;
    beast::flat_buffer buffer_{2 * kMostHeader};
    std::optional<Parser> parser_;
    State state_ = State::kResting;
    WireEncoding encoding_ = WireEncoding::kProtobuf;
    ContentCoding coding_ = ContentCoding::kNone;
    Signal signal_ = Signal::kTraces;
    Receiver* receiver_ = nullptr;  // of what is being read or answered; null: not known yet
    size_t promise_ = 0;            // bytes that are there of a body that is being read
    bool keep_ = false;
    bool asked_ = false;  // once, at least
    bool ended_ = false;  // with its last answer
    ReceiverReply reply_;
    HandlerPlace answer_place_;
    Response response_;
    std::vector<uint8_t> rest_;
    size_t discarded_ = 0;
};

void HttpServer::Listener::accepted(Descriptor connection, const std::string& peer) {
    if (!make_room()) return;
    auto socket = agent::connected(context_, std::move(connection));
    if (!socket) return;
    std::make_shared<Session>(shared_from_this(), *std::move(socket), peer)->read();
    receivers_.first().note_connection(true);
}

// For one more connection. A socket that finds none is closed.
bool HttpServer::Listener::make_room() {
    if (sessions_.size() < options_.entrance.max_connections) return true;
    for (Session* session : sessions_) {
        if (!session->resting()) continue;
        session->close();
        return true;
    }
    return false;
}

void HttpServer::Listener::wind_down() {
    winding_down_ = true;
    entrance_.accept_no_more();
}

bool HttpServer::Listener::awaited() const {
    return entrance_.shaking() ||
           std::any_of(sessions_.begin(), sessions_.end(), [](const Session* session) { return session->awaited(); });
}

void HttpServer::Listener::close() {
    closed_ = true;
    entrance_.close();
    for (Session* session : sessions_) {
        if (!session->answering()) session->close();
    }
    ask_again_.clear();
}

bool HttpServer::Listener::idle() const {
    for (const Session* session : sessions_) {
        if (session->answering()) return false;
    }
    return entrance_.flushed();
}

std::string HttpServer::Listener::address() const {
    const ListenAddress address = entrance_.address();
    return (address.is_unix() ? "" : entrance_.has_tls() ? "https://" : "http://") + address.text();
}

HttpServer::HttpServer(asio::io_context& context, const Receivers& receivers, const HttpReceiverOptions& options,
                       ListeningSockets* sockets)
    : listener_(std::make_shared<Listener>(context, receivers, options, sockets)) {}
HttpServer::~HttpServer() { listener_->close(); }
void HttpServer::serve() { listener_->serve(); }
void HttpServer::wind_down() { listener_->wind_down(); }
bool HttpServer::connected() const { return listener_->connected(); }
bool HttpServer::awaited() const { return listener_->awaited(); }
void HttpServer::close() { listener_->close(); }
bool HttpServer::idle() const { return listener_->idle(); }
std::string HttpServer::address() const { return listener_->address(); }

}  // namespace spanring::agent
