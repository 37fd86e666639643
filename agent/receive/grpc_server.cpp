// SPDX-License-Identifier: Apache-2.0
#include "receive/grpc_server.hpp"

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <fcntl.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/server_posix.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "receive/grpc_calls.hpp"
#include "receive/grpc_connections.hpp"
#include "receive/protocol_entrance.hpp"
#include "receive/receiver_options.hpp"
#include "receive/receivers.hpp"

namespace spanring::agent {
namespace {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kLook{200}, kIdleLook{1000};
constexpr std::chrono::seconds kTrim{1};                                      // for memory of requests that nobody uses
constexpr std::chrono::milliseconds kLongestTurn{100};                        // of CPU
constexpr size_t kMostReading = 64;                                           // whose messages are being read
constexpr int kKeepaliveTime = 5 * 60 * 1000, kKeepaliveTimeout = 20 * 1000;  // ms
constexpr int kPingsApart = 10 * 1000;                                        // ms, of a client, at least
constexpr int kReadAhead = 256 << 10;  // bytes of a connection, and of a stream, before a message is asked for

// gRPC reads into memory of the heap, which is free again as soon as a message is one piece. As long as no larger piece
// of its own was freed, glibc gives that back to the kernel and faults it in anew with each. To set the threshold would
// be the end of its adapting: each body that is larger would be mapped anew, and be the kernel's again.
void keep_end_of_heap() {
#ifdef __GLIBC__
    void* volatile pieces[8];  // some may find room between others, and are not mapped
    for (void* volatile& piece : pieces) piece = std::malloc(256 << 10);  // of each thread's heap twice that stays
    for (void* const piece : pieces) std::free(piece);
#endif
}

}  // namespace

class GrpcServer::Service {
public:
    Service(asio::io_context& context, const Receivers& receivers, const GrpcReceiverOptions& options, uint64_t memory,
            std::function<void()> work, ListeningSockets* sockets);
    ~Service();

    bool wake() { return calls_->wake(); }
    void serve();
    void accept_no_more() { entrance_.accept_no_more(); }
    Clock::time_point look(Clock::time_point now);
    void close();
    void end_calls() { calls_->end_unread(); }
    bool idle() const { return entrance_.flushed() && calls_->idle(); }
    std::string address() const;

private:
    void build(const Receivers& receivers, uint64_t memory, std::function<void()> work);
    void accepted(Descriptor connection, TlsEntrance::Came came, const std::string& peer);
    void end_flood();

    const GrpcReceiverOptions options_;
    const size_t most_reading_;
    ProtocolEntrance entrance_;  // its gate is the calls' thread's
    GrpcConnections connections_;
    std::optional<GrpcCalls> calls_;
    std::unique_ptr<grpc::Server> server_;

    // Connections whose hands are being shaken when it ends find nobody.
    const std::shared_ptr<Service*> alive_ = std::make_shared<Service*>(this);

    Clock::time_point next_look_{}, next_trim_{};
    uint64_t last_turns_ = 0;                 // of the thread of the calls
    std::chrono::nanoseconds cpu_at_turn_{};  // that the thread had used when it was seen to take a turn
};

GrpcServer::Service::Service(asio::io_context& context, const Receivers& receivers, const GrpcReceiverOptions& options,
                             uint64_t memory, std::function<void()> work, ListeningSockets* sockets)
    : options_(options),
      most_reading_(std::clamp<size_t>(memory / 2 / options.most_bytes(), 1, kMostReading)),
      entrance_(context, options.endpoint, options.entrance, "grpc", "h2", sockets,
                [&receivers](ConnectionRefusal refusal) { receivers.first().note_refused_connection(refusal); }),
      connections_(context, options.entrance.max_connections,
                   [&receivers](bool opened) { receivers.first().note_connection(opened); }) {
    keep_end_of_heap();
    build(receivers, memory, std::move(work));
    calls_->begin();
}

void GrpcServer::Service::build(const Receivers& receivers, uint64_t memory, std::function<void()> work) {
    grpc::ServerBuilder builder;
    const GrpcCalls::Bounds bounds{options_.most_bytes(), most_reading_};
    calls_.emplace(receivers, bounds, connections_, entrance_.gate(), std::move(work), builder);
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
    server_ = builder.BuildAndStart();
    if (server_ == nullptr) throw std::runtime_error("receivers.otlp: gRPC does not start its server");
}

GrpcServer::Service::~Service() {
    close();
    calls_->end_unanswered();
    server_->Shutdown(std::chrono::system_clock::now());  // at once
    calls_->end();
}

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
    calls_->end_slow(now);
    const bool any = connections_.listen();
    end_flood();
    if (now >= next_trim_) {
        calls_->trim();
        next_trim_ = now + kTrim;
    }
    return next_look_ = now + (any ? kLook : kIdleLook);
}

// As long as one connection has more to read gRPC does nothing else on the thread, whatever it is: calls that are reset
// at once cost it 10 KB each, which it would give back afterwards. A thread that works and gets nowhere is a flood.
void GrpcServer::Service::end_flood() {
    const uint64_t turns = calls_->turns();
    const auto cpu = calls_->cpu();
    if (turns != std::exchange(last_turns_, turns) || calls_->is_at_work()) cpu_at_turn_ = cpu;
    const auto messages = std::chrono::nanoseconds(most_reading_ * options_.most_bytes());  // one for a byte
    if (cpu - cpu_at_turn_ < kLongestTurn + messages) return;
    cpu_at_turn_ = cpu;
    connections_.shut_down_loudest();
}

void GrpcServer::Service::close() {
    entrance_.close();
    calls_->close();
}

std::string GrpcServer::Service::address() const {
    const ListenAddress address = entrance_.address();
    return (address.is_unix() ? "" : entrance_.has_tls() ? "grpcs://" : "grpc://") + address.text();
}

GrpcServer::GrpcServer(asio::io_context& context, const Receivers& receivers, const GrpcReceiverOptions& options,
                       uint64_t memory, std::function<void()> work, ListeningSockets* sockets)
    : service_(std::make_unique<Service>(context, receivers, options, memory, std::move(work), sockets)) {}
GrpcServer::~GrpcServer() = default;
bool GrpcServer::wake() { return service_->wake(); }
void GrpcServer::serve() { service_->serve(); }
void GrpcServer::accept_no_more() { service_->accept_no_more(); }
Clock::time_point GrpcServer::look(Clock::time_point now) { return service_->look(now); }
void GrpcServer::close() { service_->close(); }
void GrpcServer::end_calls() { service_->end_calls(); }
bool GrpcServer::idle() const { return service_->idle(); }
std::string GrpcServer::address() const { return service_->address(); }

}  // namespace spanring::agent
