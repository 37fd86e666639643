// SPDX-License-Identifier: Apache-2.0
//
// What conditions say of spans, through the filter that has them.
#include "processors/conditions.hpp"

#include <functional>
#include <limits>

#include "chain_kit.hpp"

namespace spanring::agent::test {
namespace {

ProcessorOptions filter_by(std::vector<std::string> conditions, ConditionErrors errors = ConditionErrors::kIgnore) {
    ProcessorOptions options;
    options.type = ProcessorType::kFilter;
    options.filter.conditions = std::move(conditions);
    options.filter.error_mode = errors;
    return options;
}

bool holds(const std::string& condition, const otlp::Span& span = a_span()) {
    ChainKit kit({filter_by({condition})});
    const bool filtered = !kit.take(span);
    EXPECT_EQ(kit.chain.figures(0).filtered, filtered ? 1u : 0u);
    return filtered;
}

otlp::Span with(const std::function<void(otlp::AnyValue&)>& set) {
    otlp::Span span = a_span();
    otlp::KeyValue& attribute = *span.add_attributes();
    attribute.set_key("v");
    set(*attribute.mutable_value());
    return span;
}

TEST(Conditions, SeeTheFieldsOfASpan) {
    otlp::Span span = a_span("a");
    span.set_parent_span_id(std::string(7, '\0') + '\x1f');
    span.mutable_status()->set_message("bad");
    span.set_trace_state("vendor=1");
    for (const char* const condition :
         {R"(name == "a")", "kind == SPAN_KIND_SERVER", "kind == 2", "status.code == STATUS_CODE_OK",
          R"(status.message == "bad")", R"(trace_state == "vendor=1")", "start_time_unix_nano == 1000000000",
          "end_time_unix_nano > 1006999999", R"(trace_id.string == "74747474747474747474747474747474")",
          R"(span_id.string == "7373737373737373")", R"(parent_span_id.string == "000000000000001f")",
          R"(attributes["user"] == "ann")", R"(resource.attributes["service.name"] == "shop")", R"(span.name == "a")"})
        EXPECT_TRUE(holds(condition, span)) << condition;
    EXPECT_FALSE(holds(R"(name == "b")", span));
    EXPECT_FALSE(holds("IsRootSpan()", span));
    EXPECT_TRUE(holds("IsRootSpan()"));
    EXPECT_TRUE(holds(R"(parent_span_id.string == "0000000000000000")"));
    EXPECT_TRUE(holds(R"(status.message == "")"));
    EXPECT_TRUE(holds(R"(trace_id.string != span_id.string)")) << "each has digits of its own";
}

TEST(Conditions, AndOrNotAndParentheses) {
    EXPECT_TRUE(holds("true or false and false")) << "'and' binds more";
    EXPECT_FALSE(holds("(true or false) and false"));
    EXPECT_TRUE(holds("not false and true"));
    EXPECT_FALSE(holds("not (false or true)"));
    EXPECT_TRUE(holds(R"(not name == "b")"));
}

// The table of "Comparison Rules".
TEST(Conditions, CompareAsOttlDoes) {
    const auto text = with([](otlp::AnyValue& value) { value.set_string_value("b"); });
    const auto number = with([](otlp::AnyValue& value) { value.set_int_value(7); });
    const auto half = with([](otlp::AnyValue& value) { value.set_double_value(7.5); });
    const auto truth = with([](otlp::AnyValue& value) { value.set_bool_value(true); });
    const auto bytes = with([](otlp::AnyValue& value) { value.set_bytes_value(std::string("\0\xff", 2)); });
    const auto nothing = with([](otlp::AnyValue& value) { value.set_bytes_value(""); });
    const auto list = with([](otlp::AnyValue& value) { value.mutable_array_value()->add_values()->set_int_value(7); });
    const auto empty = with([](otlp::AnyValue&) {});
    const auto is = [](const otlp::Span& span, const std::string& rest) {
        return holds(R"(attributes["v"] )" + rest, span);
    };
    EXPECT_TRUE(is(text, R"(> "a")") && is(text, R"(<= "b")") && !is(text, R"(< "b")"));
    EXPECT_TRUE(is(number, "== 7.0") && is(number, "< 7.5") && is(number, ">= 7") && !is(number, "!= 7"));
    EXPECT_TRUE(is(half, "> 7") && is(half, "== 7.5"));
    EXPECT_TRUE(is(truth, "> false") && is(truth, "== true") && !is(truth, "< true"));
    EXPECT_TRUE(is(bytes, "== 0x00ff") && is(bytes, "< 0x01") && is(bytes, "!= nil"));
    // Of two kinds all that is true is that they are unequal.
    for (const char* const other : {R"("7")", "true", "nil", "0x07"}) {
        EXPECT_TRUE(is(number, std::string("!= ") + other)) << other;
        for (const char* const compares : {"==", "<", "<=", ">", ">="})
            EXPECT_FALSE(is(number, std::string(compares) + " " + other)) << compares << other;
    }
    for (const otlp::Span& one : {empty, nothing, a_span()}) {
        EXPECT_TRUE(is(one, "== nil") && is(one, "<= nil") && is(one, ">= nil"));
        EXPECT_FALSE(is(one, "!= nil") || is(one, "< nil") || is(one, "== 0"));
    }
    EXPECT_TRUE(is(list, "!= nil") && is(list, R"(!= "[7]")") && !is(list, "== nil"));
    EXPECT_TRUE(holds(R"(nil == attributes["v"])"));
    EXPECT_TRUE(holds(R"(attributes["user"] == attributes["user"])"));
}

TEST(Conditions, Functions) {
    const auto of = [](const std::function<void(otlp::AnyValue&)>& set, const std::string& pattern) {
        return holds("IsMatch(attributes[\"v\"], \"" + pattern + "\")", with(set));
    };
    EXPECT_TRUE(holds(R"(IsMatch(name, "^GET /users/\\d+$"))"));
    EXPECT_FALSE(holds(R"(IsMatch(name, "^/"))"));
    EXPECT_TRUE(of([](otlp::AnyValue& value) { value.set_int_value(-42); }, "^-42$"));
    EXPECT_TRUE(of([](otlp::AnyValue& value) { value.set_bool_value(true); }, "^true$"));
    EXPECT_TRUE(of([](otlp::AnyValue& value) { value.set_double_value(0.25); }, "^0\\\\.25$"));
    EXPECT_TRUE(of([](otlp::AnyValue& value) { value.set_double_value(1e21); }, "^1e\\\\+21$"));
    EXPECT_TRUE(of([](otlp::AnyValue& value) { value.set_double_value(1e-7); }, "^1e-7$"));
    EXPECT_TRUE(of([](otlp::AnyValue& value) { value.set_bytes_value("\x0f\xa0"); }, "^0fa0$"));
    EXPECT_FALSE(of([](otlp::AnyValue&) {}, "")) << "nil is in no pattern";
    EXPECT_FALSE(holds(R"(IsMatch(attributes["none"], ".*"))"));
    EXPECT_TRUE(holds(R"(IsString(attributes["user"]) and IsInt(attributes["code"]))"));
    EXPECT_FALSE(holds(R"(IsDouble(attributes["code"]) or IsBool(attributes["none"]) or IsInt(attributes["none"]))"));
    EXPECT_TRUE(holds(R"(HasPrefix(name, "GET ") and HasSuffix(name, "17"))"));
    EXPECT_TRUE(holds(R"(IsBool(IsString(name)) and IsString(name) == true)"));
}

TEST(Conditions, WhatFailsIsPassedOverOrEndsIt) {
    const std::string fails = R"(HasPrefix(attributes["code"], "2"))";
    const auto left_out = [&](std::vector<std::string> conditions, ConditionErrors errors) {
        return !ChainKit({filter_by(std::move(conditions), errors)}).take(a_span());
    };
    for (const ConditionErrors errors : {ConditionErrors::kIgnore, ConditionErrors::kSilent}) {
        EXPECT_FALSE(left_out({fails}, errors));
        EXPECT_FALSE(left_out({"not " + fails}, errors)) << "that fails, too";
        EXPECT_FALSE(left_out({fails + " or true"}, errors));
        EXPECT_TRUE(left_out({"true or " + fails}, errors));
        EXPECT_TRUE(left_out({fails, "true"}, errors));
    }
    EXPECT_FALSE(left_out({fails, "true"}, ConditionErrors::kPropagate));
    EXPECT_TRUE(left_out({"true", fails}, ConditionErrors::kPropagate));
    const std::string of_resource = R"(HasPrefix(resource.attributes["none"], "2"))";
    EXPECT_FALSE(left_out({"not " + of_resource}, ConditionErrors::kIgnore));
    EXPECT_FALSE(left_out({of_resource, "true"}, ConditionErrors::kPropagate));
    const auto endless =
        with([](otlp::AnyValue& value) { value.set_double_value(std::numeric_limits<double>::infinity()); });
    EXPECT_FALSE(holds(R"(not IsMatch(attributes["v"], "x"))", endless)) << "it has no text";
}

TEST(Conditions, SeeWhatProcessorsBeforeLeft) {
    ProcessorOptions resource;
    resource.type = ProcessorType::kResource;
    resource.resource.actions = {action("upsert", "zone", "north")};
    ChainKit kit({attributes({action("insert", "drop", "true")}), resource,
                  filter_by({R"(attributes["drop"] == true and resource.attributes["zone"] == "north")"})});
    EXPECT_FALSE(kit.take(a_span()).has_value());
}

// A glance says the same as a long look: of spans with the attribute, without it, and with another whose key is as
// long.
TEST(Conditions, SayTheSameAtAGlance) {
    const auto both = [](const std::string& condition, const otlp::Span& span) {
        ChainKit glance({filter_by({condition})}), look({filter_by({condition, "trace_state == \"none\""})});
        const bool passes = glance.take(span).has_value();
        EXPECT_EQ(look.take(span).has_value(), passes) << condition;
        return !passes;
    };
    EXPECT_TRUE(Conditions({"name == \"a\" and attributes[\"x\"] != nil"}, ConditionErrors::kIgnore).can_glance());
    EXPECT_FALSE(Conditions({"true", "not IsRootSpan()"}, ConditionErrors::kIgnore).can_glance());
    EXPECT_FALSE(Conditions({"nil == status.message"}, ConditionErrors::kIgnore).can_glance());
    EXPECT_FALSE(Conditions({"IsMatch(span_id.string, \"a\")"}, ConditionErrors::kIgnore).can_glance());
    EXPECT_TRUE(both(R"(attributes["user"] == "ann")", a_span()));
    EXPECT_FALSE(both(R"(attributes["user"] == "bob")", a_span()));
    EXPECT_TRUE(both(R"(attributes["nobody"] == nil)", a_span()));
    EXPECT_TRUE(both(R"(attributes["uses"] == nil and kind == 2)", a_span()));
    EXPECT_FALSE(both(R"(attributes["uses"] != nil)", a_span()));
    EXPECT_TRUE(both("end_time_unix_nano == 1007000000 and start_time_unix_nano < 1000000001", a_span()));
    EXPECT_TRUE(both("status.code == STATUS_CODE_OK", a_span()));
    EXPECT_FALSE(both("status.code != 1", a_span()));
    EXPECT_FALSE(both(R"(HasPrefix(attributes["nobody"], "a"))", a_span()));
    EXPECT_TRUE(both(R"(resource.attributes["service.name"] == "shop")", a_span()));
    EXPECT_FALSE(both(R"(resource.attributes["service.name"] != "shop" or name == "x")", a_span()));
    EXPECT_TRUE(both(R"(IsMatch(name, "."))", a_span()));
    EXPECT_FALSE(both(R"(IsMatch(name, "^$"))", a_span()));
    EXPECT_FALSE(both(R"(name == "x")", a_span()));
}

// Of a span that has none of the attributes.
TEST(Conditions, FailByTheNameAlone) {
    const auto fail = [](const std::vector<std::string>& conditions, const char* name) {
        return Conditions(conditions, ConditionErrors::kPropagate).fail_by_name(name);
    };
    const std::string is_a = R"(name == "a")", is_like_b = R"(IsMatch(name, "^b"))";
    const std::string has_x = R"(attributes["x"] == 1)", wrong = R"(HasPrefix(attributes["x"], "a"))";
    EXPECT_TRUE(fail({is_a, is_like_b, has_x, wrong}, "c"));
    EXPECT_FALSE(fail({is_a, is_like_b, has_x, wrong}, "a"));
    EXPECT_FALSE(fail({is_a, is_like_b, has_x, wrong}, "bc"));
    EXPECT_TRUE(fail({}, "c"));
    for (const char* const other : {"true", R"(attributes["x"] == nil)", "kind == 2", R"(name != "a")",
                                    R"(name == "a" or kind == 2)", R"(resource.attributes["x"] == 1)", "IsRootSpan()"})
        EXPECT_FALSE(fail({is_a, other}, "c")) << other;
}

TEST(Conditions, StandBesideMatchesAndOtherFilters) {
    SpanMatchOptions match;
    match.services = {"cart"};
    ProcessorOptions both = filter_by({R"(resource.attributes["service.name"] == "shop" and name == "a")"});
    both.filter.spans = {match};
    ProcessorOptions other = filter_by({R"(resource.attributes["service.name"] == "shop" and name == "b")"});
    ChainKit shop({both, other});
    EXPECT_FALSE(shop.take(a_span("a")).has_value());
    EXPECT_FALSE(shop.take(a_span("b")).has_value());
    EXPECT_TRUE(shop.take(a_span("c")).has_value());
    ChainKit cart({both, other}, "cart");
    EXPECT_FALSE(cart.take(a_span("c")).has_value());
    ChainKit third({both, other}, "third");
    EXPECT_TRUE(third.take(a_span("a")).has_value());
}

}  // namespace
}  // namespace spanring::agent::test
