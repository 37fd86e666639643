// SPDX-License-Identifier: Apache-2.0
//
// What processors cost a span: `constant` spans (0), which have one shape (183 bytes), and `varied` ones (1) of 30
// kinds from ten applications, in turns of 100 as the drain takes them. A chain of one processor: a filter and a rename
// that nothing agrees with, by texts and by patterns; such as everything agrees with; an attribute that every span
// gets. What is changed is written, as into a batch.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "otlp/span_gate.hpp"
#include "processors/processor_chain.hpp"
#include "processors/processor_options.hpp"
#include "turns_of_spans.hpp"

namespace {

using namespace spanring::agent;

// As the check of a span leaves it to the processors, in the drain.
std::vector<SpanForm> forms_of(const bench::Turns& spans, const KeyInterest& keys) {
    SpanGate gate;
    gate.look_for(&keys);
    std::vector<SpanForm> forms;
    for (const auto& span : spans.all) {
        std::vector<uint8_t> copy(span.begin(), span.end());
        gate.check(copy);
        forms.push_back(gate.form());
    }
    return forms;
}

void take(benchmark::State& state, const ProcessorOptions& options, Processed expected) {
    const bench::Turns& spans = bench::turns_of(state);
    ProcessorChain chain({options});
    const ProcessedProducer producer = chain.producer(std::make_shared<Producer>());
    std::vector<uint8_t> batch(2 * spans.buffer.size() + 100 * spans.all.size());
    const std::vector<SpanForm> forms = forms_of(spans, chain.interest());
    for (auto _ : state) {
        uint8_t* to = batch.data();
        for (size_t i = 0; i < spans.all.size(); ++i) {
            const Processed processed = chain.take(producer, spans.all[i], forms[i]);
            if (processed != expected) return state.SkipWithError("a span was not processed as it should be");
            if (processed != Processed::kChanged) continue;
            chain.write_record(to);
            to += chain.record_size();
        }
        benchmark::ClobberMemory();
    }
    state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * spans.all.size()));
}

ProcessorOptions filter(SpanMatchOptions match) {
    ProcessorOptions options;
    options.type = ProcessorType::kFilter;
    options.filter.spans.push_back(std::move(match));
    return options;
}

SpanMatchOptions names(std::vector<std::string> names, MatchType type) {
    SpanMatchOptions match;
    match.match_type = type;
    match.names = std::move(names);
    return match;
}

ProcessorOptions rename(const char* pattern, const char* replacement) {
    ProcessorOptions options;
    options.type = ProcessorType::kTransform;
    options.transform.span_names.push_back({pattern, replacement});
    return options;
}

void filter_no_name(benchmark::State& state) {
    take(state, filter(names({"GET /healthz", "GET /livez"}, MatchType::kStrict)), Processed::kUntouched);
}
void filter_no_name_by_pattern(benchmark::State& state) {
    take(state, filter(names({"^(GET|HEAD) /(health|live)z$"}, MatchType::kRegexp)), Processed::kUntouched);
}
void filter_no_attribute(benchmark::State& state) {
    SpanMatchOptions match;
    match.attributes.push_back({.key = "synthetic.traffic", .value = "true"});
    take(state, filter(match), Processed::kUntouched);
}
ProcessorOptions condition(std::vector<std::string> conditions) {
    ProcessorOptions options;
    options.type = ProcessorType::kFilter;
    options.filter.conditions = std::move(conditions);
    return options;
}

void condition_no_name(benchmark::State& state) {
    take(state, condition({R"(name == "GET /healthz")", R"(name == "GET /livez")"}), Processed::kUntouched);
}
void condition_no_name_by_pattern(benchmark::State& state) {
    take(state, condition({R"(IsMatch(name, "^(GET|HEAD) /(health|live)z$"))"}), Processed::kUntouched);
}
void condition_no_attribute(benchmark::State& state) {
    take(state, condition({R"(attributes["synthetic.traffic"] == true)"}), Processed::kUntouched);
}
void filter_all(benchmark::State& state) {
    take(state, filter(names({"."}, MatchType::kRegexp)), Processed::kFiltered);
}
void rename_none(benchmark::State& state) {
    take(state, rename("^GET /users/[0-9]{20}", "GET /users/{id}"), Processed::kUntouched);
}
void rename_all(benchmark::State& state) { take(state, rename("^.", "~"), Processed::kChanged); }
void insert_into_all(benchmark::State& state) {
    ProcessorOptions options;
    options.type = ProcessorType::kAttributes;
    AttributeAction& action = options.attributes.actions.emplace_back();
    action.key = "deployment.environment.name";
    action.action = "upsert";
    action.value = "production";
    action.has_value = true;
    take(state, options, Processed::kChanged);
}

BENCHMARK(filter_no_name)->Arg(0)->Arg(1);
BENCHMARK(filter_no_name_by_pattern)->Arg(0)->Arg(1);
BENCHMARK(filter_no_attribute)->Arg(0)->Arg(1);
BENCHMARK(condition_no_name)->Arg(0)->Arg(1);
BENCHMARK(condition_no_name_by_pattern)->Arg(0)->Arg(1);
BENCHMARK(condition_no_attribute)->Arg(0)->Arg(1);
BENCHMARK(rename_none)->Arg(0)->Arg(1);
BENCHMARK(filter_all)->Arg(0)->Arg(1);
BENCHMARK(rename_all)->Arg(0)->Arg(1);
BENCHMARK(insert_into_all)->Arg(0)->Arg(1);

}  // namespace

BENCHMARK_MAIN();
