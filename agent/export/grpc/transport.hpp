// SPDX-License-Identifier: Apache-2.0
//
// OTLP over gRPC: calls, the channel, zero copy's own connection. At its deadline an attempt ends here whatever gRPC
// does: the call is cancelled, and where its slices do not come back the channel is replaced (main) or its socket shut
// down (zero copy).
//
// Header bill: it holds its channels and the thread that watches them; whoever makes one, and nobody else, includes it.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

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
    void cut() override;
    bool carries_mapped() override;
    bool connecting() override;
    void start(ShipmentPtr shipment, bool probe) override;
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

    Clock::time_point next_event() const;
    void end(OtlpCall* key, std::vector<Ended>& ended);
    void abandon_call(OtlpCall& call, std::vector<Ended>& ended);
    void watch(Clock::time_point now, std::vector<Ended>& ended);
    void replace_channel(uint64_t generation);

    const OtlpGrpcOptions options_;
    const Endpoint endpoint_;
    const LibrarySockets sockets_;        // of all channels but zero copy's own
    std::optional<WatchedTlsFiles> tls_;  // none: plaintext
    std::shared_ptr<grpc::ChannelCredentials> credentials_;

    std::mutex mutex_;
    bool woken_ = false;   // guarded: the alarm is set
    bool ending_ = false;  // guarded

    // Held but for where the sender waits, so that cut() finds everything at rest.
    mutable std::mutex rest_mutex_;
    std::unique_ptr<Wire> wire_;          // guarded, like what follows
    std::unique_ptr<OwnConnection> own_;  // null: zero copy is not asked for, or cannot be had
    uint64_t generation_ = 1;             // of wire_->channel
    std::vector<Lingering> lingering_;

    LibraryThreads threads_;  // threads_cpu()'s own
};

}  // namespace spanring::agent
