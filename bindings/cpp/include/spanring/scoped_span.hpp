// SPDX-License-Identifier: Apache-2.0
//
// A span as long as a block: ScopedSpan, with_span(), SPR_SPAN("name"). It is started, is current until the block ends,
// and ends. CurrentSpan{} (span.hpp) finds it deep in the code. Nothing here allocates; all of it stays where it is
// made.
#ifndef SPANRING_SCOPED_SPAN_HPP
#define SPANRING_SCOPED_SPAN_HPP

#include <spanring/attribute.hpp>
#include <spanring/provider.hpp>
#include <spanring/span.hpp>
#include <spanring/spanring.h>
#include <spanring/tracer.hpp>

#include <atomic>
#include <exception>
#include <string_view>
#include <utility>

namespace spanring {

namespace detail {

inline std::atomic<spr_tracer*> default_tracer{nullptr};

}  // namespace detail

// The tracer of SPR_SPAN(): set once, early.
inline void set_default_tracer(const Tracer& tracer) noexcept {
    // release: what made the tracer. Pairs with the acquire below; without it another thread could find it half made.
    detail::default_tracer.store(tracer.raw(), std::memory_order_release);
}

// Where none was set, one of the scope "spanring" at the provider that the environment describes.
inline Tracer default_tracer() noexcept {
    if (spr_tracer* const set = detail::default_tracer.load(std::memory_order_acquire)) {
        return Tracer{set, 0};
    }
    static const Tracer own = Provider::open().tracer("spanring", spr_version());
    return own;
}

class [[nodiscard]] ScopedSpan {
public:
    ScopedSpan(const Tracer& tracer, std::string_view name, const StartOptions& options) noexcept
        : span_{tracer.start(name, options)}, scope_{span_} {}
    ScopedSpan(const Tracer& tracer, std::string_view name, AttributeList attributes = {}) noexcept
        : ScopedSpan{tracer, name, with(attributes)} {}

    ScopedSpan(const ScopedSpan&) = delete;
    ScopedSpan& operator=(const ScopedSpan&) = delete;

    Span& operator*() noexcept { return span_; }
    Span* operator->() noexcept { return &span_; }

private:
    static StartOptions with(AttributeList attributes) noexcept {
        StartOptions options;
        options.attributes = attributes;
        return options;
    }

    Span span_;
    SpanScope scope_;  // goes first
};

// Runs a function in a span, which it is given, and returns what it returns. An exception that leaves it is recorded,
// makes the status an error, and goes on.
template <typename Function>
auto with_span(const Tracer& tracer, std::string_view name, Function&& function, AttributeList attributes = {})
    -> decltype(std::forward<Function>(function)(std::declval<Span&>())) {
    ScopedSpan span{tracer, name, attributes};
#if defined(__cpp_exceptions)
    try {
        return std::forward<Function>(function)(*span);
    } catch (const std::exception& exception) {
        span->record_exception(exception);
        span->set_status(Status::kError, exception.what());
        throw;
    } catch (...) {
        span->set_status(Status::kError);
        throw;
    }
#else
    return std::forward<Function>(function)(*span);
#endif
}

}  // namespace spanring

// Who starts the spans of SPR_SPAN(). A file may define its own before it uses the macro.
#ifndef SPR_TRACER
#define SPR_TRACER ::spanring::default_tracer()
#endif

#define SPR_SPAN_JOIN_(a, b) a##b
#define SPR_SPAN_NAME_(line) SPR_SPAN_JOIN_(spr_span_of_line_, line)

// The rest of the block is a span: SPR_SPAN("checkout"); or with attributes, SPR_SPAN("checkout", {{"items", 3},
// {"gift", true}});
#define SPR_SPAN(...) \
    ::spanring::ScopedSpan SPR_SPAN_NAME_(__LINE__) { SPR_TRACER, __VA_ARGS__ }

#endif
