// SPDX-License-Identifier: Apache-2.0
//
// Tracers, and the scopes that their spans belong to.
#include <cerrno>
#include <utility>

#include "support/tracing.hpp"

namespace spanring {
namespace {

using test::Tracing;

TEST_IN_PROCESS(ScopeTest, BelongsToTheScopeOfItsTracer) {
    Tracing tracing;
    spr_tracer *versioned, *again, *other;
    ASSERT_EQ(spr_tracer_get(tracing.provider(), "lib", SPR_NUL, "1.2", SPR_NUL, "https://example.org/schema", SPR_NUL,
                             &versioned),
              0);
    ASSERT_EQ(spr_tracer_get(tracing.provider(), "lib", SPR_NUL, "1.2", SPR_NUL, "https://example.org/schema", SPR_NUL,
                             &again),
              0);
    ASSERT_EQ(spr_tracer_get(tracing.provider(), "lib", SPR_NUL, "1.3", SPR_NUL, nullptr, 0, &other), 0);
    EXPECT_EQ(versioned, again);
    EXPECT_NE(versioned, other);
    for (int round = 0; round < 3; ++round) {
        tracing.make("plain");
        for (const auto& [tracer, name] : {std::pair(versioned, "versioned"), std::pair(other, "other")}) {
            spr_span span;
            ASSERT_EQ(spr_span_start(tracer, name, SPR_NUL, &span), 1);
            EXPECT_EQ(spr_span_end(&span), 0);
        }
    }
    const auto segment = tracing.read();
    ASSERT_EQ(segment.spans().size(), 9u);
    for (const test::WrittenSpan& written : segment.spans()) {
        const auto& scope = segment.scope(written.scope);
        if (written.span.name() == "plain") {
            EXPECT_EQ(scope.scope().name(), "test");
            EXPECT_EQ(scope.scope().version(), "");
        } else {
            EXPECT_EQ(scope.scope().name(), "lib");
            EXPECT_EQ(scope.scope().version(), written.span.name() == "versioned" ? "1.2" : "1.3");
            EXPECT_EQ(scope.schema_url(), written.span.name() == "versioned" ? "https://example.org/schema" : "");
        }
    }
}

TEST_IN_PROCESS(ScopeTest, HasOneOf127ScopesAndNoMore) {
    Tracing tracing;
    spr_tracer* tracer = nullptr;
    int made = 1;  // the one of `tracing`
    while (spr_tracer_get(tracing.provider(), ("scope" + std::to_string(made)).c_str(), SPR_NUL, nullptr, 0, nullptr, 0,
                          &tracer) == 0)
        ++made;
    EXPECT_EQ(made, 127);
    spr_tracer* untouched = tracer;
    EXPECT_EQ(spr_tracer_get(tracing.provider(), "one more", SPR_NUL, nullptr, 0, nullptr, 0, &untouched), -ENOSPC);
    EXPECT_EQ(untouched, tracer);
    EXPECT_EQ(spr_tracer_get(tracing.provider(), "scope5", SPR_NUL, nullptr, 0, nullptr, 0, &tracer), 0)
        << "one that is there";
    EXPECT_EQ(spr_tracer_get(tracing.provider(), "\xff", SPR_NUL, nullptr, 0, nullptr, 0, &tracer), -EINVAL);
    EXPECT_EQ(tracing.make("span"), 0);
}

}  // namespace
}  // namespace spanring
