// SPDX-License-Identifier: Apache-2.0
//
// What a span of OpenTelemetry's API for C++ costs the thread that makes it: with spanring/opentelemetry.hpp, and with
// the SDK, its batch processor and OTLP over gRPC. In turns, in one process, by the same code
// (../opentelemetry_cpp/shapes.hpp).
//
//     opentelemetry_api_cpp ENDPOINT REQUESTS [SLICES]
//
// run.sh starts the sink, and an agent that drains and sends to it as well. A slice is 1,000 spans, and what it made is
// flushed before the next one; the figure is the median of the lower half of the slices, because other programs only
// ever make one slower.
#include <spanring/opentelemetry.hpp>

#include <opentelemetry/exporters/otlp/otlp_grpc_exporter_factory.h>
#include <opentelemetry/exporters/otlp/otlp_grpc_exporter_options.h>
#include <opentelemetry/sdk/resource/resource.h>
#include <opentelemetry/sdk/trace/batch_span_processor_factory.h>
#include <opentelemetry/sdk/trace/batch_span_processor_options.h>
#include <opentelemetry/sdk/trace/processor.h>
#include <opentelemetry/sdk/trace/tracer_provider.h>
#include <opentelemetry/sdk/trace/tracer_provider_factory.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "core.hpp"
#include "peers/opentelemetry_cpp/shapes.hpp"
#include "requests.hpp"
#include "worker.hpp"

namespace {

constexpr uint64_t kSlice = 1000;

std::unique_ptr<opentelemetry::sdk::trace::TracerProvider> make_sdk(const std::string& endpoint) {
    namespace sdk = opentelemetry::sdk;
    opentelemetry::exporter::otlp::OtlpGrpcExporterOptions sender;
    sender.endpoint = "http://" + endpoint;
    sender.use_ssl_credentials = false;
    sdk::trace::BatchSpanProcessorOptions batches;
    batches.max_queue_size = 65536;
    batches.max_export_batch_size = 8192;
    return sdk::trace::TracerProviderFactory::Create(
        sdk::trace::BatchSpanProcessorFactory::Create(
            opentelemetry::exporter::otlp::OtlpGrpcExporterFactory::Create(sender), batches),
        sdk::resource::Resource::Create({{"service.name", "opentelemetry_api_cpp"}}));
}

class Side {
public:
    explicit Side(opentelemetry::trace::TracerProvider& provider)
        : tracer_(provider.GetTracer("bench", "1")), parent_(tracer_->StartSpan("root")->GetContext()) {}

    void slice(peer::Shape shape, const bench::Requests& requests) {
        const uint64_t begin = bench::now(CLOCK_THREAD_CPUTIME_ID);
        for (uint64_t i = 0; i < kSlice; ++i) shape(*tracer_, parent_, requests[i]);
        slices_.push_back(static_cast<double>(bench::now(CLOCK_THREAD_CPUTIME_ID) - begin) /
                          static_cast<double>(kSlice));
    }

    double figure() {
        std::sort(slices_.begin(), slices_.end());
        const double quartile = slices_[slices_.size() / 4];
        slices_.clear();
        return quartile;
    }

private:
    opentelemetry::nostd::shared_ptr<opentelemetry::trace::Tracer> tracer_;
    opentelemetry::trace::SpanContext parent_;
    std::vector<double> slices_;
};

}  // namespace

int main(int count, char** words) {
    if (count < 3) bench::fail("needs the sink's host:port and the file of requests");
    const bench::Requests requests(words[2]);
    const int slices = count > 3 ? std::atoi(words[3]) : 200;
    spr_provider* ring = nullptr;
    if (spr_provider_open(nullptr, &ring) < 0) bench::fail("there is no provider");
    spanring::otel::TracerProvider spanring(ring);
    const auto sdk = make_sdk(words[1]);
    Side ours(spanring), theirs(*sdk);
    for (const char* name : {"bare", "three", "ten", "http", "rich", "nested"}) {
        const peer::Shape shape = peer::find_shape(name);
        for (int i = 0; i < slices; ++i) {
            ours.slice(shape, requests);
            if (!spanring.ForceFlush(std::chrono::seconds(10))) bench::fail("the agent does not drain");
            theirs.slice(shape, requests);
            if (!sdk->ForceFlush()) bench::fail("the SDK does not flush");
        }
        const double of_ring = ours.figure(), of_sdk = theirs.figure();
        std::printf("%s: spanring/opentelemetry.hpp %.0f ns, SDK %.0f ns: %.1f times\n", name, of_ring, of_sdk,
                    of_sdk / of_ring);
        std::fflush(stdout);
    }
    spr_statistics counted = SPR_STATISTICS_INIT;
    spr_provider_statistics(ring, &counted);
    if (counted.dropped_full + counted.not_started_slot > 0) bench::fail("spans were lost, so this says nothing");
}
