// SPDX-License-Identifier: Apache-2.0
//
// What a program is that uses OpenTelemetry's own SDK: with its batch processor and OTLP over gRPC.
#pragma once

#include <opentelemetry/exporters/otlp/otlp_grpc_exporter_factory.h>
#include <opentelemetry/exporters/otlp/otlp_grpc_exporter_options.h>
#include <opentelemetry/sdk/resource/resource.h>
#include <opentelemetry/sdk/trace/batch_span_processor_factory.h>
#include <opentelemetry/sdk/trace/batch_span_processor_options.h>
#include <opentelemetry/sdk/trace/processor.h>
#include <opentelemetry/sdk/trace/sampler.h>
#include <opentelemetry/sdk/trace/tracer_provider.h>
#include <opentelemetry/sdk/trace/tracer_provider_factory.h>

#include <memory>
#include <string>
#include <utility>

// endpoint: http://host:port.
inline std::unique_ptr<opentelemetry::sdk::trace::TracerProvider> make_sdk(
    const std::string& endpoint, std::unique_ptr<opentelemetry::sdk::trace::Sampler> sampler) {
    namespace sdk = opentelemetry::sdk;
    opentelemetry::exporter::otlp::OtlpGrpcExporterOptions sender;
    sender.endpoint = endpoint;
    sender.use_ssl_credentials = false;
    return sdk::trace::TracerProviderFactory::Create(
        sdk::trace::BatchSpanProcessorFactory::Create(
            opentelemetry::exporter::otlp::OtlpGrpcExporterFactory::Create(sender),
            sdk::trace::BatchSpanProcessorOptions{}),
        sdk::resource::Resource::Create({{"service.name", "sdk"}}), std::move(sampler));
}
