// SPDX-License-Identifier: Apache-2.0
//
// The OpenTelemetry SDK of C++ with its batch processor and OTLP/gRPC, as a worker of the benchmark. The SDK's threads
// start on the core the process was started on; the application's thread then moves to core 0. The batch processor is
// configured by the standard OTEL_BSP_* variables, which this SDK leaves to its program.
//
//     opentelemetry_cpp ENDPOINT REQUESTS SHAPE
//
//     burst BURSTS SPANS    ns of a span: the median over slices of 1,000 spans, of bursts that are flushed after their
//     end flat SPANS            as fast as it goes: produced_s, seconds until the last was sent
#include <opentelemetry/exporters/otlp/otlp_grpc_exporter_factory.h>
#include <opentelemetry/exporters/otlp/otlp_grpc_exporter_options.h>
#include <opentelemetry/sdk/resource/resource.h>
#include <opentelemetry/sdk/trace/batch_span_processor_factory.h>
#include <opentelemetry/sdk/trace/batch_span_processor_options.h>
#include <opentelemetry/sdk/trace/processor.h>
#include <opentelemetry/sdk/trace/tracer_provider.h>
#include <opentelemetry/sdk/trace/tracer_provider_factory.h>

#include "core.hpp"
#include "shapes.hpp"
#include "worker.hpp"

namespace {

using bench::Answer;
using bench::Numbers;

constexpr uint64_t kSlice = 1000;  // short: what else runs on the core then disturbs few of them

uint64_t variable(const char* name) {
    const char* value = std::getenv(name);
    if (value == nullptr) bench::fail(std::string(name) + " is not set");
    return std::strtoul(value, nullptr, 10);
}

std::unique_ptr<opentelemetry::sdk::trace::TracerProvider> make_provider(const std::string& endpoint) {
    namespace sdk = opentelemetry::sdk;
    opentelemetry::exporter::otlp::OtlpGrpcExporterOptions sender;
    sender.endpoint = "http://" + endpoint;
    sender.use_ssl_credentials = false;
    sdk::trace::BatchSpanProcessorOptions batches;
    batches.max_queue_size = variable("OTEL_BSP_MAX_QUEUE_SIZE");
    batches.max_export_batch_size = variable("OTEL_BSP_MAX_EXPORT_BATCH_SIZE");
    batches.schedule_delay_millis = std::chrono::milliseconds(variable("OTEL_BSP_SCHEDULE_DELAY"));
    return sdk::trace::TracerProviderFactory::Create(
        sdk::trace::BatchSpanProcessorFactory::Create(
            opentelemetry::exporter::otlp::OtlpGrpcExporterFactory::Create(sender), batches),
        sdk::resource::Resource::Create({{"service.name", "bench"}}));
}

}  // namespace

int main(int count, char** words) {
    if (count < 4) bench::fail("needs the sink's host:port, the file of requests and a shape");
    const bench::Requests requests(words[2]);
    const peer::Shape shape = peer::find_shape(words[3]);
    const auto provider = make_provider(words[1]);
    const auto tracer = provider->GetTracer("bench", "1");
    const auto root = tracer->StartSpan("root");
    const auto parent = root->GetContext();
    const auto spans = [&](uint64_t number) {
        for (uint64_t i = 0; i < number; ++i) shape(*tracer, parent, requests[i]);
    };
    const auto flush = [&] {
        if (!provider->ForceFlush()) bench::fail("the SDK does not flush");
    };
    bench::pin(0);
    bench::serve({{"burst",
                   [&](const Numbers& numbers) {
                       std::vector<double> each;
                       for (uint64_t burst = 0; burst < numbers[0]; ++burst) {
                           for (uint64_t made = 0; made < numbers[1]; made += kSlice) {
                               const uint64_t slice = std::min(kSlice, numbers[1] - made), begin = bench::now();
                               spans(slice);
                               each.push_back(static_cast<double>(bench::now() - begin) / static_cast<double>(slice));
                           }
                           flush();
                       }
                       return Answer().add("ns", bench::median(std::move(each)));
                   }},
                  {"flat", [&](const Numbers& numbers) {
                       const uint64_t begin = bench::now();
                       spans(numbers[0]);
                       const double produced = static_cast<double>(bench::now() - begin) / 1e9;
                       flush();
                       return Answer()
                           .add("spans", static_cast<double>(numbers[0]))
                           .add("produced_s", produced)
                           .add("seconds", static_cast<double>(bench::now() - begin) / 1e9);
                   }}});
}
