// SPDX-License-Identifier: Apache-2.0
//
// What goes with a request, between a carrier and spr_propagated, by the propagators of the process. Formats are parsed
// and written elsewhere; here is who asks for which key, and what holds where several values came.
#include <errno.h>

#include "trace/process/provider.hpp"
#include "trace/propagation/attached_span.hpp"
#include "trace/propagation/baggage.hpp"
#include "trace/propagation/carrier.hpp"
#include "trace/propagation/context.hpp"
#include "trace/propagation/propagators.hpp"
#include "trace/propagation/sampled_trace_state.hpp"
#include "trace/propagation/trace_state.hpp"

namespace spanring::trace {
namespace {

constexpr std::string_view kTraceparent = "traceparent", kTracestate = "tracestate", kBaggage = "baggage", kB3 = "b3";
constexpr std::string_view kB3Keys[] = {"x-b3-traceid", "x-b3-spanid", "x-b3-sampled", "x-b3-flags"};
constexpr size_t kMostHeaders = 64;  // of one key: bounds a carrier that has no end

// Calls for each value of a key, until it says false. 0 or the carrier's error.
template <class Function>
int for_each_value(const Carrier& carrier, std::string_view key, Function function) {
    std::string_view value;
    for (size_t index = 0; index < kMostHeaders; ++index) {
        const int found = carrier.get(key, index, value);
        if (found <= 0) return found;
        if (!function(value)) break;
    }
    return 0;
}

// Each of these: 1: found a context. 0: none, and *io_propagated is as it was. Negative: the carrier's error.

int extract_trace_context(const Carrier& carrier, spr_propagated& io_propagated) {
    std::string_view value;
    spr_context context;
    int found = carrier.get(kTraceparent, 0, value);
    if (found <= 0) return found;
    if (spr_traceparent_extract(value.data(), value.size(), &context) < 0) return 0;
    found = carrier.get(kTraceparent, 1, value);
    if (found != 0) return found < 0 ? found : 0;  // sent twice: neither counts
    io_propagated.context = context;
    io_propagated.flags &= ~uint32_t{SPR_PROPAGATED_DEBUG};
    io_propagated.trace_state.size = 0;
    if (io_propagated.trace_state.capacity == 0) return 1;
    TraceState state(io_propagated.trace_state);
    const int error = for_each_value(carrier, kTracestate, [&](std::string_view header) { return state.add(header); });
    return error < 0 ? error : 1;
}

int extract_baggage(const Carrier& carrier, spr_propagated& io_propagated) {
    if (io_propagated.baggage.capacity == 0) return 0;
    Baggage baggage(io_propagated.baggage);
    baggage.replace();
    return for_each_value(carrier, kBaggage, [&](std::string_view header) {
        baggage.add(header);
        return true;
    });
}

int take_b3(const spr_context& context, uint32_t flags, spr_propagated& io_propagated) {
    io_propagated.context = context;
    io_propagated.flags = (io_propagated.flags & ~uint32_t{SPR_PROPAGATED_DEBUG}) | flags;
    io_propagated.trace_state.size = 0;
    return 1;
}

// The single header goes first, whichever is written.
int extract_b3(const Carrier& carrier, spr_propagated& io_propagated) {
    spr_context context;
    uint32_t flags;
    std::string_view value;
    int found = carrier.get(kB3, 0, value);
    if (found < 0) return found;
    if (found == 1) {
        const int parsed = spr_b3_extract(value.data(), value.size(), &context, &flags);
        if (parsed >= 0) return parsed == 1 ? take_b3(context, flags, io_propagated) : 0;
    }
    // A value holds until the next callback: so each is copied. What is longer than these is malformed.
    char texts[std::size(kB3Keys)][33];
    std::string_view values[std::size(kB3Keys)];
    for (size_t i = 0; i < std::size(kB3Keys); ++i) {
        found = carrier.get(kB3Keys[i], 0, value);
        if (found < 0) return found;
        if (found == 0) continue;
        value = trim(value);
        const size_t size = value.size() < sizeof texts[i] ? value.size() : sizeof texts[i];
        put(texts[i], {value.data(), size});
        values[i] = {texts[i], size};
    }
    const auto& [trace_id, span_id, sampled, debug] = values;
    const int parsed =
        spr_b3multi_extract(trace_id.data(), trace_id.size(), span_id.data(), span_id.size(), sampled.data(),
                            sampled.size(), debug.data(), debug.size(), &context, &flags);
    return parsed == 1 ? take_b3(context, flags, io_propagated) : 0;
}

// What is said, ready to be written; its texts are not the carrier's.
struct Outgoing {
    const spr_context* context;  // nullptr: none that is valid
    uint32_t flags;
    std::string_view trace_state;
    std::string_view baggage;
};

int inject_trace_context(const Outgoing& out, const Carrier& carrier) {
    char header[SPR_TRACEPARENT_SIZE];
    if (out.context == nullptr || spr_traceparent_inject(out.context, header) != 0) {
        const int error = carrier.remove(kTraceparent);
        return error != 0 ? error : carrier.remove(kTracestate);
    }
    if (const int error = carrier.set(kTraceparent, {header, sizeof header - 1})) return error;
    const SampledTraceState trace_state(out.trace_state, ContextTail::read(*out.context));
    return carrier.set_or_remove(kTracestate, trace_state.view());
}

int inject_b3(const Outgoing& out, const Carrier& carrier) {
    char header[SPR_B3_SIZE];
    if (out.context == nullptr || spr_b3_inject(out.context, out.flags, header) != 0) return carrier.remove(kB3);
    return carrier.set(kB3, header);
}

int inject_b3_multi(const Outgoing& out, const Carrier& carrier) {
    spr_b3_headers headers = {};
    if (out.context != nullptr) spr_b3multi_inject(out.context, out.flags, &headers);
    const std::string_view values[] = {headers.trace_id, headers.span_id, headers.sampled, headers.flags};
    for (size_t i = 0; i < std::size(kB3Keys); ++i)
        if (const int error = carrier.set_or_remove(kB3Keys[i], values[i])) return error;
    return 0;
}

int inject(const Outgoing& out, const Carrier& carrier) {
    const Propagators propagators = Propagators::current();
    for (uint32_t i = 0;; ++i) {
        int error = 0;
        switch (propagators.at(i)) {
            case Propagator::kNone: return 0;
            case Propagator::kTraceContext: error = inject_trace_context(out, carrier); break;
            case Propagator::kBaggage: error = carrier.set_or_remove(kBaggage, out.baggage); break;
            case Propagator::kB3: error = inject_b3(out, carrier); break;
            case Propagator::kB3Multi: error = inject_b3_multi(out, carrier); break;
        }
        if (error != 0) return error;
    }
}

int check_writer(const spr_carrier* carrier) {
    const int error = Carrier::check(carrier);
    return error != 0 ? error : carrier->set == nullptr ? -EINVAL : 0;
}

// A context, with what is attached to this thread. `kept`: its own trace state.
int inject_with_attached(const spr_context* context, std::string_view kept, const spr_carrier* carrier) {
    const spr_token* const top = thread_local_state.top;
    Outgoing out = {context != nullptr && is_valid(*context) ? context : nullptr, 0, kept, {}};
    if (const spr_propagated* attached = attached_to(top)) out.baggage = view_of(attached->baggage);
    TraceStateRoom room;
    if (out.context != nullptr) {
        if (kept.empty()) out.trace_state = kept_trace_state(top, *context, room);
        if (const spr_propagated* attached = attached_to_trace(top, *context)) {
            if (out.trace_state.empty()) out.trace_state = view_of(attached->trace_state);
            out.flags = attached->flags;
        }
    }
    return inject(out, Carrier(*carrier));
}

// Keys of a propagator, in the order in which they are written; without data after the last one.
std::string_view field_of(Propagator propagator, size_t index) {
    switch (propagator) {
        case Propagator::kTraceContext:
            return index == 0 ? kTraceparent : index == 1 ? kTracestate : std::string_view();
        case Propagator::kBaggage: return index == 0 ? kBaggage : std::string_view();
        case Propagator::kB3: return index == 0 ? kB3 : std::string_view();
        case Propagator::kB3Multi: return index < std::size(kB3Keys) ? kB3Keys[index] : std::string_view();
        default: return {};
    }
}

}  // namespace
}  // namespace spanring::trace

using namespace spanring::trace;

extern "C" {

int spr_extract(const spr_carrier* carrier, spr_propagated* propagated) noexcept {
    int error = Carrier::check(carrier);
    if (error == 0 && (carrier->get == nullptr || propagated == nullptr)) error = -EINVAL;
    if (error == 0) error = check_in_place(propagated);
    if (error != 0) return error;
    if (!ListText::writable(&propagated->trace_state) || !ListText::writable(&propagated->baggage)) return -EINVAL;
    const Carrier checked(*carrier);
    const Propagators propagators = Propagators::current();
    int found = 0;
    for (uint32_t i = 0;; ++i) {
        int result = 0;
        switch (propagators.at(i)) {
            case Propagator::kNone: return found;
            case Propagator::kTraceContext: result = extract_trace_context(checked, *propagated); break;
            case Propagator::kBaggage: result = extract_baggage(checked, *propagated); break;
            case Propagator::kB3:
            case Propagator::kB3Multi: result = extract_b3(checked, *propagated); break;
        }
        if (result < 0) return result;
        found |= result;
    }
}

int spr_inject(const spr_context* context, const spr_carrier* carrier) noexcept {
    if (const int error = check_writer(carrier)) return error;
    const spr_token* top = thread_local_state.top;
    if (context == nullptr && top != nullptr) context = &top->context;
    return inject_with_attached(context, {}, carrier);
}

int spr_span_inject(const spr_span* span, const spr_carrier* carrier) noexcept {
    if (span == nullptr) return -EINVAL;
    if (const int error = check_writer(carrier)) return error;
    TraceStateRoom room;
    return inject_with_attached(&span->context, kept_trace_state(*span, room), carrier);
}

int spr_inject_with(const spr_propagated* propagated, const spr_carrier* carrier) noexcept {
    if (propagated == nullptr) return -EINVAL;
    int error = check_writer(carrier);
    if (error == 0) error = check_in_place(propagated);
    if (error != 0) return error;
    const spr_context* context = is_valid(propagated->context) ? &propagated->context : nullptr;
    const std::string_view trace_state = view_of(propagated->trace_state), baggage = view_of(propagated->baggage);
    return inject({context, propagated->flags, trace_state, baggage}, Carrier(*carrier));
}

const char* spr_propagation_field(size_t index) noexcept {
    const Propagators propagators = Propagators::current();
    for (uint32_t i = 0; propagators.at(i) != Propagator::kNone; ++i)
        for (size_t field = 0; field_of(propagators.at(i), field).data() != nullptr; ++field)
            if (index-- == 0) return field_of(propagators.at(i), field).data();
    return nullptr;
}

}  // extern "C"
