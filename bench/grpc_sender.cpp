// SPDX-License-Identifier: Apache-2.0
//
// grpc_sender HOST:PORT BYTES SPANS CORE: sends the same request, SPANS spans of BYTES bytes out of one buffer, again
// and again, eight at a time, with gRPC's raw interface. To the sink it is the floor of the agent's side; to a
// Collector it is the applications with their SDKs.
//
//     flat SPANS                as fast as it goes
//     paced RATE MILLISECONDS   a steady rate
//
// Answers spans (accepted), refused, cpu_ns (this process, a span accepted), seconds, p50_ms and p99_ms (how long an
// answer took: with a steady rate alone, for otherwise the others of the eight are waited for as well).
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "core.hpp"
#include "otlp_request.hpp"

namespace {

using bench::Answer;
using bench::Numbers;

class Sender {
public:
    Sender(const std::string& target, const std::string& request, uint32_t spans)
        : stub_(grpc::CreateChannel(target, grpc::InsecureChannelCredentials())), spans_(spans) {
        const grpc::Slice slice(request.data(), request.size(), grpc::Slice::STATIC_SLICE);
        request_ = grpc::ByteBuffer(&slice, 1);
    }

    Answer flat(const Numbers& numbers) {
        begin();
        for (uint64_t sent = 0; sent < numbers[0]; sent += spans_) send();
        return end();
    }

    Answer paced(const Numbers& numbers) {
        begin();
        const uint64_t start = bench::now(), length = numbers[1] * 1'000'000;
        for (uint64_t n = 1;; ++n) {
            const uint64_t at = n * spans_ * 1'000'000'000 / std::max<uint64_t>(numbers[0], 1);
            if (at > length) break;
            while (bench::now() < start + at) finish_one(start + at);
            send();
        }
        return end();
    }

private:
    static constexpr uint32_t kInFlight = 8;
    struct Call {
        grpc::ClientContext context;
        grpc::ByteBuffer response;
        grpc::Status status;
        uint64_t began = bench::now();
        std::unique_ptr<grpc::ClientAsyncResponseReader<grpc::ByteBuffer>> reader;
    };

    void begin() {
        accepted_ = refused_ = 0;
        took_.clear();
        began_ = bench::now();
        cpu_ = bench::now(CLOCK_PROCESS_CPUTIME_ID);
    }
    void send() {
        while (in_flight_ == kInFlight) finish_one();
        auto* call = new Call;
        call->context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
        call->reader = stub_.PrepareUnaryCall(
            &call->context, "/opentelemetry.proto.collector.trace.v1.TraceService/Export", request_, &queue_);
        call->reader->StartCall();
        call->reader->Finish(&call->response, &call->status, call);
        ++in_flight_;
    }
    // At most until then.
    void finish_one(uint64_t until = UINT64_MAX) {
        void* tag = nullptr;
        bool ok = false;
        const uint64_t now = bench::now();
        const uint64_t wait = std::min<uint64_t>(until > now ? until - now : 0, 3600ull * 1'000'000'000);
        const auto deadline =
            gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_nanos(static_cast<int64_t>(wait), GPR_TIMESPAN));
        if (queue_.AsyncNext(&tag, &ok, deadline) != grpc::CompletionQueue::GOT_EVENT) return;
        const std::unique_ptr<Call> call(static_cast<Call*>(tag));
        (call->status.ok() ? accepted_ : refused_) += spans_;
        took_.push_back(static_cast<double>(bench::now() - call->began) / 1e6);
        --in_flight_;
    }
    Answer end() {
        while (in_flight_ != 0) finish_one();
        std::sort(took_.begin(), took_.end());
        const auto took = [&](double part) {
            return took_.empty() ? 0 : took_[static_cast<size_t>(part * static_cast<double>(took_.size() - 1))];
        };
        const double cpu = static_cast<double>(bench::now(CLOCK_PROCESS_CPUTIME_ID) - cpu_);
        return Answer()
            .add("spans", static_cast<double>(accepted_))
            .add("refused", static_cast<double>(refused_))
            .add("cpu_ns", cpu / static_cast<double>(std::max<uint64_t>(accepted_, 1)))
            .add("seconds", static_cast<double>(bench::now() - began_) / 1e9)
            .add("p50_ms", took(0.5))
            .add("p99_ms", took(0.99));
    }

    grpc::GenericStub stub_;
    grpc::CompletionQueue queue_;
    grpc::ByteBuffer request_;
    uint32_t spans_, in_flight_ = 0;
    uint64_t accepted_ = 0, refused_ = 0, began_ = 0, cpu_ = 0;
    std::vector<double> took_;
};

}  // namespace

int main(int count, char** words) {
    if (count != 5) bench::fail("needs HOST:PORT BYTES SPANS CORE");
    bench::pin(std::atoi(words[4]));
    const auto spans = static_cast<uint32_t>(std::strtoul(words[3], nullptr, 10));
    const std::string request = bench::OtlpRequest::make(spans, std::strtoul(words[2], nullptr, 10));
    Sender sender(words[1], request, spans);
    bench::serve({{"flat", [&](const Numbers& numbers) { return sender.flat(numbers); }},
                  {"paced", [&](const Numbers& numbers) { return sender.paced(numbers); }}});
}
