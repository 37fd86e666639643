// SPDX-License-Identifier: Apache-2.0
#include "processors/probabilistic_sampler_processor.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/option.hpp"

namespace spanring::agent {
namespace {

constexpr char kPriority[] = "sampling.priority";  // of OpenTracing

// As the Collector's: a hash has 14 bits, of which the threshold is made without rounding.
constexpr uint32_t kHashBits = 14;
constexpr uint64_t kHashes = uint64_t{1} << kHashBits;
constexpr uint32_t kUnusedBits = 42;  // of a number of 56

uint64_t hash_threshold(double percentage) {
    const float scaled = static_cast<float>(percentage) * static_cast<float>(static_cast<double>(kHashes) / 100);
    return (kHashes - std::min(static_cast<uint64_t>(scaled), kHashes)) << kUnusedBits;
}

// Below 0: it says nothing; 0: not to be sampled; above: to be sampled.
double priority_of(SpanEdit& span) {
    constexpr double kNothing = -1;
    const Attribute* const attribute = span.find(kPriority);
    if (attribute == nullptr) return kNothing;
    const ValueView value = view_value(attribute->value);
    switch (value.kind) {
        case ValueKind::kInteger: return static_cast<double>(static_cast<int64_t>(value.word));
        case ValueKind::kDouble: return std::bit_cast<double>(value.word);
        case ValueKind::kText: {
            const std::string_view text = value.text();
            double number = 0;
            const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
            return error == std::errc() && end == text.data() + text.size() ? number : kNothing;
        }
        default: return kNothing;
    }
}

}  // namespace

std::vector<Option> describe(ProbabilisticSamplerOptions& options) {
    constexpr uint32_t kMostDigits = 14;
    return {
        {"sampling_percentage", option::number(options.sampling_percentage, 0, 100), "of the spans that come"},
        {"mode",
         option::choice(options.mode, {{"hash_seed", SamplerMode::kHashSeed},
                                       {"equalizing", SamplerMode::kEqualizing},
                                       {"proportional", SamplerMode::kProportional}}),
         "by a hash of the trace id; or by what is random of the trace: down to the percentage, or that part of what "
         "comes"},
        {"hash_seed", option::count(options.hash_seed, 0, std::numeric_limits<uint32_t>::max()),
         "with which trace ids are hashed"},
        {"sampling_precision", option::count(options.sampling_precision, 1, kMostDigits),
         "hexadecimal digits of the threshold, but with `hash_seed`"},
        {"fail_closed", option::boolean(options.fail_closed),
         "leave out what has a trace state that is malformed or contradicts itself"},
    };
}

ProbabilisticSamplerProcessor::ProbabilisticSamplerProcessor(const ProbabilisticSamplerOptions& options)
    : mode_(options.mode),
      seed_(options.hash_seed),
      digits_(options.sampling_precision),
      otherwise_(options.fail_closed ? SamplingState::kNever : 0) {
    // The Collector's number has 24 bits: the same thresholds.
    probability_ = static_cast<double>(static_cast<float>(options.sampling_percentage)) / 100;
    if (probability_ == 0)
        threshold_ = SamplingState::kNever;
    else if (mode_ == SamplerMode::kHashSeed)
        threshold_ = hash_threshold(options.sampling_percentage);
    else
        threshold_ = threshold_of(probability_, digits_);
}

void ProbabilisticSamplerProcessor::add_interest(SpanInterest& interest) const { interest.attributes.add(kPriority); }

// FNV-1a of 32 bits over seed and id; what is not needed of them for the choice is in it, too.
uint64_t ProbabilisticSamplerProcessor::hash_of(const uint8_t* trace_id) const {
    uint32_t hash = 0x811c9dc5;
    const auto add = [&hash](uint32_t byte) { hash = (hash ^ byte) * 0x01000193; };
    for (uint32_t i = 0; i < 4; ++i) add(seed_ >> 8 * i & 0xff);
    for (size_t i = 0; i < 16; ++i) add(trace_id[i]);
    const uint64_t low = hash & (kHashes - 1), high = hash >> (32 - kHashBits);
    return (kHashes - 1 - low) << kUnusedBits | (high ^ high << 10) << kHashBits | low;
}

bool ProbabilisticSamplerProcessor::choose(const uint8_t* trace_id, SamplingState& state, uint64_t& ret_threshold,
                                           uint64_t& ret_random) {
    ret_threshold = threshold_;
    if (threshold_ == SamplingState::kNever) {
        ret_random = SamplingState::kNever - 1;
        return true;
    }
    if (mode_ == SamplerMode::kHashSeed) {
        ret_random = hash_of(trace_id);
        if (!state.empty()) return false;  // what it says is of another kind of chance
        state.randomness = ret_random;
        return true;
    }
    ret_random = state.randomness.value_or(randomness_of(trace_id));
    if (!state.threshold) return true;
    if (*state.threshold > ret_random) {  // then it would not have come
        state.threshold.reset();
        ret_threshold = otherwise_;
    } else if (mode_ == SamplerMode::kEqualizing) {
        ret_threshold = std::max(threshold_, *state.threshold);
    } else {
        ret_threshold = threshold_of(probability_of(*state.threshold) * probability_, digits_);
    }
    return true;
}

bool ProbabilisticSamplerProcessor::take_span(SpanEdit& span, const ResourceMarks&, size_t) {
    SamplingState state;
    const bool sound = SamplingState::read(span.trace_state(), state);
    const SamplingState before = state;
    uint64_t threshold = 0, random = SamplingState::kNever - 1;
    const bool known = sound && span.trace_id() != nullptr && choose(span.trace_id(), state, threshold, random);
    if (!known) threshold = otherwise_;
    const double priority = priority_of(span);
    if (priority == 0) return false;
    if (priority > 0) threshold = 0;
    if (threshold > random) return false;
    if (!known) return true;
    state.threshold = std::max(threshold, state.threshold.value_or(0));  // what is recorded is never more likely again
    if (state == before) return true;
    state.write(span.trace_state(), list_);
    span.set_trace_state(span.scratch().copy(list_));
    return true;
}

}  // namespace spanring::agent
