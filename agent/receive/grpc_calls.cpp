// SPDX-License-Identifier: Apache-2.0
#include "receive/grpc_calls.hpp"

#include <algorithm>
#include <ctime>
#include <utility>
#include <vector>

#include <grpc/support/time.h>
#include <grpcpp/server_builder.h>
#include <pthread.h>
#include <spdlog/spdlog.h>

#include "base/content_coding.hpp"
#include "base/named_thread.hpp"
#include "crash/alternate_stack.hpp"
#include "receive/answer_body.hpp"
#include "receive/receivers.hpp"

namespace spanring::agent {
namespace {

using grpc::Status;
using grpc::StatusCode;

constexpr std::chrono::seconds kPatience{30};  // for a message, or for somebody to take the answer
constexpr std::chrono::seconds kHaste{1};      // for a message, while others wait for their turn
constexpr size_t kMostCalls = 2048;            // that are open, of all connections
constexpr int kOpenCalls = 4;                  // that wait for a client

grpc::ByteBuffer buffer_of(const std::string& bytes) {
    const grpc::Slice slice(bytes);
    return {&slice, 1};
}

Status busy(StatusCode code, const std::string& why) { return {code, why, retry_status_body(code, why)}; }

// In the clock of gRPC's queues. The clock's beginning: at once, and without a look at it.
gpr_timespec gprs(std::chrono::steady_clock::time_point time) {
    using Clock = std::chrono::steady_clock;
    if (time == Clock::time_point::max()) return gpr_inf_future(GPR_CLOCK_MONOTONIC);
    if (time == Clock::time_point()) return gpr_time_0(GPR_CLOCK_MONOTONIC);
    const std::chrono::nanoseconds left = std::max<Clock::duration>(time - Clock::now(), Clock::duration(0));
    return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_nanos(left.count(), GPR_TIMESPAN));
}

// A message as one piece, decompressed.
Decoding body_of(const grpc::ByteBuffer& message, uint64_t most, BodyPool& bodies, ReceivedBody& ret_body) {
    std::vector<grpc::Slice> slices;
    if (!message.Dump(&slices).ok()) return Decoding::kBroken;
    ReceivedBody body = bodies.take(message.Length());
    uint8_t* to = body.bytes.get();
    for (const grpc::Slice& slice : slices) to = std::copy(slice.begin(), slice.end(), to);
    // gRPC does not say whether it is compressed, but a request cannot begin like this: type 7 of a field is none.
    const bool gzip = body.size >= 2 && body.bytes[0] == 0x1f && body.bytes[1] == 0x8b;
    if (!gzip) {
        ret_body = std::move(body);
        return Decoding::kDone;
    }
    Body plain;
    const Decoding decoding = decode_body(ContentCoding::kGzip, body.span(), most, plain);
    if (decoding == Decoding::kDone) ret_body = std::move(plain);
    return decoding;
}

}  // namespace

GrpcCalls::GrpcCalls(const Receivers& receivers, Bounds bounds, GrpcConnections& connections, Gatekeeper* gate,
                     std::function<void()> work, grpc::ServerBuilder& builder)
    : receivers_(receivers), bounds_(bounds), connections_(connections), gate_(gate), work_(std::move(work)) {
    builder.RegisterAsyncGenericService(&generic_);
    queue_ = builder.AddCompletionQueue();
}

void GrpcCalls::begin() {
    {
        const MutexLock lock(mutex_);
        for (int i = 0; i < kOpenCalls; ++i) open_call();
    }
    thread_ = named_thread("receive-grpc", [this] { run(); });
}

// One alarm: a second one would be told of twice.
bool GrpcCalls::wake() {
    if (asking_.load(std::memory_order_relaxed)) return false;  // relaxed: nothing is read by it
    const MutexLock lock(wake_mutex_);
    if (!std::exchange(woken_, true)) alarm_.Set(queue_.get(), gpr_time_0(GPR_CLOCK_MONOTONIC), &alarm_);
    return true;
}

// ---- The receiver's thread ------------------------------------------------------------------------------------------

std::chrono::nanoseconds GrpcCalls::cpu() {
    clockid_t clock{};
    timespec used{};
    if (::pthread_getcpuclockid(thread_.native_handle(), &clock) == 0) ::clock_gettime(clock, &used);
    return std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec);
}

void GrpcCalls::end_slow(Clock::time_point now) {
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

void GrpcCalls::close() {
    const MutexLock lock(mutex_);
    closed_ = true;
    for (Call* call : std::exchange(waiting_, {})) refuse(*call, busy(StatusCode::UNAVAILABLE, "the agent ends"));
}

void GrpcCalls::end_unread() {
    const MutexLock lock(mutex_);
    for (const auto& [key, call] : calls_) {
        if (call->state != State::kReading) continue;
        --reading_;
        refuse(*call, busy(StatusCode::UNAVAILABLE, "the agent ends"));
    }
}

void GrpcCalls::end_unanswered() {
    const MutexLock lock(mutex_);
    ended_ = true;
    for (const auto& [key, call] : calls_) {
        if (call->state == State::kTaken) finish(*call, busy(StatusCode::UNAVAILABLE, "the agent ends"));
    }
}

void GrpcCalls::end() {
    {
        const MutexLock lock(wake_mutex_);
        woken_ = true;
    }
    queue_->Shutdown();
    thread_.join();
    const MutexLock lock(mutex_);
    calls_.clear();
}

bool GrpcCalls::idle() const {
    const MutexLock lock(mutex_);
    return std::none_of(calls_.begin(), calls_.end(), [](const auto& call) {
        return call.second->state == State::kTaken || call.second->state == State::kAnswering;
    });
}

void GrpcCalls::answer(Call& call, const ReceiverReply& reply) {
    const MutexLock lock(mutex_);
    if (call.state != State::kTaken || ended_) return;
    switch (reply.kind) {
        case ReceiverReply::Kind::kTaken: {
            const grpc::ByteBuffer body = buffer_of(response_body(WireEncoding::kProtobuf, reply, call.signal));
            set(call, State::kAnswering);
            ++call.operations;
            call.stream.WriteAndFinish(body, {}, Status::OK, &call);
            return;
        }
        case ReceiverReply::Kind::kBusy: return finish(call, busy(StatusCode::UNAVAILABLE, reply.message));
        case ReceiverReply::Kind::kMalformed: return finish(call, {StatusCode::INVALID_ARGUMENT, reply.message});
    }
}

// ---- The thread of the calls ----------------------------------------------------------------------------------------

void GrpcCalls::run() {
    const AlternateStack stack;
    for (;;) {
        void* tag = nullptr;
        bool ok = false;
        const auto status = queue_->AsyncNext(&tag, &ok, gprs(go_at_));
        if (status == grpc::CompletionQueue::SHUTDOWN) return;
        turns_.fetch_add(1, std::memory_order_relaxed);  // relaxed: nothing is read by it
        if (status == grpc::CompletionQueue::TIMEOUT) {
            go_on();
        } else if (tag == &alarm_) {
            {
                const MutexLock lock(wake_mutex_);
                woken_ = false;
            }
            at_work_.store(true, std::memory_order_relaxed);  // relaxed: nothing is read by it
            work_();
            go_at_ = {};                                       // what waited for what is answered now
            at_work_.store(false, std::memory_order_relaxed);  // likewise
        } else {
            proceed(*static_cast<Call*>(tag), ok);
        }
    }
}

// Nothing more is there.
void GrpcCalls::go_on() {
    const Clock::time_point now = Clock::now();
    go_at_ = Clock::time_point::max();
    const MutexLock lock(receivers_.mutex());
    receivers_.each([&](Receiver& receiver) {
        try {
            go_at_ = std::min(go_at_, receiver.go(now));
        } catch (const std::exception& error) {  // no memory; it goes with the next
            spdlog::error("receiver: {}", error.what());
        }
    });
}

void GrpcCalls::proceed(Call& call, bool ok) {
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
    at_work_.store(true, std::memory_order_relaxed);  // relaxed: nothing is read by it
    try {
        has_message(holds);
    } catch (const std::exception& error) {  // no memory: it costs the request
        answer(call, {ReceiverReply::Kind::kBusy, 0, error.what()});
    }
    at_work_.store(false, std::memory_order_relaxed);  // likewise
}

void GrpcCalls::began(const CallPtr& begun) {
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
Gatekeeper::Verdict GrpcCalls::ask(const Call& call) {
    if (gate_ == nullptr || call.connection == nullptr) return Gatekeeper::Verdict::kLetIn;
    const auto said = call.context.client_metadata().find(gate_->header());
    const bool none = said == call.context.client_metadata().end();
    at_work_.store(true, std::memory_order_relaxed);  // relaxed: nothing is read by it
    asking_.store(true, std::memory_order_relaxed);   // likewise
    const Gatekeeper::Verdict verdict =
        gate_->judge(none ? "" : std::string_view(said->second.data(), said->second.size()), call.connection->origin(),
                     Clock::now());
    asking_.store(false, std::memory_order_relaxed);   // likewise
    at_work_.store(false, std::memory_order_relaxed);  // likewise
    return verdict;
}

// Who is not known is told nothing else. False: it is answered.
bool GrpcCalls::may_ask(Call& call, Gatekeeper::Verdict verdict) {
    switch (verdict) {
        case Gatekeeper::Verdict::kLetIn: return true;
        case Gatekeeper::Verdict::kLater:
            refuse(call, busy(StatusCode::UNAVAILABLE, "too many ask who they are"));
            return false;
        case Gatekeeper::Verdict::kUnknown: break;
    }
    receivers_.first().note_unauthenticated();
    finish(call, {StatusCode::UNAUTHENTICATED, "the receiver does not know who sends"});
    return false;
}

void GrpcCalls::read_next() {
    while (!waiting_.empty() && reading_ < bounds_.reading && !ended_) {
        Call& call = *waiting_.front();
        waiting_.pop_front();
        ++reading_;
        set(call, State::kReading);
        ++call.operations;
        call.stream.Read(&call.message, &call);
    }
}

// Without the lock: this is most of what there is to do for a request.
void GrpcCalls::has_message(const CallPtr& call) {
    ReceivedBody body;
    const Decoding decoding = body_of(call->message, bounds_.message_bytes, bodies_, body);
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
                                                                   std::to_string(bounds_.message_bytes) + " bytes)"});
            case Decoding::kBroken: return refuse(*call, {StatusCode::INVALID_ARGUMENT, "its compression is broken"});
        }
    }
    go_at_ = {};  // as soon as nothing more is there
    const MutexLock lock(receivers_.mutex());
    receivers_.note(ReceivedBy::kGrpc);
    call->receiver->take(
        std::move(body),
        // A call that ended meanwhile is not there any more.
        [this, weak = std::weak_ptr(call)](const ReceiverReply& reply) {
            if (const CallPtr waits = weak.lock()) answer(*waits, reply);
        },
        ReceivedBy::kGrpc, true);
}

void GrpcCalls::open_call() {
    if (ended_) return;
    const CallPtr call = std::make_shared<Call>();
    calls_.emplace(call.get(), call);
    ++call->operations;
    generic_.RequestCall(&call->context, &call->stream, queue_.get(), queue_.get(), call.get());
}

void GrpcCalls::set(Call& call, State state) {
    call.state = state;
    call.since = Clock::now();
}

void GrpcCalls::finish(Call& call, const Status& status) {
    set(call, State::kAnswering);
    ++call.operations;
    call.stream.Finish(status, &call);
}

// What never came to the receiver.
void GrpcCalls::refuse(Call& call, const Status& status) {
    const bool malformed = status.error_details().empty();
    Receiver& receiver = call.receiver != nullptr ? *call.receiver : receivers_.first();
    malformed ? receiver.note_malformed() : receiver.note_refused();
    finish(call, status);
}

}  // namespace spanring::agent
