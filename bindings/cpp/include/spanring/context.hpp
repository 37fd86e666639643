// SPDX-License-Identifier: Apache-2.0
//
// Context: what identifies a span to others; a value. Scope: a context attached to this thread until the brace closes.
#ifndef SPANRING_CONTEXT_HPP
#define SPANRING_CONTEXT_HPP

#include <spanring/spanring.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

namespace spanring {

// A traceparent header value: text of its own, so that injecting allocates nothing. Empty where there is no context.
class Traceparent {
public:
    explicit Traceparent(const spr_context& context) noexcept {
        size_ = spr_traceparent_inject(&context, text_.data()) == 0 ? SPR_TRACEPARENT_SIZE - 1 : 0;
    }

    std::string_view view() const noexcept { return {text_.data(), size_}; }
    operator std::string_view() const noexcept { return view(); }
    bool empty() const noexcept { return size_ == 0; }

private:
    std::array<char, SPR_TRACEPARENT_SIZE> text_{};
    std::size_t size_ = 0;
};

class Context {
public:
    Context() noexcept = default;
    explicit Context(const spr_context& raw) noexcept : raw_{raw} {}
    // Of ids that are known elsewhere: for a link, or a WholeSpan.
    Context(const std::array<std::uint8_t, 16>& trace_id, const std::array<std::uint8_t, 8>& span_id,
            bool sampled) noexcept {
        std::copy(trace_id.begin(), trace_id.end(), raw_.trace_id);
        std::copy(span_id.begin(), span_id.end(), raw_.span_id);
        raw_.trace_flags = sampled ? SPR_TRACE_FLAG_SAMPLED : 0;
    }

    // The context attached to this thread; an invalid one where there is none.
    static Context current() noexcept {
        Context context;
        spr_context_current(&context.raw_);
        return context;
    }

    // Of a traceparent header value; an invalid context where it is missing or malformed, which starts a new trace.
    static Context extract(std::string_view traceparent) noexcept {
        Context context;
        if (spr_traceparent_extract(traceparent.data(), traceparent.size(), &context.raw_) < 0) {
            context.raw_ = spr_context{};
        }
        return context;
    }

    Traceparent inject() const noexcept { return Traceparent{raw_}; }

    bool valid() const noexcept {
        const auto set = [](std::uint8_t byte) { return byte != 0; };
        return std::any_of(std::begin(raw_.trace_id), std::end(raw_.trace_id), set) &&
               std::any_of(std::begin(raw_.span_id), std::end(raw_.span_id), set);
    }
    bool sampled() const noexcept { return (raw_.trace_flags & SPR_TRACE_FLAG_SAMPLED) != 0; }
    bool remote() const noexcept { return raw_.is_remote != 0; }

    // 32 and 16 lower-case hexadecimal digits.
    std::array<char, 32> trace_id() const noexcept { return hex<32>(raw_.trace_id); }
    std::array<char, 16> span_id() const noexcept { return hex<16>(raw_.span_id); }

    const spr_context& raw() const noexcept { return raw_; }

private:
    template <std::size_t Digits>
    static std::array<char, Digits> hex(const std::uint8_t (&bytes)[Digits / 2]) noexcept {
        constexpr std::string_view kDigits = "0123456789abcdef";
        std::array<char, Digits> text{};
        for (std::size_t i = 0; i < Digits / 2; ++i) {
            text[2 * i] = kDigits[bytes[i] >> 4];
            text[2 * i + 1] = kDigits[bytes[i] & 0x0f];
        }
        return text;
    }

    spr_context raw_{};
};

// Attaches a context: it is the parent of the spans that start on this thread until the scope closes. It stays where it
// is made, because the library keeps the address of the token inside: neither copied nor moved, never on the heap of
// another thread. In a coroutine it must not live across a suspension.
class [[nodiscard]] Scope {
public:
    explicit Scope(const Context& context) noexcept { spr_context_attach(&context.raw(), &token_); }
    ~Scope() { spr_context_detach(&token_); }

    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

private:
    spr_token token_{};
};

}  // namespace spanring

#endif
