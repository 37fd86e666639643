// SPDX-License-Identifier: Apache-2.0
//
// The agent's side of a span, from a private copy to the socket: validation, assembly, and sending raw slices over gRPC
// on loopback; beside it the floor, which is gRPC sending the same bytes out of one buffer. The sink is another
// process, so the CPU that is measured is the sender's alone. Figures per span: items_per_second of CPU time, inverted.
#include <benchmark/benchmark.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include <grpcpp/create_channel.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include "export/compressor.hpp"
#include "export/grpc/call.hpp"
#include "otlp/json.hpp"
#include "otlp/request.hpp"
#include "otlp/span_validator.hpp"
#include "otlp/wire.hpp"

#include "export_batches.hpp"

namespace {

using namespace spanring::agent;
using bench::kSpans;
using bench::make_batch;

constexpr uint32_t kInFlight = 8;
std::string sink_address;

void validate(benchmark::State& state) {
    const auto batch = make_batch(kSpans);
    std::vector<std::span<uint8_t>> spans;
    wire::MutableCursor cursor(batch->buffers[0].get(), batch->buffers[0].get() + batch->bytes);
    while (!cursor.done()) {
        size_t length = 0;
        ++cursor.at;
        if (wire::read_length(cursor, length) != wire::Fault::kNone) return state.SkipWithError("no run");
        spans.emplace_back(cursor.at, length);
        cursor.at += length;
    }
    for (auto _ : state) {
        for (const auto one : spans) {
            if (validate_span(one).defect != SpanDefect::kNone) return state.SkipWithError("refused");
        }
    }
    state.SetItemsProcessed(state.iterations() * kSpans);
    state.counters["bytes_per_span"] = static_cast<double>(spans[0].size());
}

void assemble_request(benchmark::State& state) {
    const auto batch = make_batch(static_cast<uint32_t>(state.range(0)));
    for (auto _ : state) benchmark::DoNotOptimize(assemble(batch->runs));
    state.SetItemsProcessed(state.iterations() * kSpans);
}

// What a file of OTLP/JSON costs more than one of protobuf, and zstd more than either.
void write_json(benchmark::State& state) {
    const std::string request = flatten(assemble(make_batch(kSpans)->runs));
    size_t size = 0;
    for (auto _ : state)
        size = otlp_json_of_request({reinterpret_cast<const uint8_t*>(request.data()), request.size()}).size();
    state.SetItemsProcessed(state.iterations() * kSpans);
    state.counters["bytes_per_span"] = static_cast<double>(size) / kSpans;
}

void compress_json(benchmark::State& state) {
    const std::string request = flatten(assemble(make_batch(kSpans)->runs));
    const std::string json = otlp_json_of_request({reinterpret_cast<const uint8_t*>(request.data()), request.size()});
    Request whole;
    whole.slices.emplace_back(reinterpret_cast<const uint8_t*>(json.data()), json.size());
    whole.bytes = json.size();
    const auto compressor = make_compressor("zstd", 1);
    for (auto _ : state) benchmark::DoNotOptimize(compressor->compress(whole));
    state.SetItemsProcessed(state.iterations() * kSpans);
}

// Keeps kInFlight calls going until `make` was asked for every iteration.
template <class Make>
void send(benchmark::State& state, Make make) {
    const auto channel = grpc::CreateChannel(sink_address, grpc::InsecureChannelCredentials());
    OtlpGrpcOptions options;
    options.timeout = std::chrono::seconds(60);
    grpc::CompletionQueue queue;
    uint32_t in_flight = 0;
    bool sound = true;
    const auto finish_one = [&] {
        void* tag = nullptr;
        bool ok = false;
        if (!queue.Next(&tag, &ok)) return;
        const std::unique_ptr<OtlpCall> call(static_cast<OtlpCall*>(tag));
        sound = sound && call->answer().verdict == Verdict::kAccepted;
        --in_flight;
    };
    for (auto _ : state) {
        auto* call = new OtlpCall(make(), options, RequestHeaders());
        call->start(channel, queue, true);
        if (++in_flight == kInFlight) finish_one();
    }
    while (in_flight != 0) finish_one();
    if (!sound) state.SkipWithError("the sink did not accept it");
    state.SetItemsProcessed(state.iterations() * kSpans);
}

void send_runs(benchmark::State& state) {
    const auto batch = make_batch(static_cast<uint32_t>(state.range(0)));
    send(state, [&] { return ship(batch, 0); });
}

void send_one_buffer(benchmark::State& state) {
    const auto batch = make_batch(kSpans);
    spool::TakenEntry record;
    record.request = flatten(assemble(batch->runs));
    record.spans = kSpans;
    const ShipmentPtr shipment = ship(std::move(record));
    send(state, [&] { return shipment; });
}

BENCHMARK(validate);
BENCHMARK(write_json);
BENCHMARK(compress_json);
BENCHMARK(assemble_request)->Arg(8)->Arg(64)->Arg(512);
BENCHMARK(send_one_buffer)->MeasureProcessCPUTime()->UseRealTime();
BENCHMARK(send_runs)->Arg(8)->Arg(64)->Arg(512)->MeasureProcessCPUTime()->UseRealTime();

// ---- The sink -------------------------------------------------------------------------------------------------------

class Sink final : public grpc::CallbackGenericService {
    class Call final : public grpc::ServerGenericBidiReactor {
    public:
        Call() { StartRead(&request_); }
        void OnReadDone(bool) override {
            const grpc::Slice empty;
            response_ = grpc::ByteBuffer(&empty, 1);
            StartWriteAndFinish(&response_, {}, grpc::Status::OK);
        }
        void OnDone() override { delete this; }

    private:
        grpc::ByteBuffer request_, response_;
    };
    grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext*) override { return new Call; }
};

// Listens, tells where, and serves until it is killed.
[[noreturn]] void run_sink(int tell) {
    Sink sink;
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.SetMaxReceiveMessageSize(-1);
    builder.RegisterCallbackGenericService(&sink);
    const auto server = builder.BuildAndStart();
    if (::write(tell, &port, sizeof port) != sizeof port) ::_exit(1);
    server->Wait();
    ::_exit(0);
}

}  // namespace

int main(int argc, char** argv) {
    int tell[2];
    if (::pipe(tell) != 0) return 1;
    const pid_t sink = ::fork();  // before gRPC has a thread
    if (sink == 0) run_sink(tell[1]);
    int port = 0;
    if (::read(tell[0], &port, sizeof port) != sizeof port) return 1;
    sink_address = "127.0.0.1:" + std::to_string(port);
    benchmark::Initialize(&argc, argv);
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
    ::kill(sink, SIGKILL);
    ::waitpid(sink, nullptr, 0);
    return 0;
}
