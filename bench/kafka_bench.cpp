// SPDX-License-Identifier: Apache-2.0
//
// What the Kafka exporter costs of CPU, librdkafka's threads included, and what librdkafka costs that is handed the
// same bytes as finished messages. The cluster is that library's stand-in, in another process, so that the CPU that is
// measured is the sender's alone. Figures per span: items_per_second of CPU time, inverted.
#include <benchmark/benchmark.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "export/kafka/messages.hpp"
#include "export/kafka/options.hpp"
#include "export/kafka/transport.hpp"

#include "export_batches.hpp"

namespace {

using namespace spanring::agent;
using bench::kSpans;
using bench::make_batch;

constexpr size_t kInFlight = 8;  // requests
std::string brokers;

KafkaOptions options_for(const std::string& compression, bool by_trace) {
    KafkaOptions options;
    options.brokers = {brokers};
    options.compression = compression;
    options.partition_traces_by_id = by_trace;
    options.timeout = std::chrono::minutes(1);
    return options;
}

// Batches of runs, as the exporter's thread gives them.
void exporter(benchmark::State& state, const std::string& compression, bool by_trace) {
    const auto batch = make_batch(static_cast<uint32_t>(state.range(0)));
    KafkaTransport transport(options_for(compression, by_trace));
    size_t in_flight = 0;
    bool sound = true;
    const auto take = [&] {
        for (const Transport::Ended& ended : transport.wait(Transport::Clock::now() + std::chrono::minutes(1))) {
            sound = sound && ended.answer.verdict == Verdict::kAccepted;
            --in_flight;
        }
    };
    for (auto _ : state) {
        transport.start(ship(batch, 0), false, {});
        ++in_flight;
        while (in_flight >= kInFlight) take();
    }
    while (in_flight != 0) take();
    if (!sound) state.SkipWithError("the cluster did not take it");
    state.SetItemsProcessed(state.iterations() * kSpans);
}

// The library alone, which copies what it is handed, as many messages at a time.
void library(benchmark::State& state, const std::string& compression, bool by_trace) {
    const auto batch = make_batch(kSpans);
    const KafkaOptions options = options_for(compression, by_trace);
    const std::vector<KafkaMessage> messages =
        KafkaMessages(false, by_trace).of(batch->runs, assemble(batch->runs), options.max_message_bytes);
    char error[512];
    rd_kafka_conf_t* const configuration = ::rd_kafka_conf_new();
    for (const auto& [key, value] :
         std::vector<std::pair<std::string, std::string>>{{"bootstrap.servers", brokers},
                                                          {"acks", "all"},
                                                          {"enable.idempotence", "true"},
                                                          {"linger.ms", "10"},
                                                          {"compression.codec", compression},
                                                          {"partitioner", "fnv1a_random"},
                                                          {"queue.buffering.max.messages", "0"},
                                                          {"message.max.bytes", "1000512"},
                                                          {"batch.size", "1000000"}})
        if (::rd_kafka_conf_set(configuration, key.c_str(), value.c_str(), error, sizeof error) != RD_KAFKA_CONF_OK)
            std::abort();
    ::rd_kafka_conf_set_events(configuration, RD_KAFKA_EVENT_DR);
    rd_kafka_t* const producer = ::rd_kafka_new(RD_KAFKA_PRODUCER, configuration, error, sizeof error);
    rd_kafka_topic_t* const topic = ::rd_kafka_topic_new(producer, "otlp_spans", nullptr);
    rd_kafka_queue_t* const events = ::rd_kafka_queue_get_main(producer);
    size_t in_flight = 0;
    bool sound = true;
    const auto take = [&] {
        rd_kafka_event_t* const event = ::rd_kafka_queue_poll(events, 60'000);
        while (const rd_kafka_message_t* const message = ::rd_kafka_event_message_next(event)) {
            sound = sound && message->err == RD_KAFKA_RESP_ERR_NO_ERROR;
            --in_flight;
        }
        ::rd_kafka_event_destroy(event);
    };
    for (auto _ : state) {
        for (const KafkaMessage& message : messages) {
            const void* const key = message.key.empty() ? nullptr : message.key.data();
            if (::rd_kafka_produce(topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, message.payload.bytes.get(),
                                   message.payload.size, key, message.key.size(), nullptr) != 0)
                std::abort();
        }
        in_flight += messages.size();
        while (in_flight >= kInFlight * messages.size()) take();
    }
    while (in_flight != 0) take();
    if (!sound) state.SkipWithError("the cluster did not take it");
    ::rd_kafka_topic_destroy(topic);
    ::rd_kafka_queue_destroy(events);
    ::rd_kafka_destroy(producer);
    state.SetItemsProcessed(state.iterations() * kSpans);
    state.counters["messages"] = static_cast<double>(messages.size());
}

void add_pair(const std::string& name, const std::string& compression, bool by_trace) {
    benchmark::RegisterBenchmark(("library/" + name).c_str(), library, compression, by_trace)
        ->MeasureProcessCPUTime()
        ->UseRealTime();
    benchmark::RegisterBenchmark(("exporter/" + name).c_str(), exporter, compression, by_trace)
        ->Arg(8)
        ->Arg(512)
        ->MeasureProcessCPUTime()
        ->UseRealTime();
}

// Serves until it is killed, and tells where.
[[noreturn]] void run_cluster(int tell) {
    char error[512];
    rd_kafka_t* const handle = ::rd_kafka_new(RD_KAFKA_PRODUCER, ::rd_kafka_conf_new(), error, sizeof error);
    rd_kafka_mock_cluster_t* const cluster = ::rd_kafka_mock_cluster_new(handle, 1);
    ::rd_kafka_mock_topic_create(cluster, "otlp_spans", 8, 1);
    const std::string address = ::rd_kafka_mock_cluster_bootstraps(cluster);
    if (::write(tell, address.c_str(), address.size()) < 0) ::_exit(1);
    for (;;) ::pause();
}

}  // namespace

int main(int argc, char** argv) {
    int tell[2];
    char address[128] = {};
    if (::pipe(tell) != 0) return 1;
    const pid_t cluster = ::fork();  // before there is a thread
    if (cluster == 0) run_cluster(tell[1]);
    if (::read(tell[0], address, sizeof address - 1) <= 0) return 1;
    brokers = address;
    add_pair("none", "none", false);
    add_pair("zstd", "zstd", false);
    add_pair("none/by_trace", "none", true);
    benchmark::Initialize(&argc, argv);
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
    ::kill(cluster, SIGKILL);
    ::waitpid(cluster, nullptr, 0);
    return 0;
}
