// SPDX-License-Identifier: Apache-2.0
//
// otlp_sink: an OTLP/gRPC receiver that takes every request, counts it and forgets it: what agents and SDKs are
// measured against. It says "ready HOST:PORT".
//
//     count         requests, bytes, spans since the last count
//     limit RATE    answers no faster than RATE spans a second (0: at once): a backend that is too slow
//     delay MS      answers each request so much later, any number of them at a time: a backend that is far away
//     latency ON    measures (1) from the end of each span to its arrival, or stops (0); answers the p50_ms, p95_ms and
//                   p99_ms of those since it was last asked
#include <grpcpp/alarm.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "core.hpp"
#include "otlp_spans.hpp"
#include "worker.hpp"

namespace {

// What arrived; written by the one thread that takes requests.
class Arrivals {
public:
    void add(const grpc::ByteBuffer& request) {
        grpc::Slice whole;
        if (!request.TrySingleSlice(&whole).ok() && !request.DumpToSingleSlice(&whole).ok()) return;
        // relaxed: a switch; the values are behind the mutex.
        const uint64_t spans =
            timed_.load(std::memory_order_relaxed) ? time(whole) : bench::OtlpSpans::count(whole.begin(), whole.size());
        // relaxed: independent sums, read once the senders are quiet
        requests_.fetch_add(1, std::memory_order_relaxed);
        bytes_.fetch_add(whole.size(), std::memory_order_relaxed);
        spans_.fetch_add(spans, std::memory_order_relaxed);
        if (const uint64_t rate = rate_.load(std::memory_order_relaxed); rate != 0) {
            next_ = std::max(next_, bench::now()) + spans * 1'000'000'000 / rate;
            bench::sleep_until(next_);
        }
    }
    void limit(uint64_t rate) { rate_.store(rate, std::memory_order_relaxed); }
    void delay(uint64_t milliseconds) { delay_.store(milliseconds, std::memory_order_relaxed); }
    std::chrono::milliseconds delay() const {
        return std::chrono::milliseconds(delay_.load(std::memory_order_relaxed));
    }
    bench::Answer latency(bool on) {
        timed_.store(on, std::memory_order_relaxed);
        const std::lock_guard lock(mutex_);
        std::sort(each_.begin(), each_.end());
        bench::Answer answer;
        for (const auto& [name, part] :
             {std::pair("p50_ms", 0.5), std::pair("p95_ms", 0.95), std::pair("p99_ms", 0.99)}) {
            const auto at = static_cast<size_t>(part * static_cast<double>(each_.size()));
            answer.add(name, each_.empty() ? 0 : static_cast<double>(each_[std::min(at, each_.size() - 1)]) / 1e6);
        }
        each_.clear();
        return answer;
    }
    bench::Answer count() {
        return bench::Answer()
            .add("requests", static_cast<double>(requests_.exchange(0, std::memory_order_relaxed)))
            .add("bytes", static_cast<double>(bytes_.exchange(0, std::memory_order_relaxed)))
            .add("spans", static_cast<double>(spans_.exchange(0, std::memory_order_relaxed)));
    }

private:
    uint64_t time(const grpc::Slice& request) {
        const uint64_t arrived = bench::now(CLOCK_REALTIME);
        const std::lock_guard lock(mutex_);
        return bench::OtlpSpans::each(request.begin(), request.size(), [&](const uint8_t* begin, const uint8_t* end) {
            const uint64_t ended = bench::OtlpSpans::end_time(begin, end);
            each_.push_back(static_cast<int64_t>(arrived - ended));
        });
    }

    std::atomic<uint64_t> requests_{0}, bytes_{0}, spans_{0}, rate_{0}, delay_{0};
    uint64_t next_ = 0;
    std::atomic<bool> timed_{false};
    std::mutex mutex_;
    std::vector<int64_t> each_;  // nanoseconds
};

// One call of the generic service: read the request, answer with an empty ExportTraceServiceResponse.
class Call {
public:
    Call(grpc::AsyncGenericService& service, grpc::ServerCompletionQueue& queue, Arrivals& arrivals)
        : service_(service), queue_(queue), arrivals_(arrivals), stream_(&context_) {
        service_.RequestCall(&context_, &stream_, &queue_, &queue_, this);
    }

    void proceed(bool ok) {
        switch (step_++) {
            case 0:
                if (!ok) return delete this;
                new Call(service_, queue_, arrivals_);
                return stream_.Read(&request_, this);
            case 1:
                ok_ = ok;
                if (ok) arrivals_.add(request_);
                if (const auto delay = arrivals_.delay(); delay.count() != 0)
                    return alarm_.Set(&queue_, std::chrono::system_clock::now() + delay, this);
                ++step_;
                [[fallthrough]];
            case 2: {
                grpc::Slice empty;
                const grpc::Status& status = ok_ ? grpc::Status::OK : grpc::Status::CANCELLED;
                return stream_.WriteAndFinish(grpc::ByteBuffer(&empty, 1), {}, status, this);
            }
            default: return delete this;
        }
    }

private:
    grpc::AsyncGenericService& service_;
    grpc::ServerCompletionQueue& queue_;
    Arrivals& arrivals_;
    grpc::GenericServerContext context_;
    grpc::GenericServerAsyncReaderWriter stream_;
    grpc::ByteBuffer request_;
    grpc::Alarm alarm_;
    bool ok_ = false;  // the request came whole
    int step_ = 0;
};

}  // namespace

int main() {
    Arrivals arrivals;
    grpc::AsyncGenericService service;
    grpc::ServerBuilder builder;
    int port = 0;
    builder.SetMaxReceiveMessageSize(64 << 20);
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterAsyncGenericService(&service);
    const std::unique_ptr<grpc::ServerCompletionQueue> queue = builder.AddCompletionQueue();
    const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
    if (server == nullptr) bench::fail("cannot listen on 127.0.0.1");
    std::thread worker([&] {
        new Call(service, *queue, arrivals);
        void* call;
        for (bool ok; queue->Next(&call, &ok);) static_cast<Call*>(call)->proceed(ok);
    });
    bench::serve({{"count", [&](const bench::Numbers&) { return arrivals.count(); }},
                  {"limit",
                   [&](const bench::Numbers& numbers) {
                       arrivals.limit(numbers[0]);
                       return bench::Answer().add("rate", static_cast<double>(numbers[0]));
                   }},
                  {"delay",
                   [&](const bench::Numbers& numbers) {
                       arrivals.delay(numbers[0]);
                       return bench::Answer().add("delay", static_cast<double>(numbers[0]));
                   }},
                  {"latency", [&](const bench::Numbers& numbers) { return arrivals.latency(numbers[0] != 0); }}},
                 "127.0.0.1:" + std::to_string(port));
    arrivals.limit(0);
    server->Shutdown(std::chrono::system_clock::now());
    queue->Shutdown();
    worker.join();
}
