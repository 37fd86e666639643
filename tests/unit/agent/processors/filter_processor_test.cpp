// SPDX-License-Identifier: Apache-2.0
#include "processors/filter_processor.hpp"

#include "chain_kit.hpp"

namespace spanring::agent::test {
namespace {

using std::chrono::milliseconds;

bool leaves_out(SpanMatchOptions match, const otlp::Span& span, const std::string& service = "shop") {
    ChainKit kit({filter({std::move(match)})}, service);
    const bool filtered = !kit.take(span);
    EXPECT_EQ(kit.chain.figures(0).filtered, filtered ? 1u : 0u);
    return filtered;
}

TEST(FilterProcessorTest, GoesByTheName) {
    SpanMatchOptions match;
    match.names = {"GET /health", "GET /ready"};
    EXPECT_TRUE(leaves_out(match, a_span("GET /ready")));
    EXPECT_FALSE(leaves_out(match, a_span("GET /ready/not")));
    match.match_type = MatchType::kRegexp;
    EXPECT_TRUE(leaves_out(match, a_span("GET /ready/not"))) << "a pattern is found anywhere";
    match.names = {"^/"};
    EXPECT_FALSE(leaves_out(match, a_span("GET /health")));
}

// What was said of a name is remembered: of that name, whatever its length, and of no other.
TEST(FilterProcessorTest, RemembersNamesOfAnyLength) {
    SpanMatchOptions match;
    match.match_type = MatchType::kRegexp;
    match.names = {"^a*b$"};
    ChainKit kit({filter({match})});
    for (int round = 0; round < 3; ++round) {
        for (size_t size = 0; size < 300; ++size) {
            const std::string name(size, 'a');
            EXPECT_FALSE(kit.take(a_span(name + "b"))) << size;
            EXPECT_TRUE(kit.take(a_span(name + "c"))) << size;
            EXPECT_EQ(kit.take(a_span("b" + name)).has_value(), size != 0) << size;
        }
    }
}

TEST(FilterProcessorTest, GoesByKindStatusAndService) {
    SpanMatchOptions kind, status, service;
    kind.kinds = {"SPAN_KIND_SERVER", "client"};
    status.statuses = {"ok"};
    service.services = {"shop"};
    EXPECT_TRUE(leaves_out(kind, a_span()));
    EXPECT_TRUE(leaves_out(status, a_span()));
    EXPECT_TRUE(leaves_out(service, a_span()));
    otlp::Span other = a_span();
    other.set_kind(otlp::Span::INTERNAL);
    other.mutable_status()->set_code(otlp::Status::ERROR);
    EXPECT_FALSE(leaves_out(kind, other));
    EXPECT_FALSE(leaves_out(status, other));
    EXPECT_FALSE(leaves_out(service, other, "cart"));
    otlp::Span without = a_span();
    without.clear_status();
    status.statuses = {"unset"};
    EXPECT_TRUE(leaves_out(status, without));
    EXPECT_FALSE(leaves_out(status, a_span()));
}

TEST(FilterProcessorTest, GoesByAttributesWhichMustAllBeThere) {
    SpanMatchOptions match;
    match.attributes = {{"user", "ann", {}}, {"code", "200", {}}};
    EXPECT_TRUE(leaves_out(match, a_span()));
    match.attributes.push_back({"zone", "", {}});
    EXPECT_FALSE(leaves_out(match, a_span()));
    match.attributes = {{"code", "", {}}};
    EXPECT_TRUE(leaves_out(match, a_span())) << "whatever its value";
    match.attributes = {{"code", "200", ConfiguredType::kText}};
    EXPECT_FALSE(leaves_out(match, a_span())) << "a number is no text";
    match.match_type = MatchType::kRegexp;
    match.attributes = {{"user", "^a", {}}};
    EXPECT_TRUE(leaves_out(match, a_span()));
}

TEST(FilterProcessorTest, GoesByTheDurationOfWhatHasOne) {
    SpanMatchOptions brief, lengthy;
    brief.max_duration = milliseconds(7);
    lengthy.min_duration = milliseconds(7);
    EXPECT_TRUE(leaves_out(brief, a_span()));
    EXPECT_TRUE(leaves_out(lengthy, a_span()));
    brief.max_duration = milliseconds(6);
    lengthy.min_duration = milliseconds(8);
    EXPECT_FALSE(leaves_out(brief, a_span()));
    EXPECT_FALSE(leaves_out(lengthy, a_span()));
    otlp::Span open = a_span();
    open.clear_end_time_unix_nano();
    brief.max_duration = milliseconds(1000);
    EXPECT_FALSE(leaves_out(brief, open)) << "it goes on";
}

TEST(FilterProcessorTest, AllThatIsGivenMustHoldAndOneOfTheList) {
    SpanMatchOptions one, other;
    one.names = {"a"};
    one.kinds = {"client"};
    other.names = {"b"};
    ChainKit kit({filter({one, other})});
    EXPECT_TRUE(kit.take(a_span("a")).has_value());
    EXPECT_FALSE(kit.take(a_span("b")).has_value());
}

TEST(FilterProcessorTest, SeesWhatProcessorsBeforeItLeft) {
    SpanMatchOptions match;
    match.attributes = {{"drop", "true", {}}};
    ChainKit kit({attributes({action("insert", "drop", "true")}), filter({match})});
    EXPECT_FALSE(kit.take(a_span()).has_value());
    ChainKit other({filter({match}), attributes({action("insert", "drop", "true")})});
    EXPECT_TRUE(other.take(a_span()).has_value());
}

TEST(FilterProcessorTest, AMatchMustSaySomething) {
    EXPECT_NE(wrong_match({}), "");
    SpanMatchOptions match;
    match.names = {"("};
    EXPECT_EQ(wrong_match(match), "");
    match.match_type = MatchType::kRegexp;
    EXPECT_NE(wrong_match(match), "");
}

}  // namespace
}  // namespace spanring::agent::test
