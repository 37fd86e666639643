// SPDX-License-Identifier: Apache-2.0
//
// What goes with a request from process to process: context, trace state, baggage; read from headers, attached to a
// thread, written to headers. Headers are any class of the caller's with these members, which find "Traceparent" for
// "traceparent" where case does not count, and do not throw (an exception would end the program):
//
//     bool get(std::string_view key, std::size_t index, std::string_view& value) const;   // for extract()
//     void set(std::string_view key, std::string_view value);                             // for inject()
//     void remove(std::string_view key);                                                  // for inject()
#ifndef SPANRING_PROPAGATION_HPP
#define SPANRING_PROPAGATION_HPP

#include <spanring/context.hpp>
#include <spanring/span.hpp>
#include <spanring/spanring.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <string_view>

namespace spanring {

namespace detail {

template <class Headers>
spr_carrier reading_carrier(const Headers& headers) noexcept {
    spr_carrier carrier = SPR_CARRIER_INIT;
    carrier.user = const_cast<Headers*>(&headers);
    carrier.get = [](void* user, const char* key, std::size_t key_size, std::size_t index, const char** value,
                     std::size_t* value_size) noexcept {
        std::string_view found;
        if (!static_cast<const Headers*>(user)->get(std::string_view{key, key_size}, index, found)) {
            return 0;
        }
        *value = found.data();
        *value_size = found.size();
        return 1;
    };
    return carrier;
}

template <class Headers>
spr_carrier writing_carrier(Headers& headers) noexcept {
    spr_carrier carrier = SPR_CARRIER_INIT;
    carrier.user = &headers;
    carrier.set = [](void* user, const char* key, std::size_t key_size, const char* value,
                     std::size_t value_size) noexcept {
        static_cast<Headers*>(user)->set(std::string_view{key, key_size}, std::string_view{value, value_size});
        return 0;
    };
    carrier.remove = [](void* user, const char* key, std::size_t key_size) noexcept {
        static_cast<Headers*>(user)->remove(std::string_view{key, key_size});
        return 0;
    };
    return carrier;
}

}  // namespace detail

// Writes a context, with the trace state (if it is of the same trace) and the baggage attached to this thread: for an
// outgoing call, that of the client span.
template <class Headers>
void inject(const Context& context, Headers& headers) noexcept {
    const spr_carrier carrier = detail::writing_carrier(headers);
    spr_inject(&context.raw(), &carrier);
}

// The same for a span, with the trace state that it keeps.
template <class Headers>
void inject(const Span& span, Headers& headers) noexcept {
    const spr_carrier carrier = detail::writing_carrier(headers);
    spr_span_inject(&span.raw(), &carrier);
}

// All of it, in memory of its own (nearly 9 KiB), so that nothing is allocated. A value: it may be copied, but not
// while a PropagatedScope of it is open may it change.
class Propagated {
public:
    Propagated() noexcept { hold(0, 0); }
    Propagated(const Propagated& other) noexcept { *this = other; }
    Propagated& operator=(const Propagated& other) noexcept {
        if (this != &other) {
            take(other.raw_);
        }
        return *this;
    }
    explicit Propagated(const Context& context) noexcept : Propagated() { raw_.context = context.raw(); }

    // A copy of everything that is attached to this thread.
    static Propagated current() noexcept {
        spr_propagated attached = SPR_PROPAGATED_INIT;
        spr_context_current_with(&attached);
        Propagated copy;
        copy.take(attached);
        return copy;
    }

    // By the propagators of the process. What is not valid in the headers leaves what is here.
    template <class Headers>
    bool extract(const Headers& headers) noexcept {
        const spr_carrier carrier = detail::reading_carrier(headers);
        return spr_extract(&carrier, &raw_) == 1;
    }
    // This and nothing that is attached.
    template <class Headers>
    void inject(Headers& headers) const noexcept {
        const spr_carrier carrier = detail::writing_carrier(headers);
        spr_inject_with(&raw_, &carrier);
    }

    Context context() const noexcept { return Context{raw_.context}; }
    void set_context(const Context& context) noexcept { raw_.context = context.raw(); }

    // The value of the header.
    std::string_view trace_state() const noexcept { return {raw_.trace_state.data, raw_.trace_state.size}; }
    // The results are those of the C functions: 0 or more, or a negative errno.
    int set_trace_state(std::string_view key, std::string_view value) noexcept {
        return spr_tracestate_set(&raw_.trace_state, key.data(), key.size(), value.data(), value.size());
    }

    // The value of the header.
    std::string_view baggage() const noexcept { return {raw_.baggage.data, raw_.baggage.size}; }
    int set_baggage(std::string_view key, std::string_view value, std::string_view properties = {}) noexcept {
        return spr_baggage_set(&raw_.baggage, key.data(), key.size(), value.data(), value.size(), properties.data(),
                               properties.size());
    }
    bool remove_baggage(std::string_view key) noexcept {
        return spr_baggage_remove(&raw_.baggage, key.data(), key.size()) == 1;
    }
    void clear_baggage() noexcept { raw_.baggage.size = 0; }

    // The decoded value, into a string of the caller's, which may allocate. False: there is none.
    template <class String>
    bool get_baggage(std::string_view key, String& ret_value) const {
        if (key.data() == nullptr) {
            return false;
        }
        ret_value.resize(raw_.baggage.size);
        spr_text text = {ret_value.data(), 0, ret_value.size()};
        const bool found = spr_baggage_get(raw_.baggage.data, raw_.baggage.size, key.data(), key.size(), &text) == 1;
        ret_value.resize(found ? text.size : 0);
        return found;
    }

    const spr_propagated& raw() const noexcept { return raw_; }

private:
    // The texts are always those of this object.
    void hold(std::size_t trace_state_size, std::size_t baggage_size) noexcept {
        raw_.trace_state = {trace_state_.data(), trace_state_size, trace_state_.size()};
        raw_.baggage = {baggage_.data(), baggage_size, baggage_.size()};
    }
    // What is longer than there is room was not made by this library; it is left out.
    void take(const spr_propagated& from) noexcept {
        raw_.flags = from.flags;
        raw_.context = from.context;
        hold(copy(from.trace_state, trace_state_), copy(from.baggage, baggage_));
    }
    template <std::size_t Size>
    static std::size_t copy(const spr_text& from, std::array<char, Size>& to) noexcept {
        const std::size_t size = from.data != nullptr && from.size <= Size ? from.size : 0;
        if (size != 0) {
            std::memcpy(to.data(), from.data, size);
        }
        return size;
    }

    spr_propagated raw_ = SPR_PROPAGATED_INIT;
    std::array<char, SPR_TRACESTATE_SIZE> trace_state_;
    std::array<char, SPR_BAGGAGE_SIZE> baggage_;
};

// Attaches all of it until the scope closes; as Scope does a context. Several threads may attach the same one. It must
// outlive the scope.
class [[nodiscard]] PropagatedScope {
public:
    explicit PropagatedScope(const Propagated& propagated) noexcept {
        spr_context_attach_with(&propagated.raw(), &token_);
    }
    explicit PropagatedScope(Propagated&&) = delete;
    ~PropagatedScope() { spr_context_detach(&token_); }

    PropagatedScope(const PropagatedScope&) = delete;
    PropagatedScope& operator=(const PropagatedScope&) = delete;

private:
    spr_token token_{};
};

}  // namespace spanring

#endif
