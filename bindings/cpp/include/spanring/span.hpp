// SPDX-License-Identifier: Apache-2.0
//
// Span: ends when it goes out of scope. Move-only; nothing throws. Every function returns what its C function returns,
// and may be ignored: what is refused is counted in the span and in the provider's statistics.
#ifndef SPANRING_SPAN_HPP
#define SPANRING_SPAN_HPP

#include <spanring/attribute.hpp>
#include <spanring/context.hpp>
#include <spanring/event.hpp>
#include <spanring/exception.hpp>
#include <spanring/link.hpp>
#include <spanring/spanring.h>
#include <spanring/time_point.hpp>

#include <cstdint>
#include <exception>
#include <string_view>
#include <utility>

namespace spanring {

enum class Kind : std::uint8_t {
    kInternal = SPR_KIND_INTERNAL,
    kServer = SPR_KIND_SERVER,
    kClient = SPR_KIND_CLIENT,
    kProducer = SPR_KIND_PRODUCER,
    kConsumer = SPR_KIND_CONSUMER,
};

enum class Status : std::uint8_t {
    kUnset = SPR_STATUS_UNSET,
    kOk = SPR_STATUS_OK,
    kError = SPR_STATUS_ERROR,
};

class Span {
public:
    // A span that does nothing.
    Span() noexcept = default;

    // Takes over what spr_span_start() filled.
    explicit Span(const spr_span& raw) noexcept : raw_{raw} {}

    ~Span() { end(); }

    Span(Span&& other) noexcept : raw_{std::exchange(other.raw_, spr_span{})} {}

    Span& operator=(Span&& other) noexcept {
        if (this != &other) {
            end();
            raw_ = std::exchange(other.raw_, spr_span{});
        }
        return *this;
    }

    Span(const Span&) = delete;
    Span& operator=(const Span&) = delete;

    // Valid for spans that are not sampled too; it outlives the end.
    Context context() const noexcept { return Context{raw_.context}; }

    // Runs a function with the span that a SpanScope attached to this thread; with one that does nothing where there is
    // none, or only a context. The function may not end it.
    template <typename Function>
    static auto with_current(Function&& function) -> decltype(function(std::declval<Span&>())) {
        struct Borrowed {
            Span span;
            ~Borrowed() { span.raw_ = spr_span{}; }
        } borrowed;
        spr_span_current(&borrowed.span.raw_);
        return function(borrowed.span);
    }

    // Worth asking before computing a costly attribute.
    bool recording() const noexcept { return spr_span_is_recording(&raw_) == 1; }

    int set_attribute(std::string_view key, std::string_view value) noexcept {
        return spr_span_set_string(&raw_, key.data(), key.size(), value.data(), value.size());
    }

    // See Attribute: a literal must not become a bool.
    int set_attribute(std::string_view key, const char* value) noexcept {
        return set_attribute(key, value == nullptr ? std::string_view{} : std::string_view{value});
    }

    template <typename T, std::enable_if_t<std::is_same_v<T, bool>, int> = 0>
    int set_attribute(std::string_view key, T value) noexcept {
        return spr_span_set_bool(&raw_, key.data(), key.size(), value ? 1 : 0);
    }

    template <typename T, std::enable_if_t<is_attribute_integer<T>, int> = 0>
    int set_attribute(std::string_view key, T value) noexcept {
        const auto number = static_cast<std::int64_t>(value);
        if (is_wide_unsigned<T> && number < 0) {
            return set_attribute(key, Value{value});
        }
        return spr_span_set_int64(&raw_, key.data(), key.size(), number);
    }

    template <typename T, std::enable_if_t<std::is_floating_point_v<T>, int> = 0>
    int set_attribute(std::string_view key, T value) noexcept {
        return spr_span_set_double(&raw_, key.data(), key.size(), static_cast<double>(value));
    }

    // Bytes, a ValueList, an AttributeList (pairs), Empty: 1 where it is refused.
    int set_attribute(std::string_view key, const Value& value) noexcept {
        const Attribute attribute{key, value};
        return spr_span_set_attributes(&raw_, &attribute.raw(), 1);
    }

    int set_attributes(AttributeList attributes) noexcept {
        return spr_span_set_attributes(&raw_, attributes.raw(), attributes.size());
    }

    int add_event(std::string_view name, AttributeList attributes = {}, TimePoint time = {}) noexcept {
        return add_event(Event{name, attributes, time});
    }
    int add_event(const Event& event) noexcept { return spr_span_add_event(&raw_, &event.raw()); }

    // The event "exception" of the semantic conventions. It leaves the status as it is.
    int record_exception(std::string_view type, std::string_view message) noexcept {
        Exception exception;
        exception.type = type;
        exception.message = message;
        return record_exception(exception);
    }
    int record_exception(const Exception& exception) noexcept {
        spr_exception raw = SPR_EXCEPTION_INIT;
        take(exception.type, raw.type, raw.type_size);
        take(exception.message, raw.message, raw.message_size);
        take(exception.stacktrace, raw.stacktrace, raw.stacktrace_size);
        raw.time_ns = detail::nanoseconds(exception.time);
        raw.attributes = exception.attributes.raw();
        raw.attribute_count = exception.attributes.size();
        return spr_span_record_exception(&raw_, &raw);
    }
    // Its type is the object's own. The name of it is allocated for the call; without RTTI the type is not said.
    int record_exception(const std::exception& exception, AttributeList attributes = {}) noexcept {
        if (!recording()) {
            return 0;
        }
        const detail::TypeName type{exception};
        Exception said;
        said.type = type.view();
        said.message = exception.what();
        said.attributes = attributes;
        return record_exception(said);
    }

    int add_link(const Context& context, AttributeList attributes = {}) noexcept {
        return add_link(Link{context, attributes});
    }
    int add_link(const Link& link) noexcept { return spr_span_add_link(&raw_, &link.raw()); }

    int set_status(Status status, std::string_view message = {}) noexcept {
        return spr_span_set_status(&raw_, static_cast<int>(status), message.data(), message.size());
    }

    int set_name(std::string_view name) noexcept { return spr_span_set_name(&raw_, name.data(), name.size()); }

    int set_kind(Kind kind) noexcept { return spr_span_set_kind(&raw_, static_cast<int>(kind)); }

    // Ends now, or at a time. A second end does nothing. The destructor calls it.
    int end(TimePoint time = {}) noexcept {
        if (raw_.handle == 0) {
            return 0;
        }
        int result = 0;
        if (time == TimePoint{}) {
            result = spr_span_end(&raw_);
        } else {
            spr_end_options options = SPR_END_OPTIONS_INIT;
            options.end_time_ns = detail::nanoseconds(time);
            result = spr_span_end_with(&raw_, &options);
        }
        raw_.handle = 0;
        return result;
    }

    // For what this class has no word for.
    const spr_span& raw() const noexcept { return raw_; }

private:
    friend class CurrentSpan;

    // An empty text is none.
    static void take(std::string_view text, const char*& ret_data, std::size_t& ret_size) noexcept {
        if (!text.empty()) {
            ret_data = text.data();
            ret_size = text.size();
        }
    }

    spr_span raw_{};
};

// Attaches a span: as a Scope of its context, and Span::with_current() finds it. What is injected, and spans that
// start, take over the trace state that it keeps. It stays where it is made, as a Scope does; it does not end the span.
class [[nodiscard]] SpanScope {
public:
    explicit SpanScope(const Span& span) noexcept { spr_span_attach(&span.raw(), &token_); }
    ~SpanScope() { spr_context_detach(&token_.token); }

    SpanScope(const SpanScope&) = delete;
    SpanScope& operator=(const SpanScope&) = delete;

private:
    spr_span_token token_{};
};

// The span that a SpanScope attached to this thread: CurrentSpan{}->set_attribute("rows", 3). It does nothing where
// there is none, or only a context; it does not end with this object.
class CurrentSpan {
public:
    CurrentSpan() noexcept { spr_span_current(&span_.raw_); }
    ~CurrentSpan() { span_.raw_ = spr_span{}; }

    CurrentSpan(const CurrentSpan&) = delete;
    CurrentSpan& operator=(const CurrentSpan&) = delete;

    Span& operator*() noexcept { return span_; }
    Span* operator->() noexcept { return &span_; }

private:
    Span span_;
};

}  // namespace spanring

#endif
