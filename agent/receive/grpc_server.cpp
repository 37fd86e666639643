// SPDX-License-Identifier: Apache-2.0
#include "receive/grpc_server.hpp"

#include <algorithm>
#include <atomic>
#include <ctime>
#include <deque>
#include <stdexcept>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <fcntl.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/server_posix.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/socket.h>

#include "base/content_coding.hpp"
#include "base/mutex.hpp"
#include "base/named_thread.hpp"
#include "receive/answer_body.hpp"
#include "receive/grpc_connections.hpp"
#include "receive/protocol_entrance.hpp"
#include "receive/receiver_options.hpp"
#include "receive/receivers.hpp"

namespace spanring::agent {
namespace {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;
using grpc::Status;
using grpc::StatusCode;

constexpr std::chrono::seconds kPatience{30};  // for a message, or for somebody to take the answer
constexpr std::chrono::seconds kHaste{1};      // for a message, while others wait for their turn
constexpr std::chrono::milliseconds kLook{200}, kIdleLook{1000};
constexpr std::chrono::milliseconds kLongestTurn{100};                        // of CPU
constexpr size_t kMostCalls = 2048;                                           // that are open, of all connections
constexpr size_t kMostReading = 64;                                           // whose messages are being read
constexpr int kOpenCalls = 4;                                                 // that wait for a client
constexpr int kKeepaliveTime = 5 * 60 * 1000, kKeepaliveTimeout = 20 * 1000;  // ms
constexpr int kPingsApart = 10 * 1000;                                        // ms, of a client, at least
constexpr int kReadAhead = 256 << 10;  // bytes of a connection, and of a stream, before a message is asked for

// Of one thread of this process.
std::chrono::nanoseconds cpu_of(std::thread& thread) {
    clockid_t clock{};
    timespec used{};
    if (::pthread_getcpuclockid(thread.native_handle(), &clock) == 0) ::clock_gettime(clock, &used);
    return std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec);
}

grpc::ByteBuffer buffer_of(const std::string& bytes) {
    const grpc::Slice slice(bytes);
    return {&slice, 1};
}

Status busy(StatusCode code, const std::string& why) { return {code, why, retry_status_body(code, why)}; }

// A message as one piece, decompressed.
Decoding body_of(const grpc::ByteBuffer& message, uint64_t most, Body& ret_body) {
    std::vector<grpc::Slice> slices;
    if (!message.Dump(&slices).ok()) return Decoding::kBroken;
    Body body;
    body.size = message.Length();
    body.bytes = std::make_unique_for_overwrite<uint8_t[]>(body.size);
    uint8_t* to = body.bytes.get();
    for (const grpc::Slice& slice : slices) to = std::copy(slice.begin(), slice.end(), to);
    // gRPC does not say whether it is compressed, but a request cannot begin like this: type 7 of a field is none.
    const bool gzip = body.size >= 2 && body.bytes[0] == 0x1f && body.bytes[1] == 0x8b;
    if (gzip) return decode_body(ContentCoding::kGzip, body.span(), most, ret_body);
    ret_body = std::move(body);
    return Decoding::kDone;
}

}  // namespace

class GrpcServer::Service {
public:
    Service(asio::io_context& context, const Receivers& receivers, const GrpcReceiverOptions& options, uint64_t memory,
            ListeningSockets* sockets);
    ~Service();

    void serve();
    void accept_no_more() { entrance_.accept_no_more(); }
    Clock::time_point look(Clock::time_point now);
    void close();
    void end_calls();
    bool idle() const;
    std::string address() const;

private:
    // One call. At most one operation of gRPC's is under way, and beside the reading of a message the last one; the
    // queue gives each back with the call as the tag.
    struct Call {
        enum class State {
            kOpen,       // waits for a client
            kWaiting,    // for its turn; no operation
            kReading,    // its message
            kTaken,      // the receiver has it, or is about to; no operation
            kAnswering,  // the last operation
        };
        State state = State::kOpen;
        Clock::time_point since{};
        int operations = 0;
        GrpcConnections::ConnectionPtr connection;
        bool had_request = false;
        Receiver* receiver = nullptr;  // null: not known yet
        Signal signal = Signal::kTraces;
        grpc::GenericServerContext context;
        grpc::GenericServerAsyncReaderWriter stream{&context};
        grpc::ByteBuffer message;
    };
    using State = Call::State;
    using CallPtr = std::shared_ptr<Call>;

    void build(uint64_t memory);
    void accepted(Descriptor connection, TlsEntrance::Came came, const std::string& peer);
    void end_slow_calls(Clock::time_point now) SPR_EXCLUDES(mutex_);
    void end_flood();

    void run();
    void proceed(Call& call, bool ok) SPR_EXCLUDES(mutex_);
    void began(const CallPtr& call) SPR_EXCLUDES(mutex_);
    Gatekeeper::Verdict ask(const Call& call) SPR_EXCLUDES(mutex_);
    bool may_ask(Call& call, Gatekeeper::Verdict verdict) SPR_REQUIRES(mutex_);
    void read_next() SPR_REQUIRES(mutex_);
    void has_message(const CallPtr& call) SPR_EXCLUDES(mutex_);
    void answer(Call& call, const ReceiverReply& reply) SPR_EXCLUDES(mutex_);
    void open_call() SPR_REQUIRES(mutex_);
    void set(Call& call, State state) SPR_REQUIRES(mutex_);
    void finish(Call& call, const Status& status) SPR_REQUIRES(mutex_);
    void refuse(Call& call, const Status& status) SPR_REQUIRES(mutex_);

    asio::io_context& context_;
    const Receivers& receivers_;
    const GrpcReceiverOptions options_;
    const size_t most_reading_;
    ProtocolEntrance entrance_;  // its gate is the calls' thread's
    GrpcConnections connections_;
    grpc::AsyncGenericService generic_;
    std::unique_ptr<grpc::ServerCompletionQueue> queue_;
    std::unique_ptr<grpc::Server> server_;

    // Connections whose hands are being shaken when it ends find nobody.
    const std::shared_ptr<Service*> alive_ = std::make_shared<Service*>(this);

    Clock::time_point next_look_{};
    std::atomic<uint64_t> turns_{0};   // of the thread of the calls
    std::atomic<bool> asking_{false};  // it computes what a password is compared with
    uint64_t last_turns_ = 0;
    std::chrono::nanoseconds cpu_at_turn_{};  // that the thread had used when it was seen to take a turn

    mutable Mutex mutex_;
    std::unordered_map<Call*, CallPtr> calls_ SPR_GUARDED_BY(mutex_);
    std::deque<Call*> waiting_ SPR_GUARDED_BY(mutex_);
    size_t reading_ SPR_GUARDED_BY(mutex_) = 0;
    bool closed_ SPR_GUARDED_BY(mutex_) = false;  // no call is taken any more
    bool ended_ SPR_GUARDED_BY(mutex_) = false;   // no operation is begun any more
    std::thread thread_;
};

GrpcServer::Service::Service(asio::io_context& context, const Receivers& receivers, const GrpcReceiverOptions& options,
                             uint64_t memory, ListeningSockets* sockets)
    : context_(context),
      receivers_(receivers),
      options_(options),
      most_reading_(std::clamp<size_t>(memory / 2 / options.most_bytes(), 1, kMostReading)),
      entrance_(context, options.endpoint, options.entrance, "grpc", "h2", sockets,
                [this](ConnectionRefusal refusal) { receivers_.first().note_refused_connection(refusal); }),
      connections_(context, options.entrance.max_connections,
                   [this](bool opened) { receivers_.first().note_connection(opened); }) {
    build(memory);
    {
        const MutexLock lock(mutex_);
        for (int i = 0; i < kOpenCalls; ++i) open_call();
    }
    thread_ = named_thread("receive-grpc", [this] { run(); });
}

void GrpcServer::Service::build(uint64_t memory) {
    grpc::ServerBuilder builder;
    builder.RegisterAsyncGenericService(&generic_);
    builder.SetMaxReceiveMessageSize(static_cast<int>(std::min<uint64_t>(options_.most_bytes(), INT32_MAX)));
    // gRPC would decompress without a bound.
    builder.AddChannelArgument(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
    builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_DEFLATE, false);
    // It keeps all of a message, of up to 4 GiB, before it compares its size with what it may be: a quota ends that.
    builder.SetResourceQuota(grpc::ResourceQuota("receiver").Resize(memory));
    builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, static_cast<int>(options_.max_concurrent_streams));
    builder.AddChannelArgument(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, kReadAhead);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_BDP_PROBE, 0);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveTime);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeout);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, kPingsApart);
    builder.AddChannelArgument(GRPC_ARG_ENABLE_CHANNELZ, 0);
    queue_ = builder.AddCompletionQueue();
    server_ = builder.BuildAndStart();
    if (server_ == nullptr) throw std::runtime_error("receivers.otlp: gRPC does not start its server");
}

GrpcServer::Service::~Service() {
    close();
    {
        const MutexLock lock(mutex_);
        ended_ = true;
        for (const auto& [key, call] : calls_) {
            if (call->state == State::kTaken) finish(*call, busy(StatusCode::UNAVAILABLE, "the agent ends"));
        }
    }
    server_->Shutdown(std::chrono::system_clock::now());  // at once
    queue_->Shutdown();
    thread_.join();
}

// ---- The receiver's thread ------------------------------------------------------------------------------------------

void GrpcServer::Service::serve() {
    entrance_.accept(
        [weak = std::weak_ptr(alive_)](Descriptor connection, TlsEntrance::Came came, const std::string& peer) {
            if (const auto self = weak.lock()) (*self)->accepted(std::move(connection), std::move(came), peer);
        });
}

void GrpcServer::Service::accepted(Descriptor connection, TlsEntrance::Came came, const std::string& peer) {
    const int on = 1;
    if (!options_.endpoint.is_unix() && came == nullptr)
        ::setsockopt(connection.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::fcntl(connection.get(), F_SETFL, O_NONBLOCK) != 0) return;
    Descriptor given = connections_.admit(std::move(connection), std::move(came), peer);
    if (given) grpc::AddInsecureChannelFromFd(server_.get(), given.release());
}

Clock::time_point GrpcServer::Service::look(Clock::time_point now) {
    if (now < next_look_) return next_look_;
    end_slow_calls(now);
    const bool any = connections_.listen();
    end_flood();
    return next_look_ = now + (any ? kLook : kIdleLook);
}

void GrpcServer::Service::end_slow_calls(Clock::time_point now) {
    const MutexLock lock(mutex_);
    const auto patience = waiting_.empty() ? Clock::duration(kPatience) : Clock::duration(kHaste);
    for (const auto& [key, call] : calls_) {
        const bool slow = (call->state == State::kReading && now > call->since + patience) ||
                          (call->state == State::kAnswering && now > call->since + kPatience);
        if (slow && call->connection != nullptr) call->connection->shut_down();
    }
    while (!waiting_.empty() && now > waiting_.front()->since + kPatience) {
        Call& call = *waiting_.front();
        waiting_.pop_front();
        refuse(call, busy(StatusCode::UNAVAILABLE, "too many requests come at a time"));
    }
}

// As long as one connection has more to read gRPC does nothing else on the thread, whatever it is: calls that are reset
// at once cost it 10 KB each, which it would give back afterwards. A thread that works and gets nowhere is a flood.
void GrpcServer::Service::end_flood() {
    const uint64_t turns = turns_.load(std::memory_order_relaxed);  // relaxed: nothing is read by it
    const auto cpu = cpu_of(thread_);
    const bool asking = asking_.load(std::memory_order_relaxed);  // likewise
    if (turns != std::exchange(last_turns_, turns) || asking) cpu_at_turn_ = cpu;
    const auto messages = std::chrono::nanoseconds(most_reading_ * options_.most_bytes());  // one for a byte
    if (cpu - cpu_at_turn_ < kLongestTurn + messages) return;
    cpu_at_turn_ = cpu;
    connections_.shut_down_loudest();
}

void GrpcServer::Service::close() {
    entrance_.close();
    const MutexLock lock(mutex_);
    closed_ = true;
    for (Call* call : std::exchange(waiting_, {})) refuse(*call, busy(StatusCode::UNAVAILABLE, "the agent ends"));
}

void GrpcServer::Service::end_calls() {
    const MutexLock lock(mutex_);
    for (const auto& [key, call] : calls_) {
        if (call->state != State::kReading) continue;
        --reading_;
        refuse(*call, busy(StatusCode::UNAVAILABLE, "the agent ends"));
    }
}

void GrpcServer::Service::answer(Call& call, const ReceiverReply& reply) {
    const MutexLock lock(mutex_);
    if (call.state != State::kTaken || ended_) return;
    switch (reply.kind) {
        case ReceiverReply::Kind::kTaken:
            set(call, State::kAnswering);
            ++call.operations;
            call.stream.WriteAndFinish(buffer_of(response_body(WireEncoding::kProtobuf, reply, call.signal)), {},
                                       Status::OK, &call);
            return;
        case ReceiverReply::Kind::kBusy: return finish(call, busy(StatusCode::UNAVAILABLE, reply.message));
        case ReceiverReply::Kind::kMalformed: return finish(call, {StatusCode::INVALID_ARGUMENT, reply.message});
    }
}

std::string GrpcServer::Service::address() const {
    const ListenAddress address = entrance_.address();
    return (address.is_unix() ? "" : entrance_.has_tls() ? "grpcs://" : "grpc://") + address.text();
}

bool GrpcServer::Service::idle() const {
    if (!entrance_.flushed()) return false;
    const MutexLock lock(mutex_);
    return std::none_of(calls_.begin(), calls_.end(), [](const auto& call) {
        return call.second->state == State::kTaken || call.second->state == State::kAnswering;
    });
}

// ---- The thread of the calls ----------------------------------------------------------------------------------------

void GrpcServer::Service::run() {
    void* tag = nullptr;
    for (bool ok = false; queue_->Next(&tag, &ok);) {
        turns_.fetch_add(1, std::memory_order_relaxed);  // relaxed: nothing is read by it
        proceed(*static_cast<Call*>(tag), ok);
    }
}

void GrpcServer::Service::proceed(Call& call, bool ok) {
    MutexLock lock(mutex_);
    const CallPtr holds = calls_.at(&call);  // until the lock is let go: what ends with it may take a while
    --call.operations;
    if (call.state == State::kReading) {
        --reading_;
        read_next();
    }
    if (call.state == State::kAnswering || ended_ || (call.state == State::kOpen && !ok)) {
        if (call.operations != 0) return;  // another one of it comes back
        connections_.end_call(call.connection, call.had_request);
        calls_.erase(&call);
        lock.unlock();
        return;
    }
    if (call.state == State::kOpen) {
        open_call();
        call.connection = connections_.begin_call(call.context.peer());
        lock.unlock();
        return began(holds);
    }
    if (!ok || !call.message.Valid()) return finish(call, {StatusCode::INVALID_ARGUMENT, "it has no message"});
    set(call, State::kTaken);
    lock.unlock();
    has_message(holds);
}

void GrpcServer::Service::began(const CallPtr& begun) {
    Call& call = *begun;
    const Gatekeeper::Verdict verdict = ask(call);
    const MutexLock lock(mutex_);
    if (ended_) {
        connections_.end_call(call.connection, false);
        calls_.erase(&call);
        return;
    }
    if (calls_.size() > kMostCalls) connections_.shut_down_busiest(kMostCalls);
    if (call.connection == nullptr) return refuse(call, busy(StatusCode::UNAVAILABLE, "its connection has ended"));
    if (!may_ask(call, verdict)) return;
    const auto signal = signal_of(call.context.method(), &SignalNames::method);
    if (!signal || receivers_.of(*signal) == nullptr) {
        return refuse(call,
                      {StatusCode::UNIMPLEMENTED, "there is only " + join_names(receivers_, &SignalNames::method)});
    }
    call.signal = *signal;
    call.receiver = receivers_.of(call.signal);
    if (closed_) return refuse(call, busy(StatusCode::UNAVAILABLE, "the agent ends"));
    if (!call.receiver->has_room(0))
        return refuse(call, busy(StatusCode::RESOURCE_EXHAUSTED, "too much waits to be delivered"));
    set(call, State::kWaiting);
    waiting_.push_back(&call);
    read_next();
}

// Without the lock: a password may take a while, and the receiver's thread looks at the calls meanwhile.
Gatekeeper::Verdict GrpcServer::Service::ask(const Call& call) {
    Gatekeeper* const gate = entrance_.gate();
    if (gate == nullptr || call.connection == nullptr) return Gatekeeper::Verdict::kLetIn;
    const auto said = call.context.client_metadata().find(gate->header());
    const bool none = said == call.context.client_metadata().end();
    asking_.store(true, std::memory_order_relaxed);  // relaxed: nothing is read by it
    const Gatekeeper::Verdict verdict =
        gate->judge(none ? "" : std::string_view(said->second.data(), said->second.size()), call.connection->origin(),
                    Clock::now());
    asking_.store(false, std::memory_order_relaxed);  // likewise
    return verdict;
}

// Who is not known is told nothing else. False: it is answered.
bool GrpcServer::Service::may_ask(Call& call, Gatekeeper::Verdict verdict) {
    switch (verdict) {
        case Gatekeeper::Verdict::kLetIn: return true;
        case Gatekeeper::Verdict::kLater:
            refuse(call, busy(StatusCode::UNAVAILABLE, "too many ask who they are"));
            return false;
        case Gatekeeper::Verdict::kUnknown: break;
    }
    asio::post(context_, [&receiver = receivers_.first()] { receiver.note_unauthenticated(); });
    finish(call, {StatusCode::UNAUTHENTICATED, "the receiver does not know who sends"});
    return false;
}

void GrpcServer::Service::read_next() {
    while (!waiting_.empty() && reading_ < most_reading_ && !ended_) {
        Call& call = *waiting_.front();
        waiting_.pop_front();
        ++reading_;
        set(call, State::kReading);
        ++call.operations;
        call.stream.Read(&call.message, &call);
    }
}

// Without the lock: this is most of what there is to do for a request.
void GrpcServer::Service::has_message(const CallPtr& call) {
    Body body;
    const Decoding decoding = body_of(call->message, options_.most_bytes(), body);
    call->message.Clear();
    call->had_request = decoding == Decoding::kDone;
    if (decoding != Decoding::kDone || !call->receiver->has_room(body.size)) {
        const MutexLock lock(mutex_);
        if (ended_) return;  // it has been finished meanwhile, and can be only once
        switch (decoding) {
            case Decoding::kDone:
                return refuse(*call, busy(StatusCode::RESOURCE_EXHAUSTED, "too much waits to be delivered"));
            case Decoding::kTooLarge:
                return refuse(*call,
                              {StatusCode::RESOURCE_EXHAUSTED, "decompressed it is larger than max (" +
                                                                   std::to_string(options_.most_bytes()) + " bytes)"});
            case Decoding::kBroken: return refuse(*call, {StatusCode::INVALID_ARGUMENT, "its compression is broken"});
        }
    }
    Receiver& receiver = *call->receiver;
    receiver.expect(body.size);
    // A call that ended meanwhile is not there any more.
    asio::post(context_, [this, &receiver, weak = std::weak_ptr(call), body = std::move(body)]() mutable {
        receiver.expect_no_more(body.size);
        receiver.take(
            std::move(body),
            [this, weak](const ReceiverReply& reply) {
                if (const CallPtr waits = weak.lock()) answer(*waits, reply);
            },
            ReceivedBy::kGrpc);
    });
}

void GrpcServer::Service::open_call() {
    if (ended_) return;
    const CallPtr call = std::make_shared<Call>();
    calls_.emplace(call.get(), call);
    ++call->operations;
    generic_.RequestCall(&call->context, &call->stream, queue_.get(), queue_.get(), call.get());
}

void GrpcServer::Service::set(Call& call, State state) {
    call.state = state;
    call.since = Clock::now();
}

void GrpcServer::Service::finish(Call& call, const Status& status) {
    set(call, State::kAnswering);
    ++call.operations;
    call.stream.Finish(status, &call);
}

// What never came to the receiver.
void GrpcServer::Service::refuse(Call& call, const Status& status) {
    const bool malformed = status.error_details().empty();
    Receiver& receiver = call.receiver != nullptr ? *call.receiver : receivers_.first();
    asio::post(context_, [&receiver, malformed] { malformed ? receiver.note_malformed() : receiver.note_refused(); });
    finish(call, status);
}

GrpcServer::GrpcServer(asio::io_context& context, const Receivers& receivers, const GrpcReceiverOptions& options,
                       uint64_t memory, ListeningSockets* sockets)
    : service_(std::make_unique<Service>(context, receivers, options, memory, sockets)) {}
GrpcServer::~GrpcServer() = default;
void GrpcServer::serve() { service_->serve(); }
void GrpcServer::accept_no_more() { service_->accept_no_more(); }
Clock::time_point GrpcServer::look(Clock::time_point now) { return service_->look(now); }
void GrpcServer::close() { service_->close(); }
void GrpcServer::end_calls() { service_->end_calls(); }
bool GrpcServer::idle() const { return service_->idle(); }
std::string GrpcServer::address() const { return service_->address(); }

}  // namespace spanring::agent
