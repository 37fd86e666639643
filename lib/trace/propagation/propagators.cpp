// SPDX-License-Identifier: Apache-2.0
#include "trace/propagation/propagators.hpp"

#include <errno.h>
#include <stdlib.h>

#include <atomic>

#include "trace/base/variable.hpp"
#include "trace/propagation/header_text.hpp"

namespace spanring::trace {
namespace {

constinit std::atomic<uint32_t> chosen{0};

constexpr struct {
    std::string_view name;
    Propagator propagator;
} kNames[] = {{"tracecontext", Propagator::kTraceContext},
              {"baggage", Propagator::kBaggage},
              {"b3", Propagator::kB3},
              {"b3multi", Propagator::kB3Multi},
              {"none", Propagator::kNone}};

}  // namespace

void Propagators::add(Propagator propagator) {
    uint32_t count = 0;
    for (; at(count) != Propagator::kNone; ++count)
        if (at(count) == propagator) return;
    bits_ |= static_cast<uint32_t>(propagator) << (kBits * count);
}

Propagators Propagators::of(std::string_view names, int& ret_unknown) {
    Propagators propagators(kChosen);
    ret_unknown = 0;
    while (names.data() != nullptr) {
        const std::string_view name = trim(take_piece(names, ','));
        if (name.empty()) continue;
        bool known = false;
        for (const auto& candidate : kNames)
            if (same_word(candidate.name, name)) {
                known = true;
                if (candidate.propagator != Propagator::kNone) propagators.add(candidate.propagator);
            }
        ret_unknown += !known;
    }
    return propagators;
}

Propagators Propagators::from_environment(int& ret_unknown) {
    // Not what a set-user-id program's caller says.
    const Variable names = Variable::of(secure_getenv("OTEL_PROPAGATORS"));
    return of(names.is_set() ? names.text() : "tracecontext,baggage", ret_unknown);
}

Propagators Propagators::current() {
    // relaxed: the word stands for itself. Two threads that read the environment at once find the same.
    const uint32_t bits = chosen.load(std::memory_order_relaxed);
    if (bits != 0) return Propagators(bits);
    int unknown;
    const Propagators propagators = from_environment(unknown);
    choose(propagators);
    return propagators;
}

void Propagators::choose(Propagators propagators) {
    chosen.store(propagators.bits_, std::memory_order_relaxed);  // as above
}

}  // namespace spanring::trace

extern "C" {

int spr_propagators_set(const char* names, size_t names_size) noexcept {
    using namespace spanring::trace;
    int unknown = 0;
    Propagators::choose(names == nullptr ? Propagators::from_environment(unknown)
                                         : Propagators::of(view_of(names, names_size), unknown));
    return unknown;
}

}  // extern "C"
