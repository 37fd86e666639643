// SPDX-License-Identifier: Apache-2.0
//
// What it costs to check a span: `constant` spans, which have one shape (183 bytes), and `varied` ones of 30 kinds from
// ten applications, each of which has a gate of its own, in turns of 100 spans as the drain takes them. By the whole
// gate, by the validator, as plain spans with each set of instructions, and by the shapes alone.
#include <benchmark/benchmark.h>

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "otlp/span_gate.hpp"
#include "support/varied_spans.hpp"

namespace {

using namespace spanring::agent;
using test::VariedSpans;

constexpr size_t kSpansOfATurn = 100;

// Of all applications some turns, one span after the other in one buffer: small enough for the second cache, where what
// the agent checks was put a moment before.
class Spans {
public:
    struct One {
        std::span<uint8_t> bytes;
        uint32_t application;
    };

    explicit Spans(bool varied) {
        constexpr uint32_t kTurns = 2 * VariedSpans::kApplications;
        VariedSpans source;
        std::vector<std::string> spans;
        for (uint32_t turn = 0; turn < kTurns; ++turn) {
            for (size_t i = 0; i < kSpansOfATurn; ++i)
                spans.push_back(varied ? source.next(turn) : test::typical_span(spans.size()));
        }
        for (const std::string& span : spans) buffer_ += test::bytes(2, span);
        uint8_t* at = reinterpret_cast<uint8_t*>(buffer_.data());
        for (const std::string& span : spans) {
            at += test::bytes(2, span).size() - span.size();
            const auto turn = static_cast<uint32_t>(all_.size() / kSpansOfATurn);
            all_.push_back({{at, span.size()}, turn % VariedSpans::kApplications});
            at += span.size();
        }
    }

    const std::vector<One>& all() const { return all_; }
    double bytes() const { return static_cast<double>(buffer_.size()) / static_cast<double>(all_.size()); }

private:
    std::string buffer_;
    std::vector<One> all_;
};

const Spans& spans_of(const benchmark::State& state) {
    static const std::array<Spans, 2> spans{Spans(false), Spans(true)};
    return spans[static_cast<size_t>(state.range(0))];
}

template <class Check>
void each(benchmark::State& state, Check check) {
    const Spans& spans = spans_of(state);
    for (auto _ : state) {
        for (const Spans::One& one : spans.all()) {
            if (!check(one)) return state.SkipWithError("a span is not sound");
        }
    }
    state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * spans.all().size()));
    state.counters["bytes_per_span"] = spans.bytes();
}

void gate(benchmark::State& state) {
    std::array<SpanGate, VariedSpans::kApplications> gates;
    each(state, [&](const Spans::One& one) { return gates[one.application].check(one.bytes).untouched(); });
}

void validator(benchmark::State& state) {
    each(state, [](const Spans::One& one) { return validate_span(one.bytes).untouched(); });
}

void plain(benchmark::State& state, InstructionSet set) {
    const CountHighBytes count = count_high_bytes_with(set);
    if (count == nullptr) return state.SkipWithError("this machine has no such instructions");
    each(state, [count](const Spans::One& one) { return is_plain_span(one.bytes, count); });
}

// Without a decision whether they pay: what they cost where they do not.
void shapes(benchmark::State& state) {
    std::array<SpanShapes, VariedSpans::kApplications> shapes;
    each(state, [&](const Spans::One& one) {
        if (shapes[one.application].match(one.bytes) != nullptr) return true;
        if (!validate_span(one.bytes).untouched()) return false;
        shapes[one.application].learn(one.bytes);
        return true;
    });
}

void both(benchmark::internal::Benchmark* benchmark) { benchmark->ArgName("varied")->Arg(0)->Arg(1); }

BENCHMARK(gate)->Apply(both);
BENCHMARK(validator)->Apply(both);
BENCHMARK(shapes)->Apply(both);
BENCHMARK_CAPTURE(plain, portable, InstructionSet::kPortable)->Apply(both);
BENCHMARK_CAPTURE(plain, sse2, InstructionSet::kSse2)->Apply(both);
BENCHMARK_CAPTURE(plain, avx2, InstructionSet::kAvx2)->Apply(both);
BENCHMARK_CAPTURE(plain, neon, InstructionSet::kNeon)->Apply(both);

}  // namespace

BENCHMARK_MAIN();
