// SPDX-License-Identifier: Apache-2.0
//
// The cases of the W3C's own test suite (github.com/w3c/trace-context, test/test.py, as of June 2026) that are about
// what a header means, each under its name there. What is about the test service or HTTP is not here. A case that
// expects "a newly generated trace id" expects no context here: then a span starts a new trace.
#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "support/carried.hpp"

namespace spanring {
namespace {

using test::Carried;
using test::Headers;

const std::string kTrace = "12345678901234567890123456789012";
const std::string kValid = "00-" + kTrace + "-1234567890123456-01";
const std::string kUnsampled = "00-" + kTrace + "-1234567890123456-00";

struct Case {
    const char* name;
    Headers::List headers;
    bool found;
    std::string trace_state = "";  // what is handed on
};

std::string numbered(int from, int to) {
    std::string list;
    for (int i = from; i <= to; ++i) {
        const std::string number = (i < 10 ? "0" : "") + std::to_string(i);
        list += (list.empty() ? "bar" : ",bar") + number + "=" + number;
    }
    return list;
}

std::string allowed_value() {
    std::string value;
    for (char c = 0x20; c <= 0x7e; ++c)
        if (c != ',' && c != '=') value += c;
    return value;
}

// A traceparent that is given, and one with which a tracestate comes.
Case parent(const char* name, std::string value, bool found) {
    return {name, {{"traceparent", std::move(value)}}, found};
}
Case state(const char* name, std::vector<std::string> values, std::string handed_on) {
    Headers::List headers = {{"traceparent", kUnsampled}};
    for (std::string& value : values) headers.emplace_back("tracestate", std::move(value));
    return {name, std::move(headers), true, std::move(handed_on)};
}

std::vector<Case> cases() {
    const std::string span = "-1234567890123456-01", trace = "00-" + kTrace;
    const std::string key = "abcdefghijklmnopqrstuvwxyz0123456789_-*/", vendor_key = key + "@a-z0-9_-*/";
    const std::string z256(256, 'z'), t241 = std::string(241, 't') + "@" + std::string(14, 'v'),
                                      t242 = std::string(242, 't') + "@v", v15 = "t@" + std::string(15, 'v');
    return {
        {"test_both_traceparent_and_tracestate_missing", {}, false},
        parent("test_traceparent_included_tracestate_missing", kValid, true),
        {"test_traceparent_duplicated",
         {{"traceparent", "00-12345678901234567890123456789011" + span}, {"traceparent", kValid}},
         false},
        {"test_traceparent_header_name", {{"trace-parent", kValid}}, false},
        {"test_traceparent_header_name", {{"trace.parent", kValid}}, false},
        {"test_traceparent_header_name_valid_casing", {{"TraceParent", kValid}}, true},
        {"test_traceparent_header_name_valid_casing", {{"TrAcEpArEnT", kValid}}, true},
        {"test_traceparent_header_name_valid_casing", {{"TRACEPARENT", kValid}}, true},
        parent("test_traceparent_version_0x00", kValid + ".", false),
        parent("test_traceparent_version_0x00", kValid + "-what-the-future-will-be-like", false),
        parent("test_traceparent_version_0xcc", "cc-" + kTrace + span, true),
        parent("test_traceparent_version_0xcc", "cc-" + kTrace + span + "-what-the-future-will-be-like", true),
        parent("test_traceparent_version_0xcc", "cc-" + kTrace + span + ".what-the-future-will-be-like", false),
        parent("test_traceparent_version_0xff", "ff-" + kTrace + span, false),
        parent("test_traceparent_version_illegal_characters", ".0-" + kTrace + span, false),
        parent("test_traceparent_version_illegal_characters", "0.-" + kTrace + span, false),
        parent("test_traceparent_version_too_long", "000-" + kTrace + span, false),
        parent("test_traceparent_version_too_long", "0000-" + kTrace + span, false),
        parent("test_traceparent_version_too_short", "0-" + kTrace + span, false),
        parent("test_traceparent_trace_id_all_zero", "00-" + std::string(32, '0') + span, false),
        parent("test_traceparent_trace_id_illegal_characters", "00-.2345678901234567890123456789012" + span, false),
        parent("test_traceparent_trace_id_illegal_characters", "00-1234567890123456789012345678901." + span, false),
        parent("test_traceparent_trace_id_too_long", "00-123456789012345678901234567890123" + span, false),
        parent("test_traceparent_trace_id_too_short", "00-1234567890123456789012345678901" + span, false),
        parent("test_traceparent_parent_id_all_zero", trace + "-0000000000000000-01", false),
        parent("test_traceparent_parent_id_illegal_characters", trace + "-.234567890123456-01", false),
        parent("test_traceparent_parent_id_illegal_characters", trace + "-123456789012345.-01", false),
        parent("test_traceparent_parent_id_too_long", trace + "-12345678901234567-01", false),
        parent("test_traceparent_parent_id_too_short", trace + "-123456789012345-01", false),
        parent("test_traceparent_trace_flags_illegal_characters", trace + "-1234567890123456-.0", false),
        parent("test_traceparent_trace_flags_illegal_characters", trace + "-1234567890123456-0.", false),
        parent("test_traceparent_trace_flags_too_long", trace + "-1234567890123456-001", false),
        parent("test_traceparent_trace_flags_too_short", trace + "-1234567890123456-1", false),
        parent("test_traceparent_ows_handling", " " + kValid, true),
        parent("test_traceparent_ows_handling", "\t" + kValid, true),
        parent("test_traceparent_ows_handling", kValid + " ", true),
        parent("test_traceparent_ows_handling", kValid + "\t", true),
        parent("test_traceparent_ows_handling", "\t " + kValid + " \t", true),
        {"test_tracestate_included_traceparent_missing", {{"tracestate", "foo=1"}}, false},
        {"test_tracestate_included_traceparent_missing", {{"tracestate", "foo=1,bar=2"}}, false},
        state("test_tracestate_included_traceparent_included", {"foo=1,bar=2"}, "foo=1,bar=2"),
        {"test_tracestate_header_name", {{"traceparent", kUnsampled}, {"trace-state", "foo=1"}}, true},
        {"test_tracestate_header_name", {{"traceparent", kUnsampled}, {"trace.state", "foo=1"}}, true},
        {"test_tracestate_header_name_valid_casing",
         {{"traceparent", kUnsampled}, {"TraceState", "foo=1"}},
         true,
         "foo=1"},
        {"test_tracestate_header_name_valid_casing",
         {{"traceparent", kUnsampled}, {"TrAcEsTaTe", "foo=1"}},
         true,
         "foo=1"},
        {"test_tracestate_header_name_valid_casing",
         {{"traceparent", kUnsampled}, {"TRACESTATE", "foo=1"}},
         true,
         "foo=1"},
        state("test_tracestate_empty_header", {""}, ""),
        state("test_tracestate_empty_header", {"foo=1", ""}, "foo=1"),
        state("test_tracestate_empty_header", {"", "foo=1"}, "foo=1"),
        state("test_tracestate_multiple_headers_different_keys", {"foo=1,bar=2", "rojo=1,congo=2", "baz=3"},
              "foo=1,bar=2,rojo=1,congo=2,baz=3"),
        state("test_tracestate_duplicated_keys", {"foo=1,foo=1"}, "foo=1"),
        state("test_tracestate_duplicated_keys", {"foo=1,foo=2"}, "foo=1"),
        state("test_tracestate_duplicated_keys", {"foo=1", "foo=1"}, "foo=1"),
        state("test_tracestate_duplicated_keys", {"foo=1", "foo=2"}, "foo=1"),
        state("test_tracestate_all_allowed_characters", {key + "=" + allowed_value()}, key + "=" + allowed_value()),
        state("test_tracestate_all_allowed_characters", {vendor_key + "=" + allowed_value()},
              vendor_key + "=" + allowed_value()),
        state("test_tracestate_ows_handling", {"foo=1 \t , \t bar=2, \t baz=3"}, "foo=1,bar=2,baz=3"),
        state("test_tracestate_ows_handling", {"foo=1\t \t,\t \tbar=2,\t \tbaz=3"}, "foo=1,bar=2,baz=3"),
        state("test_tracestate_ows_handling", {" foo=1"}, "foo=1"),
        state("test_tracestate_ows_handling", {"\tfoo=1"}, "foo=1"),
        state("test_tracestate_ows_handling", {"foo=1 "}, "foo=1"),
        state("test_tracestate_ows_handling", {"foo=1\t"}, "foo=1"),
        state("test_tracestate_ows_handling", {"\t foo=1 \t"}, "foo=1"),
        state("test_tracestate_key_illegal_characters", {"foo =1"}, ""),
        state("test_tracestate_key_illegal_characters", {"FOO=1"}, ""),
        state("test_tracestate_key_illegal_characters", {"foo.bar=1"}, ""),
        state("test_tracestate_key_illegal_vendor_format", {"foo@=1,bar=2"}, "foo@=1,bar=2"),
        state("test_tracestate_key_illegal_vendor_format", {"@foo=1,bar=2"}, ""),
        state("test_tracestate_key_illegal_vendor_format", {"foo@@bar=1,bar=2"}, "foo@@bar=1,bar=2"),
        state("test_tracestate_key_illegal_vendor_format", {"foo@bar@baz=1,bar=2"}, "foo@bar@baz=1,bar=2"),
        state("test_tracestate_member_count_limit",
              {numbered(1, 10), numbered(11, 20), numbered(21, 30), numbered(31, 32)}, numbered(1, 32)),
        state("test_tracestate_member_count_limit",
              {numbered(1, 10), numbered(11, 20), numbered(21, 30), numbered(31, 33)}, ""),
        state("test_tracestate_key_length_limit", {"foo=1", z256 + "=1"}, "foo=1," + z256 + "=1"),
        state("test_tracestate_key_length_limit", {"foo=1", z256 + "z=1"}, ""),
        state("test_tracestate_key_length_limit", {"foo=1", t241 + "=1"}, "foo=1," + t241 + "=1"),
        state("test_tracestate_key_length_limit", {"foo=1", t242 + "=1"}, "foo=1," + t242 + "=1"),
        state("test_tracestate_key_length_limit", {"foo=1", v15 + "=1"}, "foo=1," + v15 + "=1"),
        state("test_tracestate_value_illegal_characters", {"foo=bar=baz"}, ""),
        state("test_tracestate_value_illegal_characters", {"foo=,bar=3"}, ""),
        parent("test_propagates_random_flag", trace + "-1234567890123456-02", true),
    };
}

TEST(W3cTraceContextTest, EachCaseOfTheSuiteThatIsAboutHeaders) {
    spr_propagators_set("tracecontext", SPR_NUL);
    for (const Case& one : cases()) {
        Headers in(one.headers), out;
        Carried carried;
        const std::string shown = std::string(one.name) + ": " + in["traceparent"] + " " + in["tracestate"];
        EXPECT_EQ(spr_extract(&in.carrier, &carried.raw), one.found ? 1 : 0) << shown;
        EXPECT_EQ(carried.state(), one.trace_state) << shown;
        EXPECT_EQ(spr_inject_with(&carried.raw, &out.carrier), 0) << shown;
        EXPECT_EQ(out["tracestate"], one.trace_state) << shown;
        EXPECT_EQ(out["traceparent"].substr(0, 35), one.found ? "00-" + kTrace : "") << shown;
        EXPECT_EQ(
            std::count_if(out.list.begin(), out.list.end(), [](const auto& header) { return header.second.empty(); }),
            0)
            << "nothing empty is sent: " << shown;
        if (one.found && one.name == std::string("test_propagates_random_flag")) {
            EXPECT_EQ(out["traceparent"].substr(52), "-02");
        }
    }
    spr_propagators_set(nullptr, 0);
}

}  // namespace
}  // namespace spanring
