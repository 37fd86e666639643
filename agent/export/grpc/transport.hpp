// SPDX-License-Identifier: Apache-2.0
//
// OTLP over gRPC: calls, the channel, zero copy's own connection. At its deadline an attempt ends here whatever gRPC
// does: the call is cancelled, and where its slices do not come back the channel is replaced (main) or its socket shut
// down (zero copy).
//
// Header bill: it holds its channels and the thread that watches them; whoever makes one, and nobody else, includes it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.hpp"
#include "export/grpc/endpoint.hpp"
#include "export/grpc/forward.hpp"
#include "export/grpc/library_sockets.hpp"
#include "export/grpc/library_threads.hpp"
#include "export/grpc/options.hpp"
#include "export/transport.hpp"
#include "export/watched_tls_files.hpp"

namespace spanring::agent {

class OtlpCall;
class OwnConnection;

class GrpcTransport final : public Transport {
public:
    // Throws std::runtime_error or std::invalid_argument with what is wrong with the options.
    explicit GrpcTransport(const OtlpGrpcOptions& options);
    ~GrpcTransport() override;

    const std::string& peer() const override { return options_.endpoint; }
    void wake() override;
    std::chrono::nanoseconds threads_cpu() override { return threads_.used(); }
    bool is_to_blame() override;
    bool settle() override;
    void cut() override;
    bool carries_mapped() override;
    bool connecting() override;
    bool settled() override;
    void start(ShipmentPtr shipment, bool probe, RequestHeaders headers) override;
    std::vector<Ended> wait(Clock::time_point until) override;
    size_t memory_out() const override;
    std::vector<ShipmentPtr> abandon() override;

private:
    struct Wire;  // what gRPC may refer to until the queue has given every tag back
    // Slices that outlived their call.
    struct Lingering {
        std::weak_ptr<const void> slices;
        uint64_t generation = 0;
        size_t bytes = 0;
        Clock::time_point act_at{};
    };

    Clock::time_point next_event() const SPR_REQUIRES(rest_mutex_);
    void end(OtlpCall* key, std::vector<Ended>& ended) SPR_REQUIRES(rest_mutex_);
    void abandon_call(OtlpCall& call, std::vector<Ended>& ended) SPR_REQUIRES(rest_mutex_);
    void watch(Clock::time_point now, std::vector<Ended>& ended) SPR_REQUIRES(rest_mutex_);
    void replace_channel(uint64_t generation) SPR_REQUIRES(rest_mutex_);

    const OtlpGrpcOptions options_;
    const Endpoint endpoint_;
    const LibrarySockets sockets_;        // of all channels but zero copy's own
    std::optional<WatchedTlsFiles> tls_;  // none: plaintext
    std::shared_ptr<grpc::ChannelCredentials> credentials_ SPR_GUARDED_BY(rest_mutex_);

    Mutex mutex_;
    bool woken_ SPR_GUARDED_BY(mutex_) = false;  // the alarm is set
    bool ending_ SPR_GUARDED_BY(mutex_) = false;

    // Held but for where the sender waits, so that cut() finds everything at rest.
    mutable Mutex rest_mutex_;
    std::unique_ptr<Wire> wire_;  // always the same one; its calls and its channel are guarded, the queue is not
    std::unique_ptr<OwnConnection> own_ SPR_GUARDED_BY(rest_mutex_);  // null: no zero copy
    uint64_t generation_ SPR_GUARDED_BY(rest_mutex_) = 1;             // of wire_->channel
    bool settled_ SPR_GUARDED_BY(rest_mutex_) = true;                 // its connection, where there is one
    std::vector<Lingering> lingering_ SPR_GUARDED_BY(rest_mutex_);

    LibraryThreads threads_;  // threads_cpu()'s own
    // is_to_blame()'s own: what had come when it was asked last.
    uint64_t heard_ = 0;
    Clock::time_point heard_at_{};
};

}  // namespace spanring::agent
