// SPDX-License-Identifier: Apache-2.0
#include "export/grpc/transport.hpp"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include <grpc/support/time.h>
#include <grpcpp/alarm.h>
#include <grpcpp/channel.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include "export/grpc/call.hpp"
#include "export/grpc/channel.hpp"
#include "export/grpc/log.hpp"
#include "export/grpc/own_connection.hpp"

namespace spanring::agent {

namespace {

constexpr std::chrono::milliseconds kGrace{250};  // for gRPC to end a call at its deadline, and to give slices back
constexpr std::chrono::seconds kLinger{1};        // for tags at the very end

// Of a peer that keeps gRPC busy, bytes a millisecond: more than answers to what was not sent, less than a flood that
// gets a tenth of a slow core. Since it was asked last, which was not long ago: a long time would hide a short flood.
constexpr uint64_t kMuch = 32;
constexpr std::chrono::seconds kRecent{10};

gpr_timespec in(std::chrono::nanoseconds time) {
    return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                        gpr_time_from_nanos(std::max<int64_t>(time.count(), 0), GPR_TIMESPAN));
}

}  // namespace

struct GrpcTransport::Wire {
    grpc::ChannelArguments arguments;
    grpc::CompletionQueue queue;
    grpc::Alarm alarm;
    std::shared_ptr<grpc::Channel> channel;
    std::unordered_map<const OtlpCall*, std::unique_ptr<OtlpCall>> calls;
};

GrpcTransport::GrpcTransport(const OtlpGrpcOptions& options)
    : options_(options),
      endpoint_(parse_endpoint(options.endpoint, options.insecure)),
      sockets_(keepalive_timeout(options), endpoint_.path),
      wire_(std::make_unique<Wire>()) {
    take_over_grpc_log();
    check_options(options_);
    if (endpoint_.tls) tls_.emplace(options_);
    credentials_ = make_credentials(tls_ ? tls_->get().get() : nullptr, options_.insecure_skip_verify);
    wire_->arguments = channel_arguments(endpoint_, options_, sockets_.keepalive_timeout());
    wire_->channel = make_channel(endpoint_, wire_->arguments, credentials_);
    if (options_.zero_copy != ZeroCopy::kOff && !endpoint_.tls && options_.compression != "gzip") {
        own_ = std::make_unique<OwnConnection>(endpoint_, wire_->arguments, [this] { wake(); });
        own_->pending();  // connect before it is needed
    }
}

GrpcTransport::~GrpcTransport() {
    abandon();
    for (const auto& [key, call] : wire_->calls) call->cancel();
    own_.reset();
    wire_->queue.Shutdown();
    void* tag = nullptr;
    bool ok = false;
    const gpr_timespec last = in(kLinger);
    grpc::CompletionQueue::NextStatus status{};
    while ((status = wire_->queue.AsyncNext(&tag, &ok, last)) == grpc::CompletionQueue::GOT_EVENT) {
        if (tag != &wire_->alarm) wire_->calls.erase(static_cast<OtlpCall*>(tag));
    }
    // A peer that does not read can hold a call of the main channel until the kernel gives it up. Its memory cannot be
    // freed under gRPC, so it is left; the process is about to end.
    if (status == grpc::CompletionQueue::TIMEOUT) static_cast<void>(wire_.release());
}

void GrpcTransport::wake() {
    const MutexLock lock(mutex_);
    if (woken_ || ending_) return;
    woken_ = true;
    wire_->alarm.Set(&wire_->queue, gpr_time_0(GPR_CLOCK_REALTIME), &wire_->alarm);
}

// By epoll (polling.hpp) all connections of the process are served by whichever thread of gRPC's waits, and by its own
// threads as ever: the floods of one peer are in the CPU time of others. So a peer is believed to flood where bytes
// come from it, from one time that it was too much to the next.
bool GrpcTransport::is_to_blame() {
    {
        const MutexLock lock(rest_mutex_);
        if (own_) return true;  // zero copy's own connection is not looked at
    }
    const std::optional<uint64_t> received = sockets_.received();
    if (!received) return true;
    const Clock::time_point now = Clock::now();
    const auto since = std::chrono::duration_cast<std::chrono::milliseconds>(now - std::exchange(heard_at_, now));
    const uint64_t before = std::exchange(heard_, *received);
    return since < kRecent && *received >= before + kMuch * static_cast<uint64_t>(since.count());
}

// Not by the sender's thread: one that listens may not come back from it.
bool GrpcTransport::settle() {
    const MutexLock lock(rest_mutex_);
    if (settled_) return true;
    if (wire_->channel->GetState(false) != GRPC_CHANNEL_READY) return wire_->calls.empty();
    sockets_.bound();
    settled_ = true;
    return true;
}

// A connection that is lost is made anew when the next attempt starts, and not before.
bool GrpcTransport::settled() {
    const MutexLock lock(rest_mutex_);
    return settled_;
}

void GrpcTransport::cut() {
    {
        const MutexLock lock(rest_mutex_);
        for (const auto& [key, call] : wire_->calls) {
            call->cut = true;
            call->cancel();
        }
        replace_channel(0);
        replace_channel(generation_);
        sockets_.shut_down();  // before the new channel connects: it does so at its first call
    }
    wake();
}

bool GrpcTransport::carries_mapped() {
    const MutexLock lock(rest_mutex_);
    return own_ && own_->channel() != nullptr;
}

bool GrpcTransport::connecting() {
    const MutexLock lock(rest_mutex_);
    return own_ && own_->pending();
}

void GrpcTransport::start(ShipmentPtr shipment, bool probe, RequestHeaders headers) {
    const MutexLock lock(rest_mutex_);
    if (tls_ && tls_->refresh(Clock::now())) {
        credentials_ = make_credentials(tls_->get().get(), options_.insecure_skip_verify);
        replace_channel(generation_);  // what is in flight goes on with the old one
    }
    const std::shared_ptr<grpc::Channel> own = shipment->mapped ? own_->channel() : nullptr;
    auto call = std::make_unique<OtlpCall>(std::move(shipment), options_, headers);
    call->generation = own == nullptr ? generation_ : 0;
    call->probe = probe;
    OtlpCall& started = *call;
    wire_->calls.emplace(call.get(), std::move(call));
    if (own == nullptr && wire_->channel->GetState(false) != GRPC_CHANNEL_READY) settled_ = false;
    // A probe waits for the connection: it goes out as soon as the backend is there.
    started.start(own == nullptr ? wire_->channel : own, wire_->queue, probe);
}

std::vector<Transport::Ended> GrpcTransport::wait(Clock::time_point until) {
    std::vector<Ended> ended;
    void* tag = nullptr;
    bool ok = false;
    MutexLock rest(rest_mutex_);
    gpr_timespec deadline = in(std::min(until, next_event()) - Clock::now());
    for (;;) {
        rest.unlock();
        const bool got = wire_->queue.AsyncNext(&tag, &ok, deadline) == grpc::CompletionQueue::GOT_EVENT;
        rest.lock();
        if (!got) break;
        if (tag == &wire_->alarm) {
            const MutexLock lock(mutex_);
            woken_ = false;
        } else {
            end(static_cast<OtlpCall*>(tag), ended);
        }
        deadline = gpr_time_0(GPR_CLOCK_MONOTONIC);  // from now on what else is there, without waiting
    }
    watch(Clock::now(), ended);
    return ended;
}

GrpcTransport::Clock::time_point GrpcTransport::next_event() const {
    auto next = Clock::time_point::max();
    for (const auto& [key, call] : wire_->calls) {
        if (!call->abandoned) next = std::min(next, call->deadline() + kGrace);
    }
    for (const Lingering& rest : lingering_) next = std::min(next, rest.act_at);
    return next;
}

void GrpcTransport::end(OtlpCall* key, std::vector<Ended>& ended) {
    const auto node = wire_->calls.extract(key);
    const OtlpCall& call = *node.mapped();
    if (!call.abandoned) {
        Answer answer = call.answer();
        if (call.cut && answer.verdict == Verdict::kRetry) answer = kept_busy();
        // Whether the connection is still sound cannot be asked.
        if (answer.verdict == Verdict::kRetry && call.shipment()->mapped) replace_channel(call.generation);
        ended.push_back({call.shipment(), call.probe, std::move(answer)});
    }
    Lingering rest{call.slices(), call.generation, call.shipment()->request.bytes, Clock::now() + kGrace};
    node.mapped().reset();
    if (!rest.slices.expired()) lingering_.push_back(std::move(rest));
}

// Ends what gRPC does not end by itself.
void GrpcTransport::watch(Clock::time_point now, std::vector<Ended>& ended) {
    for (const auto& [key, call] : wire_->calls) {
        if (!call->abandoned && now >= call->deadline() + kGrace) abandon_call(*call, ended);
    }
    std::erase_if(lingering_, [](const Lingering& rest) { return rest.slices.expired(); });
    for (Lingering& rest : lingering_) {
        if (now < rest.act_at) continue;
        replace_channel(rest.generation);
        rest.act_at = Clock::time_point::max();
    }
}

void GrpcTransport::abandon_call(OtlpCall& call, std::vector<Ended>& ended) {
    call.abandoned = true;
    Answer answer;
    answer.verdict = Verdict::kRetry;
    answer.message = "no answer within " + std::to_string(options_.timeout.count()) + " ms, and the peer does not read";
    ended.push_back({call.shipment(), call.probe, std::move(answer)});
    call.cancel();
    replace_channel(call.generation);
}

// 0 is zero copy's own connection. Of another generation there is nothing left to replace.
void GrpcTransport::replace_channel(uint64_t generation) {
    if (generation == 0) {
        if (own_) own_->cut();
    } else if (generation == generation_) {
        wire_->channel = make_channel(endpoint_, wire_->arguments, credentials_);
        ++generation_;
        settled_ = false;
    }
}

// What gRPC holds beyond its calls.
size_t GrpcTransport::memory_out() const {
    const MutexLock lock(rest_mutex_);
    size_t bytes = 0;
    for (const auto& [key, call] : wire_->calls) bytes += call->abandoned ? call->shipment()->request.bytes : 0;
    for (const Lingering& rest : lingering_) bytes += rest.slices.expired() ? 0 : rest.bytes;
    return bytes;
}

std::vector<ShipmentPtr> GrpcTransport::abandon() {
    {
        const MutexLock lock(mutex_);
        ending_ = true;
    }
    std::vector<ShipmentPtr> left;
    const MutexLock lock(rest_mutex_);
    for (const auto& [key, call] : wire_->calls) {
        if (!std::exchange(call->abandoned, true)) left.push_back(call->shipment());
    }
    return left;
}

}  // namespace spanring::agent
