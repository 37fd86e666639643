// SPDX-License-Identifier: Apache-2.0
//
// The calls of a gRPC server, whatever connections they came by: a thread takes what gRPC has of them, from the first
// word of a client to the answer. What comes is taken as bytes, decompressed within its bound, and given to the
// receiver, all that is there together. What the receiver has to do for answers is done by the same thread, which
// writes them.
//
// Header bill: gRPC's contexts and streams, of which each call has one; the server alone includes it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <thread>
#include <unordered_map>

#include <grpcpp/alarm.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/support/byte_buffer.h>

#include "auth/gatekeeper.hpp"
#include "base/mutex.hpp"
#include "otlp/signal.hpp"
#include "receive/body_pool.hpp"
#include "receive/grpc_connections.hpp"

namespace grpc {
class ServerBuilder;
class Status;
}  // namespace grpc

namespace spanring::agent {

class Receiver;
class Receivers;
struct ReceiverReply;

class GrpcCalls {
public:
    using Clock = std::chrono::steady_clock;

    struct Bounds {
        uint64_t message_bytes = 0;  // of one, decompressed
        size_t reading = 1;          // messages that come at a time
    };

    // Becomes a part of what the builder makes. `gate` (null: nobody is asked who he is) is this thread's; receivers
    // and connections outlive it. `work` is called by that thread after wake().
    GrpcCalls(const Receivers& receivers, Bounds bounds, GrpcConnections& connections, Gatekeeper* gate,
              std::function<void()> work, grpc::ServerBuilder& builder);
    GrpcCalls(const GrpcCalls&) = delete;
    GrpcCalls& operator=(const GrpcCalls&) = delete;

    void begin();  // the server is there
    // Any thread. False: nobody is woken, for the thread computes what a password is compared with. That takes a while.
    bool wake();

    // The thread that runs the context:
    void end_slow(Clock::time_point now);
    void close();           // no request is taken any more
    void end_unread();      // after that: whoever's message has not come yet is told to send it again, later
    void end_unanswered();  // ... and whoever's has, who is still waiting for an answer; no operation is begun any more
    void end();             // after the server was shut down, once
    bool idle() const;      // nobody waits for an answer

    // What keeps the thread busy: it has taken so many turns, it does something of its own (computes what a password is
    // compared with, looks into a request, books), and has used so much of its CPU.
    uint64_t turns() const { return turns_.load(std::memory_order_relaxed); }     // relaxed: nothing is read by it
    bool is_at_work() const { return at_work_.load(std::memory_order_relaxed); }  // likewise
    std::chrono::nanoseconds cpu();
    void trim() { bodies_.trim(); }  // once in a while

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

    void run();
    void go_on();
    void proceed(Call& call, bool ok) SPR_EXCLUDES(mutex_);
    void began(const CallPtr& call) SPR_EXCLUDES(mutex_);
    Gatekeeper::Verdict ask(const Call& call) SPR_EXCLUDES(mutex_);
    bool may_ask(Call& call, Gatekeeper::Verdict verdict) SPR_REQUIRES(mutex_);
    void read_next() SPR_REQUIRES(mutex_);
    void has_message(const CallPtr& call) SPR_EXCLUDES(mutex_);
    void answer(Call& call, const ReceiverReply& reply) SPR_EXCLUDES(mutex_);
    void open_call() SPR_REQUIRES(mutex_);
    void set(Call& call, State state) SPR_REQUIRES(mutex_);
    void finish(Call& call, const grpc::Status& status) SPR_REQUIRES(mutex_);
    void refuse(Call& call, const grpc::Status& status) SPR_REQUIRES(mutex_);

    const Receivers& receivers_;
    const Bounds bounds_;
    GrpcConnections& connections_;
    Gatekeeper* const gate_;
    const std::function<void()> work_;
    grpc::AsyncGenericService generic_;
    std::unique_ptr<grpc::ServerCompletionQueue> queue_;
    BodyPool bodies_;
    Clock::time_point go_at_ = Clock::time_point::max();  // the thread's own: when receivers are to go on

    std::atomic<uint64_t> turns_{0};
    std::atomic<bool> at_work_{false};
    std::atomic<bool> asking_{false};  // what may take longest of that

    Mutex wake_mutex_;
    grpc::Alarm alarm_ SPR_GUARDED_BY(wake_mutex_);   // its own tag
    bool woken_ SPR_GUARDED_BY(wake_mutex_) = false;  // it is set, or nobody is to be woken any more

    mutable Mutex mutex_;
    std::unordered_map<Call*, CallPtr> calls_ SPR_GUARDED_BY(mutex_);
    std::deque<Call*> waiting_ SPR_GUARDED_BY(mutex_);
    size_t reading_ SPR_GUARDED_BY(mutex_) = 0;
    bool closed_ SPR_GUARDED_BY(mutex_) = false;  // no call is taken any more
    bool ended_ SPR_GUARDED_BY(mutex_) = false;   // no operation is begun any more
    std::thread thread_;
};

}  // namespace spanring::agent
