// SPDX-License-Identifier: Apache-2.0
//
// The thread of an OTLP/gRPC exporter. It alone owns calls, channels, circuit and spool; other threads only leave
// batches in its inbox and wake it.
//
// Every batch is resolved once, and never waits for the backend longer than one attempt: what was answered is done,
// what was not, or has no place in memory, goes to the spool. At its deadline an attempt ends here whatever gRPC does:
// bytes to the spool, call cancelled; where the slices do not come back the channel is replaced (main) or its socket
// shut down (zero copy), and while too much memory is out that way nothing is sent.
#pragma once

#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include <grpcpp/alarm.h>
#include <grpcpp/channel.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/security/credentials.h>

#include "export/circuit.hpp"
#include "export/exporter.hpp"
#include "export/otlp_call.hpp"
#include "export/otlp_grpc_options.hpp"
#include "export/own_connection.hpp"
#include "export/shipment.hpp"
#include "ledger/ledger.hpp"
#include "spool/spool.hpp"

namespace spanring::agent {

class OtlpSender {
public:
    using Clock = std::chrono::steady_clock;

    struct Hooks {  // called on the sender's thread; resolved also on that of push()
        std::function<void(const std::shared_ptr<Batch>&, uint64_t order, Resolution)> resolved;
        std::function<void(const InstanceId&)> zero_copy_failed;
    };

    // Throws std::runtime_error or std::invalid_argument with what is wrong with the options.
    OtlpSender(std::string name, const OtlpGrpcOptions& options, Ledger* ledger, Hooks hooks);
    ~OtlpSender();
    OtlpSender(const OtlpSender&) = delete;
    OtlpSender& operator=(const OtlpSender&) = delete;

    // Any thread.
    void push(std::shared_ptr<Batch> batch, uint64_t order);
    ExporterStatus status() const;
    // Once, last. Resolves everything: until `deadline` by sending, then by the spool.
    void stop(Clock::time_point deadline);

private:
    // What gRPC may refer to until the queue has given every tag back.
    struct Wire {
        grpc::CompletionQueue queue;
        grpc::Alarm alarm;
        std::shared_ptr<grpc::Channel> channel;
        std::unordered_map<const OtlpCall*, std::unique_ptr<OtlpCall>> calls;
    };
    // Slices that outlived their call.
    struct Lingering {
        std::weak_ptr<const void> slices;
        uint64_t generation = 0;
        size_t bytes = 0;
        Clock::time_point act_at{};
    };
    struct Arrival {
        std::shared_ptr<Batch> batch;
        uint64_t order = 0;
    };

    void run();
    void wake();
    void take_inbox();
    void watch(Clock::time_point now);
    void feed(Clock::time_point now);
    void shed(Clock::time_point now);
    bool finished(Clock::time_point now);
    void wait(Clock::time_point until);
    Clock::time_point next_event(Clock::time_point now) const;
    void wind_up();

    ShipmentPtr next_queued();
    bool start_next();
    bool start_replay(bool probe);
    void start(ShipmentPtr shipment, bool probe);
    void ended(OtlpCall* call);
    void accept(const OtlpCall& call, const Answer& answer);
    void refuse(const OtlpCall& call, const Answer& answer);
    void postpone(const OtlpCall& call, const Answer& answer);
    void give_up(OtlpCall& call);
    void replace_channel(uint64_t generation);
    size_t memory_out() const;

    void keep(ShipmentPtr shipment);  // for a later attempt
    void give_back(const Shipment& shipment);
    void to_spool(ShipmentPtr shipment, Outcome otherwise);
    void resolve(const Shipment& shipment, Resolution resolution);
    void book(std::span<const Spool::Share> shares, uint64_t exported, uint64_t rejected, uint64_t dropped);
    void note(const std::string& error);
    void note_health();

    const std::string name_;
    const OtlpGrpcOptions options_;
    const Endpoint endpoint_;
    const OtlpCall::Settings call_settings_;
    const std::shared_ptr<grpc::ChannelCredentials> credentials_;
    Ledger* const ledger_;
    const Hooks hooks_;

    // Any thread.
    mutable std::mutex mutex_;
    std::vector<Arrival> inbox_;              // guarded
    bool woken_ = false;                      // guarded: the alarm is set
    bool stopping_ = false;                   // guarded
    Clock::time_point stop_at_{};             // guarded
    ExporterStatus status_;                   // guarded
    std::atomic<uint64_t> held_bytes_{0};     // of batches that are not resolved

    // The sender's thread.
    std::unique_ptr<Wire> wire_;
    std::optional<Spool> spool_;
    std::optional<OwnConnection> own_;
    Circuit circuit_;
    uint64_t generation_ = 1;  // of wire_->channel
    std::deque<ShipmentPtr> queue_;
    size_t queue_bytes_ = 0;
    size_t in_flight_ = 0;
    size_t replays_ = 0;  // of these, out of the spool
    std::vector<Lingering> lingering_;
    Clock::time_point next_partial_log_{};
    bool ending_ = false;

    std::thread thread_;
};

}  // namespace spanring::agent
