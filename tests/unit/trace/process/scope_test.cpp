// SPDX-License-Identifier: Apache-2.0
//
// Tracers, and the scopes that their spans belong to.
#include <cerrno>
#include <string>
#include <utility>

#include "support/tracing.hpp"

namespace spanring {
namespace {

using test::attribute;
using test::int_attribute;
using test::text_attribute;
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
    EXPECT_EQ(tracing.make("span"), 0);
}

TEST_IN_PROCESS(ScopeTest, HasAttributesOfEachTypeAndASchema) {
    Tracing tracing;
    const spr_value values[] = {{SPR_TYPE_EMPTY, 0, {}}};
    spr_attribute attributes[] = {text_attribute("a", "first"),
                                  int_attribute("n", 1),
                                  text_attribute("a", "last"),
                                  {"list", SPR_NUL, SPR_TYPE_ARRAY, 0, {}}};
    attributes[3].value.array = {values, 1};
    spr_tracer_options options = SPR_TRACER_OPTIONS_INIT;
    options.name = "scope";
    options.version = "1.2";
    options.schema_url = "https://example.com/1";
    options.attributes = attributes;
    options.attribute_count = 4;
    spr_tracer *tracer = nullptr, *again = nullptr, *plain = nullptr;
    ASSERT_EQ(spr_tracer_get_with(tracing.provider(), &options, &tracer), 0);
    ASSERT_EQ(spr_tracer_get_with(tracing.provider(), &options, &again), 0);
    EXPECT_EQ(tracer, again);
    options.attribute_count = 0;
    ASSERT_EQ(spr_tracer_get_with(tracing.provider(), &options, &plain), 0);
    EXPECT_NE(plain, tracer);
    ASSERT_EQ(
        spr_tracer_get(tracing.provider(), "scope", SPR_NUL, "1.2", SPR_NUL, "https://example.com/1", SPR_NUL, &again),
        0);
    EXPECT_EQ(plain, again) << "the same arguments, said in the other way";

    spr_span span;
    ASSERT_EQ(spr_span_start(tracer, "span", SPR_NUL, &span), 1);
    ASSERT_EQ(spr_span_end(&span), 0);
    const auto segment = tracing.read();
    ASSERT_EQ(segment.spans().size(), 1u);
    const auto& written = segment.scope(segment.spans()[0].scope);
    EXPECT_EQ(written.scope().name(), "scope");
    EXPECT_EQ(written.scope().version(), "1.2");
    EXPECT_EQ(written.schema_url(), "https://example.com/1");
    EXPECT_EQ(written.scope().attributes_size(), 3);
    EXPECT_EQ(attribute(written.scope(), "a"), "string:last");
    EXPECT_EQ(attribute(written.scope(), "n"), "int:1");
    EXPECT_EQ(attribute(written.scope(), "list"), "array:[none]");
}

TEST_IN_PROCESS(ScopeTest, RefusesAttributesThatAreNoneOrDoNotFit) {
    Tracing tracing;
    spr_tracer* tracer = nullptr;
    spr_attribute bad = int_attribute("", 1);
    spr_tracer_options options = SPR_TRACER_OPTIONS_INIT;
    options.attribute_count = 1;
    EXPECT_EQ(spr_tracer_get_with(tracing.provider(), &options, &tracer), -EINVAL);
    options.attributes = &bad;
    EXPECT_EQ(spr_tracer_get_with(tracing.provider(), &options, &tracer), -EINVAL);
    const std::string text(5000, 'x');
    bad = text_attribute("long", text.c_str());
    EXPECT_EQ(spr_tracer_get_with(tracing.provider(), &options, &tracer), -ENOSPC);
    options.struct_size = 2;
    EXPECT_EQ(spr_tracer_get_with(tracing.provider(), &options, &tracer), -EINVAL);
    EXPECT_EQ(spr_tracer_get_with(tracing.provider(), &options, nullptr), -EINVAL);
    EXPECT_EQ(spr_tracer_get_with(nullptr, &options, &tracer), -EINVAL);
    EXPECT_EQ(tracer, nullptr);
}

}  // namespace
}  // namespace spanring
