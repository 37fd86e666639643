// SPDX-License-Identifier: Apache-2.0
//
// What the doctor says of an environment is what the library makes of it. The library's reader is compiled into this
// test: the two can share no code, and must not drift apart.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "command/library_variables.hpp"
#include "trace/base/variable.hpp"

namespace spanring::agent {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;
using Kind = VariableNote::Kind;

auto is(Kind kind, const std::string& name, const std::string& text) {
    return AllOf(testing::Field(&VariableNote::kind, kind), testing::Field(&VariableNote::name, name),
                 testing::Field(&VariableNote::text, HasSubstr(text)));
}

TEST(LibraryVariablesTest, NothingIsSaidOfWhatIsUnderstood) {
    EXPECT_THAT(judge({}), IsEmpty());
    EXPECT_THAT(judge({{"OTEL_TRACES_SAMPLER", " ParentBased_TraceIdRatio "},
                       {"OTEL_TRACES_SAMPLER_ARG", "0.25"},
                       {"OTEL_SPAN_EVENT_COUNT_LIMIT", "-1"},
                       {"OTEL_ATTRIBUTE_COUNT_LIMIT", " 64 "},
                       {"SPANRING_MEMORY_LIMIT", "8 MiB"},
                       {"OTEL_SDK_DISABLED", "FALSE"},
                       {"OTEL_TRACES_EXPORTER", "otlp"},
                       {"OTEL_PROPAGATORS", "TraceContext, b3"},
                       {"OTEL_RESOURCE_ATTRIBUTES", "a=b, c = d%20e,,"},
                       {"OTEL_SPAN_LINK_COUNT_LIMIT", ""},
                       {"PATH", "/bin"}}),
                IsEmpty());
}

TEST(LibraryVariablesTest, WhatSwitchesTracingOffIsSaid) {
    EXPECT_THAT(judge({{"SPANRING_DISABLED", "1"}}), ElementsAre(is(Kind::kOff, "SPANRING_DISABLED", "switches")));
    EXPECT_THAT(judge({{"OTEL_SDK_DISABLED", "True"}}), ElementsAre(is(Kind::kOff, "OTEL_SDK_DISABLED", "'True'")));
    EXPECT_THAT(judge({{"OTEL_TRACES_EXPORTER", "none"}}), ElementsAre(is(Kind::kOff, "OTEL_TRACES_EXPORTER", "off")));
    EXPECT_THAT(judge({{"OTEL_TRACES_SAMPLER", "always_off"}}),
                ElementsAre(is(Kind::kOff, "OTEL_TRACES_SAMPLER", "records no span")));
    EXPECT_THAT(judge({{"OTEL_TRACES_SAMPLER", "parentbased_always_off"}}),
                ElementsAre(is(Kind::kLess, "OTEL_TRACES_SAMPLER", "begins in this process")));
    EXPECT_THAT(judge({{"OTEL_TRACES_SAMPLER", "traceidratio"}, {"OTEL_TRACES_SAMPLER_ARG", "0.0"}}),
                ElementsAre(is(Kind::kOff, "OTEL_TRACES_SAMPLER_ARG", "records no trace")));
}

TEST(LibraryVariablesTest, WhatIsMisspeltIsSaidWithWhatHoldsInstead) {
    const auto not_understood = [](const std::string& name, const std::string& value, const std::string& text,
                                   Variables others = {}) {
        others[name] = value;
        EXPECT_THAT(judge(others), ElementsAre(is(Kind::kNotUnderstood, name, text))) << value;
    };
    not_understood("OTEL_TRACES_SAMPLER", "alwayson",
                   "'alwayson' is not a sampler, did you mean 'always_on'?; it is parentbased_always_on");
    not_understood("OTEL_TRACES_SAMPLER", "jaeger_remote", "is not a sampler");
    not_understood("OTEL_TRACES_SAMPLER_ARG", "10%", "is not a ratio from 0 to 1; it is 1",
                   {{"OTEL_TRACES_SAMPLER", "traceidratio"}});
    not_understood("OTEL_TRACES_SAMPLER", "ratelimiting", "without a rate");
    not_understood("OTEL_TRACES_SAMPLER_ARG", "many", "is not a rate", {{"OTEL_TRACES_SAMPLER", "ratelimiting"}});
    not_understood("OTEL_SDK_DISABLED", "1", "is neither true nor false; tracing is on");
    not_understood("SPANRING_DISABLED", "yes", "tracing is on");
    not_understood("OTEL_TRACES_EXPORTER", "noen", "did you mean 'none'?");
    not_understood("SPANRING_MEMORY_LIMIT", "0", "it is 16MiB");
    not_understood("SPANRING_PROFILER_CONTEXT", "no", "it is on");
    not_understood("OTEL_PROPAGATORS", "b3,jaeger,xray", "names 'jaeger, xray'");
    not_understood("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", "-2", "is not a number");
    not_understood("SPANRING_MEMORY_LIMITS", "8MiB", "did you mean 'SPANRING_MEMORY_LIMIT'?");
    for (const char* list : {"a", "a=b,c", "=b", "a=%2", "a=%zz", "a=\xff", "a=%ff", "\n"})
        not_understood("OTEL_RESOURCE_ATTRIBUTES", list, "all of them are left out");
}

TEST(LibraryVariablesTest, AValueCannotWriteOnTheTerminal) {
    const auto notes = judge({{"OTEL_TRACES_SAMPLER", "x\033[2J\u202e" + std::string(1000, 'x')}});
    ASSERT_EQ(notes.size(), 1u);
    EXPECT_THAT(notes[0].text, StartsWith("'x?[2J?xxx"));
    EXPECT_LT(notes[0].text.size(), 200u);
}

TEST(LibraryVariablesTest, AreReadAsTheLibraryReadsThem) {
    std::mt19937 random(20261128);
    const std::string alphabet = "000123459.eE+-kKmMgGiIbB \tx";
    for (int i = 0; i < 20'000; ++i) {
        std::string text;
        for (size_t size = 1 + random() % 7; size > 0; --size) text += alphabet[random() % alphabet.size()];
        const auto value = trace::Variable::of(text.c_str());
        double share = 0;
        uint64_t count = 0, bytes = 0;
        const bool unset = !value.is_set();
        const auto understood = [&](const std::string& name, Variables others = {}) {
            others[name] = text;
            for (const VariableNote& note : judge(others)) {
                if (note.name == name && note.kind == Kind::kNotUnderstood) return false;
            }
            return true;
        };
        EXPECT_EQ(understood("OTEL_TRACES_SAMPLER_ARG", {{"OTEL_TRACES_SAMPLER", "traceidratio"}}),
                  unset || value.number(0, 1, share))
            << "'" << text << "'";
        EXPECT_EQ(understood("OTEL_SPAN_LINK_COUNT_LIMIT"), unset || value.is("-1") || value.count(count)) << text;
        EXPECT_EQ(understood("SPANRING_MEMORY_LIMIT"), unset || (value.bytes(bytes) && bytes != 0))
            << "'" << text << "'";
    }
}

}  // namespace
}  // namespace spanring::agent
