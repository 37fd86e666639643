// SPDX-License-Identifier: Apache-2.0
//
// Provider: the resource of this process and the way to tracers. The library keeps what it opened for the life of the
// process, so a Provider that goes out of scope flushes and shuts nothing down unless it is told to.
#ifndef SPANRING_PROVIDER_HPP
#define SPANRING_PROVIDER_HPP

#include <spanring/attribute.hpp>
#include <spanring/spanring.h>
#include <spanring/tracer.hpp>

#include <chrono>
#include <cstdint>
#include <string_view>
#include <utility>

namespace spanring {

// What happens to a span that ends while the ring is full.
enum class FullPolicy : std::uint32_t {
    kDropNewest = SPR_FULL_DROP_NEWEST,
    kOverwriteOldest = SPR_FULL_OVERWRITE_OLDEST,
    kWait = SPR_FULL_WAIT,
};

// Of each span; 0: the OTEL_*_LIMIT variable behind it, else the specification's default. <spanring/spanring.h> has
// them all.
struct SpanLimits {
    static constexpr std::uint32_t kNone = SPR_LIMIT_NONE;  // no limit
    static constexpr std::uint32_t kZero = SPR_LIMIT_ZERO;  // not one

    std::uint32_t attribute_count = 0;
    std::uint32_t attribute_value_length = 0;  // characters of a text, bytes of Bytes
    std::uint32_t event_count = 0;
    std::uint32_t link_count = 0;
    std::uint32_t event_attribute_count = 0;  // of each event
    std::uint32_t link_attribute_count = 0;   // of each link
};

struct ProviderOptions {
    std::string_view service_name{};  // empty: OTEL_SERVICE_NAME, else unknown_service:PROGRAM
    AttributeList resource_attributes{};
    std::uint64_t memory_limit = 0;  // bytes; 0: SPANRING_MEMORY_LIMIT, else the library's default
    FullPolicy full_policy = FullPolicy::kDropNewest;
    std::chrono::nanoseconds full_wait{0};  // for kWait
    SpanLimits limits{};
    std::string_view resource_schema_url{};
    bool memory_at_open = false;  // all of it, so that no span makes a system call: before a filter of these
};

class [[nodiscard]] Provider {
public:
    // A provider that does nothing.
    Provider() noexcept = default;

    // Never throws: a provider that could not be opened says why in error(), and everything made from it does nothing.
    static Provider open(const ProviderOptions& options = {}) noexcept {
        spr_provider_options raw_options = SPR_PROVIDER_OPTIONS_INIT;
        if (!options.service_name.empty()) {
            raw_options.service_name = options.service_name.data();
            raw_options.service_name_size = options.service_name.size();
        }
        raw_options.resource_attributes = options.resource_attributes.raw();
        raw_options.resource_attribute_count = options.resource_attributes.size();
        raw_options.memory_limit = options.memory_limit;
        raw_options.full_policy = static_cast<std::uint32_t>(options.full_policy);
        raw_options.full_wait_ns = static_cast<std::uint64_t>(options.full_wait.count());
        raw_options.attribute_count_limit = options.limits.attribute_count;
        raw_options.attribute_value_length_limit = options.limits.attribute_value_length;
        raw_options.event_count_limit = options.limits.event_count;
        raw_options.link_count_limit = options.limits.link_count;
        raw_options.event_attribute_count_limit = options.limits.event_attribute_count;
        raw_options.link_attribute_count_limit = options.limits.link_attribute_count;
        if (options.memory_at_open) raw_options.memory = SPR_MEMORY_AT_OPEN;
        if (!options.resource_schema_url.empty()) {
            raw_options.resource_schema_url = options.resource_schema_url.data();
            raw_options.resource_schema_url_size = options.resource_schema_url.size();
        }
        Provider provider;
        provider.error_ = spr_provider_open(&raw_options, &provider.raw_);
        return provider;
    }

    Provider(Provider&& other) noexcept
        : raw_{std::exchange(other.raw_, nullptr)}, error_{std::exchange(other.error_, 0)} {}

    Provider& operator=(Provider&& other) noexcept {
        raw_ = std::exchange(other.raw_, nullptr);
        error_ = std::exchange(other.error_, 0);
        return *this;
    }

    Provider(const Provider&) = delete;
    Provider& operator=(const Provider&) = delete;

    // The same arguments give the same tracer. attributes are the scope's.
    [[nodiscard]] Tracer tracer(std::string_view name, std::string_view version = {}, std::string_view schema_url = {},
                                AttributeList attributes = {}) const noexcept {
        spr_tracer_options options = SPR_TRACER_OPTIONS_INIT;
        options.name = name.data();
        options.name_size = name.size();
        options.version = version.data();
        options.version_size = version.size();
        options.schema_url = schema_url.data();
        options.schema_url_size = schema_url.size();
        options.attributes = attributes.raw();
        options.attribute_count = attributes.size();
        spr_tracer* tracer = nullptr;
        const int error = spr_tracer_get_with(raw_, &options, &tracer);
        return Tracer{tracer, error < 0 ? error : 0};
    }

    // 1, 0, or why tracing is off: see spr_provider_state().
    int state() const noexcept { return spr_provider_state(raw_); }

    // Waits until the agent has taken over everything that ended before. 0, or -ETIMEDOUT.
    int flush(std::chrono::nanoseconds timeout) noexcept {
        return spr_provider_flush(raw_, static_cast<std::uint64_t>(timeout.count()));
    }

    // Flushes, then refuses every later call. Not needed before exit.
    int shutdown(std::chrono::nanoseconds timeout) noexcept {
        return spr_provider_shutdown(raw_, static_cast<std::uint64_t>(timeout.count()));
    }

    spr_statistics statistics() const noexcept {
        spr_statistics statistics = SPR_STATISTICS_INIT;
        spr_provider_statistics(raw_, &statistics);
        return statistics;
    }

    // 0, or why it could not be opened: a negative errno; spr_strerror() explains it.
    int error() const noexcept { return error_; }
    explicit operator bool() const noexcept { return raw_ != nullptr; }
    spr_provider* raw() const noexcept { return raw_; }

private:
    spr_provider* raw_ = nullptr;
    int error_ = 0;
};

}  // namespace spanring

#endif
