// SPDX-License-Identifier: Apache-2.0
//
// TracerProvider: what opentelemetry::trace::Provider::SetTracerProvider() takes.
#ifndef SPANRING_OPENTELEMETRY_TRACER_PROVIDER_HPP
#define SPANRING_OPENTELEMETRY_TRACER_PROVIDER_HPP

#include <spanring/opentelemetry/attributes.hpp>
#include <spanring/opentelemetry/context_storage.hpp>
#include <spanring/opentelemetry/tracer.hpp>
#include <spanring/opentelemetry/version.hpp>
#include <spanring/spanring.h>

#include <opentelemetry/common/key_value_iterable.h>
#include <opentelemetry/common/macros.h>
#include <opentelemetry/nostd/shared_ptr.h>
#include <opentelemetry/nostd/string_view.h>
#include <opentelemetry/trace/tracer.h>
#include <opentelemetry/trace/tracer_provider.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace spanring::otel {
inline namespace SPANRING_OTEL_VERSION {

class TracerProvider final : public trace::TracerProvider {
public:
    // Over a provider that was opened with more than the environment says; of a null one the spans do nothing.
    explicit TracerProvider(spr_provider* provider) : provider_{provider}, is_one_context_{ContextStorage::install()} {
        spr_tracer* own = nullptr;
        spr_tracer_get(provider, SPR_S("spanring/opentelemetry.hpp"), spr_version(), SPR_NUL, nullptr, 0, &own);
        fallback_ = wrapped(own);
    }

#if OPENTELEMETRY_ABI_VERSION_NO >= 2
    using trace::TracerProvider::GetTracer;
    nostd::shared_ptr<trace::Tracer> GetTracer(nostd::string_view name, nostd::string_view version,
                                               nostd::string_view schema_url,
                                               const common::KeyValueIterable* attributes) noexcept override {
        const common::NoopKeyValueIterable none;
        return tracer(name, version, schema_url, attributes != nullptr ? *attributes : none);
    }
#else
    nostd::shared_ptr<trace::Tracer> GetTracer(nostd::string_view name, nostd::string_view version = "",
                                               nostd::string_view schema_url = "") noexcept override {
        return tracer(name, version, schema_url, common::NoopKeyValueIterable{});
    }
#endif

    // Waits until the agent has taken over all spans that ended before. What it has not stays in shared memory and is
    // not lost; nobody needs to call this before an exit.
    bool ForceFlush(std::chrono::microseconds timeout = kTimeout) noexcept {
        return spr_provider_flush(provider_, nanoseconds(timeout)) == 0;
    }
    // Flushes; spans that start afterwards do nothing, and those that are open arrive as unfinished.
    bool Shutdown(std::chrono::microseconds timeout = kTimeout) noexcept {
        return spr_provider_shutdown(provider_, nanoseconds(timeout)) == 0;
    }

    spr_provider* raw() const noexcept { return provider_; }

private:
    // The SDK would wait for ever. Nothing depends on it here.
    static constexpr std::chrono::microseconds kTimeout = std::chrono::seconds(5);

    static std::uint64_t nanoseconds(std::chrono::microseconds timeout) noexcept {
        const std::int64_t count = timeout.count();
        if (count <= 0) return 0;
        return static_cast<std::uint64_t>(count > INT64_MAX / 1000 ? INT64_MAX : count * 1000);
    }

    // The same scope gives the same tracer. One whose attributes are refused is tried without them; where there is no
    // room for one more (126), its spans are those of a scope of this header's.
    nostd::shared_ptr<trace::Tracer> tracer(nostd::string_view name, nostd::string_view version,
                                            nostd::string_view schema_url,
                                            const common::KeyValueIterable& attributes) noexcept {
        const Attributes list{attributes};
        spr_tracer_options options = SPR_TRACER_OPTIONS_INIT;
        options.name = name.data();
        options.name_size = name.size();
        options.version = version.data();
        options.version_size = version.size();
        options.schema_url = schema_url.data();
        options.schema_url_size = schema_url.size();
        options.attributes = list.data();
        options.attribute_count = list.size();
        spr_tracer* raw = nullptr;
        if (spr_tracer_get_with(provider_, &options, &raw) < 0) {
            options.attribute_count = 0;
            if (spr_tracer_get_with(provider_, &options, &raw) < 0) return fallback_;
        }
        const std::lock_guard<std::mutex> lock{mutex_};
        for (const Known& known : known_) {
            if (known.raw == raw) return known.tracer;
        }
        known_.push_back({raw, wrapped(raw)});
        return known_.back().tracer;
    }

    nostd::shared_ptr<trace::Tracer> wrapped(spr_tracer* raw) const {
        const std::shared_ptr<trace::Tracer> tracer = std::make_shared<Tracer>(provider_, raw, is_one_context_);
        return nostd::shared_ptr<trace::Tracer>{tracer};
    }

    struct Known {
        spr_tracer* raw;
        nostd::shared_ptr<trace::Tracer> tracer;
    };

    spr_provider* const provider_;
    const bool is_one_context_;
    nostd::shared_ptr<trace::Tracer> fallback_;
    std::mutex mutex_;
    std::vector<Known> known_;
};

// The provider that the environment describes (OTEL_SERVICE_NAME and the like): each call gives the same one. Where
// tracing is off, its spans do nothing.
inline nostd::shared_ptr<trace::TracerProvider> provider() {
    static const std::shared_ptr<trace::TracerProvider> the_provider = [] {
        spr_provider* raw = nullptr;
        spr_provider_open(nullptr, &raw);
        return std::make_shared<TracerProvider>(raw);
    }();
    return nostd::shared_ptr<trace::TracerProvider>{the_provider};
}

}  // namespace SPANRING_OTEL_VERSION
}  // namespace spanring::otel

#endif
