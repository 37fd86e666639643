// SPDX-License-Identifier: Apache-2.0
//
// What a trace state says of probability sampling: of its member `ot` the sub-keys `th`, the threshold up to which
// spans were left out, and `rv`, what is random of their trace where that is not its id (OpenTelemetry: TraceState,
// Probability Sampling). A span is sampled where what is random of it is not below the threshold; numbers have 56 bits.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace spanring::agent {

struct SamplingState {
    static constexpr uint64_t kNever = uint64_t{1} << 56;  // a threshold that nothing reaches

    std::optional<uint64_t> threshold;
    std::optional<uint64_t> randomness;

    bool empty() const { return !threshold && !randomness; }

    // False: it is malformed, and nobody is to touch it.
    static bool read(std::string_view trace_state, SamplingState& ret_state);

    // The list that read() took, with this in its `ot`, which comes first; all else stays.
    void write(std::string_view trace_state, std::string& ret_list) const;

    bool operator==(const SamplingState&) const = default;
};

// Of a trace whose state does not say it: the last seven of its 16 bytes.
uint64_t randomness_of(const uint8_t* trace_id);

// At which so large a part is sampled, above 0 and up to 1; rounded to so many hexadecimal digits (1 to 14) after those
// that say next to nothing. The Collector's processors round likewise.
uint64_t threshold_of(double probability, uint32_t digits);

double probability_of(uint64_t threshold);

}  // namespace spanring::agent
