// SPDX-License-Identifier: Apache-2.0
//
// Structs of options of any age: an older caller's is shorter, a newer caller's is longer.
#include <cerrno>
#include <cstring>
#include <vector>

#include <gtest/gtest.h>

#include "support/tracing.hpp"
#include "trace/base/options.hpp"

namespace spanring::trace {
namespace {

using test::Tracing;

// What a later release might have: members that this library does not know.
template <class Options>
struct Newer {
    Options known;
    uint64_t unknown[3];
};

template <class Options>
Newer<Options> newer(Options known) {
    Newer<Options> options;
    memset(&options, 0, sizeof options);
    options.known = known;
    options.known.struct_size = sizeof options;
    return options;
}

struct Small {
    uint32_t struct_size;
    uint32_t first;
    uint64_t second;
};

TEST(OptionsTest, AreAllDefaultsWhenThereAreNone) {
    Small read{1, 2, 3};
    ASSERT_EQ(read_options<Small>(nullptr, read), 0);
    EXPECT_EQ(read.struct_size, sizeof(Small));
    EXPECT_EQ(read.first, 0u);
    EXPECT_EQ(read.second, 0u);
}

TEST(OptionsTest, OfAnOlderCallerReadAsZeroBehindTheirEnd) {
    const Small given{offsetof(Small, second), 7, 8};  // 8 is not the caller's to give
    Small read;
    ASSERT_EQ(read_options(&given, read), 0);
    EXPECT_EQ(read.first, 7u);
    EXPECT_EQ(read.second, 0u);
}

TEST(OptionsTest, WithoutASizeAreAMistake) {
    for (const uint32_t size : {0u, 1u, 3u}) {
        const Small given{size, 0, 0};
        Small read;
        EXPECT_EQ(read_options(&given, read), -EINVAL) << size;
    }
    const Small given{sizeof(uint32_t), 7, 8};
    Small read;
    ASSERT_EQ(read_options(&given, read), 0);
    EXPECT_EQ(read.first, 0u);
}

TEST(OptionsTest, OfANewerCallerAreTakenIfWhatIsUnknownIsZero) {
    auto given = newer(Small{0, 7, 8});
    Small read;
    ASSERT_EQ(read_options(&given.known, read), 0);
    EXPECT_EQ(read.first, 7u);
    EXPECT_EQ(read.second, 8u);
    for (size_t byte = 0; byte < sizeof given.unknown; ++byte) {
        auto spoilt = given;
        reinterpret_cast<uint8_t*>(spoilt.unknown)[byte] = 1;
        EXPECT_EQ(read_options(&spoilt.known, read), -E2BIG) << "byte " << byte;
    }
}

TEST(OptionsTest, OfASizeThatNoReleaseHasAreRefused) {
    spr_start_options given = SPR_START_OPTIONS_INIT, read;
    for (uint32_t size = 0; size <= 2 * sizeof given; ++size) {
        std::vector<uint8_t> bytes(2 * sizeof given);
        memcpy(bytes.data(), &given, sizeof given);
        memcpy(bytes.data(), &size, sizeof size);
        const bool possible =
            size == sizeof size || size > sizeof given || (size != 0 && size % alignof(spr_start_options) == 0);
        EXPECT_EQ(read_options(reinterpret_cast<const spr_start_options*>(bytes.data()), read), possible ? 0 : -EINVAL)
            << size;
    }
}

TEST_IN_PROCESS(OptionsTest, OfAProviderFollowTheRule) {
    test::PrivateDirectory directory;
    spr_provider* provider = nullptr;
    spr_provider_options options = SPR_PROVIDER_OPTIONS_INIT;
    auto longer = newer(options);
    EXPECT_EQ(spr_provider_open(&longer.known, &provider), 0);
    longer.unknown[2] = 1;
    spr_provider* untouched = provider;
    EXPECT_EQ(spr_provider_open(&longer.known, &untouched), -E2BIG);
    EXPECT_EQ(untouched, provider);
    options.struct_size = offsetof(spr_provider_options, service_name);
    options.service_name = reinterpret_cast<const char*>(1);  // behind the end: must not be looked at
    EXPECT_EQ(spr_provider_open(&options, &provider), 0);
    options.struct_size = 0;
    EXPECT_EQ(spr_provider_open(&options, &provider), -EINVAL);
    EXPECT_EQ(spr_provider_open(nullptr, &provider), 0);
    EXPECT_EQ(spr_provider_open(nullptr, nullptr), -EINVAL);
}

TEST_IN_PROCESS(OptionsTest, OfAProviderMustMakeSense) {
    test::PrivateDirectory directory;
    spr_provider* provider = nullptr;
    spr_provider_options options = SPR_PROVIDER_OPTIONS_INIT;
    options.full_policy = SPR_FULL_WAIT + 1;
    EXPECT_EQ(spr_provider_open(&options, &provider), -EINVAL);
    options = SPR_PROVIDER_OPTIONS_INIT;
    options.resource_attribute_count = 1;
    EXPECT_EQ(spr_provider_open(&options, &provider), -EINVAL);
    EXPECT_EQ(provider, nullptr);
}

TEST_IN_PROCESS(OptionsTest, OfAStartFollowTheRule) {
    Tracing tracing;
    spr_start_options options = SPR_START_OPTIONS_INIT;
    options.kind = SPR_KIND_SERVER;
    auto longer = newer(options);
    spr_span span;
    ASSERT_EQ(spr_span_start_with(tracing.tracer(), "longer", SPR_NUL, &longer.known, &span), 1);
    EXPECT_EQ(spr_span_end(&span), 0);
    longer.unknown[0] = 1;
    EXPECT_EQ(spr_span_start_with(tracing.tracer(), "spoilt", SPR_NUL, &longer.known, &span), -E2BIG);
    EXPECT_EQ(span.handle, 0u) << "a span that does nothing";
    EXPECT_EQ(spr_span_end(&span), 0);
    options.struct_size = offsetof(spr_start_options, start_time_ns);
    options.attribute_count = 5;  // behind the end
    ASSERT_EQ(spr_span_start_with(tracing.tracer(), "shorter", SPR_NUL, &options, &span), 1);
    EXPECT_EQ(spr_span_end(&span), 0);
    options.struct_size = 2;
    EXPECT_EQ(spr_span_start_with(tracing.tracer(), "none", SPR_NUL, &options, &span), -EINVAL);
    const auto segment = tracing.read();
    EXPECT_EQ(segment.spans().size(), 2u);
    EXPECT_EQ(segment.named("longer").kind(), otlp::Span::SERVER);
    EXPECT_EQ(segment.named("shorter").kind(), otlp::Span::SERVER);
}

TEST_IN_PROCESS(OptionsTest, OfAStartMustMakeSense) {
    Tracing tracing;
    spr_span span;
    const auto start = [&](auto change) {
        spr_start_options options = SPR_START_OPTIONS_INIT;
        change(options);
        return spr_span_start_with(tracing.tracer(), "x", SPR_NUL, &options, &span);
    };
    EXPECT_EQ(start([](auto& o) { o.kind = SPR_KIND_CONSUMER + 1; }), -EINVAL);
    EXPECT_EQ(start([](auto& o) { o.parent_mode = SPR_PARENT_ROOT + 1; }), -EINVAL);
    EXPECT_EQ(start([](auto& o) { o.attribute_count = 1; }), -EINVAL);
    EXPECT_EQ(start([](auto& o) { o.link_count = 1; }), -EINVAL);
    EXPECT_EQ(tracing.statistics().started, 0u);
}

TEST_IN_PROCESS(OptionsTest, OfAnEndFollowTheRuleAndTheSpanStaysOpenIfTheyDoNot) {
    Tracing tracing;
    const spr_span span = tracing.start("span");
    spr_end_options options = SPR_END_OPTIONS_INIT;
    options.status = SPR_STATUS_OK;
    auto longer = newer(options);
    longer.unknown[1] = 1;
    EXPECT_EQ(spr_span_end_with(&span, &longer.known), -E2BIG);
    options.status = SPR_STATUS_ERROR + 1;
    EXPECT_EQ(spr_span_end_with(&span, &options), -EINVAL);
    options.status = SPR_STATUS_OK;
    options.event_count = 1;
    EXPECT_EQ(spr_span_end_with(&span, &options), -EINVAL);
    options.event_count = 0;
    options.attribute_count = 1;
    EXPECT_EQ(spr_span_end_with(&span, &options), -EINVAL);
    options.struct_size = 0;
    EXPECT_EQ(spr_span_end_with(&span, &options), -EINVAL);
    EXPECT_EQ(spr_span_is_recording(&span), 1);
    longer.unknown[1] = 0;
    EXPECT_EQ(spr_span_end_with(&span, &longer.known), 0);
    EXPECT_EQ(tracing.read().named("span").status().code(), otlp::Status::OK);
}

TEST_IN_PROCESS(OptionsTest, OfStatisticsAreFilledAsFarAsTheyGo) {
    Tracing tracing;
    tracing.make("span");
    spr_statistics statistics;
    memset(&statistics, 0xee, sizeof statistics);
    statistics.struct_size = offsetof(spr_statistics, ended);
    ASSERT_EQ(spr_provider_statistics(tracing.provider(), &statistics), 0);
    EXPECT_EQ(statistics.started, 1u);
    EXPECT_EQ(statistics.ended, 0xeeeeeeeeeeeeeeee) << "behind the caller's end";
    EXPECT_EQ(statistics.struct_size, offsetof(spr_statistics, ended));

    auto longer = newer(spr_statistics{});
    memset(longer.unknown, 0xee, sizeof longer.unknown);
    ASSERT_EQ(spr_provider_statistics(tracing.provider(), &longer.known), 0);
    EXPECT_EQ(longer.known.ended, 1u);
    EXPECT_EQ(longer.unknown[0], 0xeeeeeeeeeeeeeeee) << "unknown here";
    statistics.struct_size = 3;
    EXPECT_EQ(spr_provider_statistics(tracing.provider(), &statistics), -EINVAL);
}

}  // namespace
}  // namespace spanring::trace
