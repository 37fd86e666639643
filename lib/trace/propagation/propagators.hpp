// SPDX-License-Identifier: Apache-2.0
//
// Which formats this process speaks, in their order: one word, so that a reader never sees half of a choice.
#pragma once

#include <cstdint>
#include <string_view>

namespace spanring::trace {

enum class Propagator : uint8_t { kNone, kTraceContext, kBaggage, kB3, kB3Multi };
inline constexpr uint32_t kPropagators = 4;

class Propagators {
public:
    // A list as in OTEL_PROPAGATORS; each name once, unknown ones counted and left out.
    static Propagators of(std::string_view names, int& ret_unknown);
    static Propagators from_environment(int& ret_unknown);

    // Of the process: those that were chosen, else the environment's, read at the first call.
    static Propagators current();
    static void choose(Propagators propagators);

    // kNone after the last one.
    Propagator at(uint32_t index) const {
        return index < kPropagators ? static_cast<Propagator>(bits_ >> (kBits * index) & kMask) : Propagator::kNone;
    }

private:
    static constexpr uint32_t kBits = 4, kMask = 15;
    static constexpr uint32_t kChosen = 1u << 31;  // tells no propagators from no choice

    explicit Propagators(uint32_t bits) : bits_(bits) {}
    void add(Propagator propagator);

    uint32_t bits_;
};

}  // namespace spanring::trace
