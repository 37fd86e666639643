// SPDX-License-Identifier: Apache-2.0
//
// Span: a span of spanring behind the API. As the API asks, any threads may call it at once: a call takes a lock of its
// own, which nobody holds for longer than one call of the library.
#ifndef SPANRING_OPENTELEMETRY_SPAN_HPP
#define SPANRING_OPENTELEMETRY_SPAN_HPP

#include <spanring/opentelemetry/attributes.hpp>
#include <spanring/opentelemetry/span_context.hpp>
#include <spanring/opentelemetry/version.hpp>
#include <spanring/spanring.h>

#include <opentelemetry/common/key_value_iterable.h>
#include <opentelemetry/common/spin_lock_mutex.h>
#include <opentelemetry/common/timestamp.h>
#include <opentelemetry/trace/span.h>
#include <opentelemetry/trace/span_context_kv_iterable.h>
#include <opentelemetry/trace/span_metadata.h>
#include <opentelemetry/trace/span_startoptions.h>

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <typeinfo>
#include <utility>

namespace spanring::otel {
inline namespace SPANRING_OTEL_VERSION {

// When a span began by both clocks, where the program says so. Then its end is as far from its start as the steady
// clock says; else the library measures.
struct Begin {
    std::int64_t system_ns = 0;
    std::int64_t steady_ns = 0;

    Begin() noexcept = default;
    explicit Begin(const trace::StartSpanOptions& options) noexcept
        : system_ns{options.start_system_time.time_since_epoch().count()},
          steady_ns{options.start_steady_time.time_since_epoch().count()} {
        if (system_ns == 0 && steady_ns == 0) return;
        if (system_ns == 0) system_ns = now<std::chrono::system_clock>();
        if (steady_ns == 0) steady_ns = now<std::chrono::steady_clock>();
    }

    bool is_said() const noexcept { return system_ns != 0; }

    // 0: now, by the library's clock.
    std::uint64_t end(const trace::EndSpanOptions& options) const noexcept {
        const std::int64_t said = options.end_steady_time.time_since_epoch().count();
        if (said == 0 && !is_said()) return 0;
        const std::int64_t end = said != 0 ? said : now<std::chrono::steady_clock>();
        const std::int64_t time = is_said()
                                      ? system_ns + (end - steady_ns)
                                      : now<std::chrono::system_clock>() - (now<std::chrono::steady_clock>() - end);
        return time > 0 ? static_cast<std::uint64_t>(time) : 1;
    }

private:
    template <typename Clock>
    static std::int64_t now() noexcept {
        return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch()).count();
    }
};

class Span final : public trace::Span {
public:
    enum class Owner : bool {
        kThis,   // it ends with this object, if not before
        kOther,  // somebody else started it, and ends it
    };

    Span(const spr_span& raw, TraceState trace_state, Owner owner, const Begin& begin = {}) noexcept
        : raw_{raw}, context_{to_opentelemetry(raw.context, std::move(trace_state))}, begin_{begin}, owner_{owner} {}

    ~Span() override {
        if (owner_ == Owner::kThis) end({});
    }

    // The object behind the API's, where it is one of these; without RTTI nobody knows.
    static const Span* of(const trace::Span* span) noexcept {
#if defined(__GXX_RTTI) || defined(__cpp_rtti)
        if (span != nullptr && typeid(*span) == typeid(Span)) return static_cast<const Span*>(span);
#endif
        static_cast<void>(span);
        return nullptr;
    }

    void SetAttribute(nostd::string_view key, const common::AttributeValue& value) noexcept override {
        Values room;
        spr_attribute attribute;
        fill(key, value, room, attribute);
        const Locked locked{lock_};
        spr_span_set_attributes(&raw_, &attribute, 1);
    }

    // Without a time of their own events are of the library's clock, as the start and the end.
    void AddEvent(nostd::string_view name) noexcept override { add_event(name, 0, nullptr); }
    void AddEvent(nostd::string_view name, common::SystemTimestamp timestamp) noexcept override {
        add_event(name, nanoseconds(timestamp), nullptr);
    }
    void AddEvent(nostd::string_view name, const common::KeyValueIterable& attributes) noexcept override {
        add_event(name, 0, &attributes);
    }
    void AddEvent(nostd::string_view name, common::SystemTimestamp timestamp,
                  const common::KeyValueIterable& attributes) noexcept override {
        add_event(name, nanoseconds(timestamp), &attributes);
    }
    using trace::Span::AddEvent;

#if OPENTELEMETRY_ABI_VERSION_NO >= 2
    void AddLink(const trace::SpanContext& target, const common::KeyValueIterable& attributes) noexcept override {
        add_link(target, attributes);
    }
    void AddLinks(const trace::SpanContextKeyValueIterable& links) noexcept override { add_links(links); }
    using trace::Span::AddLink;
    using trace::Span::AddLinks;
#endif

    // For the links of a start, which ABI version 1 has as well.
    void add_links(const trace::SpanContextKeyValueIterable& links) noexcept {
        links.ForEachKeyValue([this](trace::SpanContext target, const common::KeyValueIterable& attributes) noexcept {
            add_link(target, attributes);
            return true;
        });
    }

    // Attributes of a start that were left out: each as one without a key, which the library refuses and counts.
    void count_dropped(std::uint32_t attributes) noexcept {
        spr_attribute refused{};
        refused.key = "";
        const Locked locked{lock_};
        for (std::uint32_t i = 0; i < attributes; ++i) spr_span_set_attributes(&raw_, &refused, 1);
    }

    void SetStatus(trace::StatusCode code, nostd::string_view description) noexcept override {
        const Locked locked{lock_};
        spr_span_set_status(&raw_, status_of(code), description.data(), description.size());
    }

    void UpdateName(nostd::string_view name) noexcept override {
        const Locked locked{lock_};
        spr_span_set_name(&raw_, name.data(), name.size());
    }

    void End(const trace::EndSpanOptions& options) noexcept override { end(options); }

    trace::SpanContext GetContext() const noexcept override { return context_; }

    bool IsRecording() const noexcept override {
        const Locked locked{lock_};
        return spr_span_is_recording(&raw_) == 1;
    }

    // With what the API's context has no word for.
    const spr_span& raw() const noexcept { return raw_; }
    const TraceState& trace_state() const noexcept { return context_.trace_state(); }

private:
    using Lock = common::SpinLockMutex;
    using Locked = std::lock_guard<Lock>;

    static std::uint64_t nanoseconds(common::SystemTimestamp timestamp) noexcept {
        const std::int64_t count = timestamp.time_since_epoch().count();
        return count > 0 ? static_cast<std::uint64_t>(count) : 0;
    }

    static int status_of(trace::StatusCode code) noexcept {
        switch (code) {
            case trace::StatusCode::kOk: return SPR_STATUS_OK;
            case trace::StatusCode::kError: return SPR_STATUS_ERROR;
            case trace::StatusCode::kUnset: break;
        }
        return SPR_STATUS_UNSET;
    }

    void add_event(nostd::string_view name, std::uint64_t time_ns,
                   const common::KeyValueIterable* attributes) noexcept {
        spr_event event{name.data(), name.size(), time_ns, nullptr, 0, 0, 0};
        if (attributes == nullptr || attributes->size() == 0) {
            const Locked locked{lock_};
            spr_span_add_event(&raw_, &event);
            return;
        }
        const Attributes list{*attributes};
        event.attributes = list.data();
        event.attribute_count = list.size();
        event.dropped_attributes = list.dropped();
        const Locked locked{lock_};
        spr_span_add_event(&raw_, &event);
    }

    void add_link(const trace::SpanContext& target, const common::KeyValueIterable& attributes) noexcept {
        const Attributes list{attributes};
        const std::string trace_state = header_of(target.trace_state());
        const spr_link link{
            to_spanring(target), list.data(), list.size(), trace_state.data(), trace_state.size(), list.dropped(), 0};
        const Locked locked{lock_};
        spr_span_add_link(&raw_, &link);
    }

    // A second end, or one of a span that was never recorded, does nothing.
    void end(const trace::EndSpanOptions& options) noexcept {
        spr_end_options said = SPR_END_OPTIONS_INIT;
        const Locked locked{lock_};
        if (has_ended_) return;
        has_ended_ = true;
        said.end_time_ns = begin_.end(options);
        if (said.end_time_ns == 0) {
            spr_span_end(&raw_);
        } else {
            spr_span_end_with(&raw_, &said);
        }
    }

    const spr_span raw_;
    const trace::SpanContext context_;
    const Begin begin_;
    const Owner owner_;
    bool has_ended_ = false;
    mutable Lock lock_;
};

}  // namespace SPANRING_OTEL_VERSION
}  // namespace spanring::otel

#endif
