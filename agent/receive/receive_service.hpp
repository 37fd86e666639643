// SPDX-License-Identifier: Apache-2.0
//
// The OTLP receiver: a thread of its own, with the sockets, the receiver and the accounts of senders.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "receive/receiver_options.hpp"
#include "receive/receiver_status.hpp"

namespace spanring::agent {

class Exporter;
class Ledger;
class ProcessorChain;
class SpanRecorder;

class ReceiveService {
public:
    using Clock = std::chrono::steady_clock;

    // Listens at once, and serves. `batch_spans`, `batch_bytes`: most in a batch. `recorder` measures what comes,
    // `processors` change it; null: nobody does. All of them live until stop() has returned. Throws std::runtime_error
    // that says where it cannot listen, or keep what it has to.
    ReceiveService(const ReceiverOptions& options, uint32_t batch_spans, uint64_t batch_bytes,
                   std::vector<Exporter*> exporters, Ledger& ledger, SpanRecorder* recorder,
                   ProcessorChain* processors = nullptr);
    ~ReceiveService();  // as close() and stop() at once
    ReceiveService(const ReceiveService&) = delete;
    ReceiveService& operator=(const ReceiveService&) = delete;

    // No request is taken any more. Before the exporters end.
    void close();
    // After that: everything is resolved, and whoever waits for an answer gets it. Once.
    void stop(Clock::time_point deadline);

    ReceiverStatus status() const;               // any thread
    std::vector<std::string> addresses() const;  // with the ports that the kernel chose

private:
    class Worker;
    std::unique_ptr<Worker> worker_;
};

}  // namespace spanring::agent
