// SPDX-License-Identifier: Apache-2.0
#include "processors/probabilistic_sampler_processor.hpp"

#include "chain_kit.hpp"

namespace spanring::agent::test {
namespace {

ProcessorOptions sampler(double percentage, SamplerMode mode, bool fail_closed = true, uint32_t seed = 0) {
    ProcessorOptions processor;
    processor.type = ProcessorType::kProbabilisticSampler;
    processor.probabilistic_sampler = {percentage, mode, seed, 4, fail_closed};
    return processor;
}

// Of which that is random: so many sixteenths and a half.
otlp::Span of(unsigned sixteenth, const std::string& trace_state = {}) {
    otlp::Span span = a_span();
    std::string id(16, '\x08');
    id[9] = static_cast<char>(sixteenth << 4 | 8);
    span.set_trace_id(id);
    span.set_trace_state(trace_state);
    return span;
}

std::string state_of(const std::optional<otlp::Span>& span) { return span ? span->trace_state() : "left out"; }

TEST(ProbabilisticSamplerTest, EqualizesByWhatIsRandomOfTheTrace) {
    ChainKit kit({sampler(25, SamplerMode::kEqualizing)});
    EXPECT_EQ(state_of(kit.take(of(11))), "left out");
    EXPECT_EQ(kit.outcome, Processed::kFiltered);
    EXPECT_EQ(state_of(kit.take(of(12))), "ot=th:c");
    EXPECT_EQ(state_of(kit.take(of(12, "a=1,ot=th:8;x:y"))), "ot=th:c;x:y,a=1");
    EXPECT_EQ(state_of(kit.take(of(0, "ot=rv:c0000000000000"))), "ot=rv:c0000000000000;th:c");
    EXPECT_EQ(state_of(kit.take(of(15, "ot=rv:bfffffffffffff"))), "left out");
    EXPECT_EQ(state_of(kit.take(of(15, "ot=th:e"))), "ot=th:e") << "never more likely than it was";
    EXPECT_EQ(kit.outcome, Processed::kUntouched);
}

TEST(ProbabilisticSamplerTest, TakesAPartOfWhatComes) {
    ChainKit kit({sampler(50, SamplerMode::kProportional)});
    EXPECT_EQ(state_of(kit.take(of(7))), "left out");
    EXPECT_EQ(state_of(kit.take(of(8))), "ot=th:8");
    EXPECT_EQ(state_of(kit.take(of(11, "ot=th:8"))), "left out");
    EXPECT_EQ(state_of(kit.take(of(12, "ot=th:8"))), "ot=th:c");
    ChainKit twice({sampler(50, SamplerMode::kProportional), sampler(50, SamplerMode::kProportional)});
    EXPECT_EQ(state_of(twice.take(of(11))), "left out");
    const auto span = twice.take(of(12));
    EXPECT_EQ(state_of(span), "ot=th:c");
    EXPECT_EQ(span->ByteSizeLong(), of(12, "ot=th:c").ByteSizeLong()) << "it is said once";
}

TEST(ProbabilisticSamplerTest, ChoosesByAHashAsTheCollectorDoes) {
    ChainKit kit({sampler(50, SamplerMode::kHashSeed)});
    ChainKit other({sampler(50, SamplerMode::kHashSeed, true, 17)});
    size_t kept = 0, differ = 0;
    for (uint32_t i = 0; i < 2000; ++i) {
        otlp::Span span = of(0);
        std::string id = span.trace_id();
        id[0] = static_cast<char>(i);
        id[1] = static_cast<char>(i >> 8);
        span.set_trace_id(id);
        const auto out = kit.take(span);
        if (out) {
            ++kept;
            EXPECT_EQ(out->trace_state().substr(0, 6), "ot=rv:");
            EXPECT_EQ(out->trace_state().substr(20), ";th:8");
            EXPECT_GE(out->trace_state()[6], '8') << "what is random agrees with the threshold";
        }
        differ += out.has_value() != other.take(span).has_value() ? 1 : 0;
    }
    EXPECT_NEAR(static_cast<double>(kept), 1000, 150);
    EXPECT_GT(differ, 500u);
}

TEST(ProbabilisticSamplerTest, WhatMakesNoSenseIsLeftOutOrLetThrough) {
    for (const SamplerMode mode : {SamplerMode::kHashSeed, SamplerMode::kEqualizing, SamplerMode::kProportional}) {
        ChainKit closed({sampler(100, mode)}), open({sampler(100, mode, false)});
        EXPECT_EQ(state_of(closed.take(of(5, "ot=th:xyz"))), "left out");
        EXPECT_EQ(state_of(open.take(of(5, "ot=th:xyz"))), "ot=th:xyz");
        EXPECT_EQ(open.outcome, Processed::kUntouched);
    }
    ChainKit closed({sampler(100, SamplerMode::kEqualizing)}), open({sampler(1, SamplerMode::kEqualizing, false)});
    EXPECT_EQ(state_of(closed.take(of(5, "ot=th:8"))), "left out") << "it was sampled though it cannot have been";
    EXPECT_EQ(state_of(open.take(of(5, "ot=th:8"))), "ot=th:0");
    ChainKit hash({sampler(100, SamplerMode::kHashSeed)}), open_hash({sampler(1, SamplerMode::kHashSeed, false)});
    EXPECT_EQ(state_of(hash.take(of(15, "ot=th:8"))), "left out") << "by another kind of chance";
    EXPECT_EQ(state_of(open_hash.take(of(15, "ot=th:8"))), "ot=th:8");
}

TEST(ProbabilisticSamplerTest, FollowsThePriorityOfASpan) {
    ChainKit kit({sampler(25, SamplerMode::kEqualizing)}), none({sampler(0, SamplerMode::kEqualizing)});
    const auto with = [](otlp::Span span, auto&& set) {
        otlp::KeyValue& attribute = *span.add_attributes();
        attribute.set_key("sampling.priority");
        set(*attribute.mutable_value());
        return span;
    };
    const auto one = [](auto& value) { value.set_int_value(1); };
    EXPECT_EQ(state_of(kit.take(with(of(3), one))), "ot=th:0");
    EXPECT_EQ(state_of(kit.take(with(of(15, "ot=th:8"), one))), "ot=th:8");
    EXPECT_EQ(state_of(none.take(with(of(3), one))), "ot=th:0");
    EXPECT_EQ(state_of(none.take(of(15))), "left out");
    EXPECT_EQ(state_of(kit.take(with(of(15), [](auto& value) { value.set_int_value(0); }))), "left out");
    EXPECT_EQ(state_of(kit.take(with(of(15), [](auto& value) { value.set_string_value("0.0"); }))), "left out");
    EXPECT_EQ(state_of(kit.take(with(of(3), [](auto& value) { value.set_double_value(0.5); }))), "ot=th:0");
    EXPECT_EQ(state_of(kit.take(with(of(15), [](auto& value) { value.set_string_value("high"); }))), "ot=th:c");
    EXPECT_EQ(state_of(kit.take(with(of(3), [](auto& value) { value.set_bool_value(true); }))), "left out");
}

TEST(ProbabilisticSamplerTest, NoneAndAll) {
    for (const SamplerMode mode : {SamplerMode::kHashSeed, SamplerMode::kEqualizing, SamplerMode::kProportional}) {
        ChainKit none({sampler(0, mode)}), all({sampler(100, mode)});
        for (unsigned i = 0; i < 16; ++i) {
            EXPECT_EQ(state_of(none.take(of(i))), "left out");
            EXPECT_NE(state_of(all.take(of(i))), "left out");
        }
    }
}

}  // namespace
}  // namespace spanring::agent::test
