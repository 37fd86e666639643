// SPDX-License-Identifier: Apache-2.0
//
// B3 headers by github.com/openzipkin/b3-propagation and the requirements of OpenTelemetry's api-propagators.md.
#include <cerrno>
#include <cstring>
#include <string>

#include <gtest/gtest.h>

#include "spanring/spanring.h"

namespace {

const std::string kTrace = "80f198ee56343ba864fe8b2a57d3eff7", kShort = "64fe8b2a57d3eff7", kSpan = "e457b5a2e4d86bd1",
                  kParent = "05e3ac9a4f6e3b90";

struct Found {
    int result;
    spr_context context;
    uint32_t flags;

    // As one header, which says everything.
    std::string b3() const {
        char text[SPR_B3_SIZE];
        return spr_b3_inject(&context, flags, text) == 0 ? text : "none";
    }
};

Found single(const std::string& header) {
    Found found;
    memset(&found, 0x77, sizeof found);
    found.result = spr_b3_extract(header.data(), header.size(), &found.context, &found.flags);
    return found;
}

Found multi(const char* trace_id, const char* span_id, const char* sampled, const char* flags) {
    Found found;
    memset(&found, 0x77, sizeof found);
    found.result = spr_b3multi_extract(trace_id, SPR_NUL, span_id, SPR_NUL, sampled, SPR_NUL, flags, SPR_NUL,
                                       &found.context, &found.flags);
    return found;
}

void expect_refused(const Found& found) {
    EXPECT_EQ(found.result, -EBADMSG);
    Found before;
    memset(&before, 0x77, sizeof before);
    EXPECT_EQ(memcmp(&found.context, &before.context, sizeof before.context), 0) << "untouched on failure";
    EXPECT_EQ(found.flags, before.flags);
}

TEST(B3Test, IsReadFromOneHeader) {
    const Found found = single(kTrace + "-" + kSpan + "-1-" + kParent);
    ASSERT_EQ(found.result, 1);
    EXPECT_EQ(found.b3(), kTrace + "-" + kSpan + "-1") << "the parent's id is not kept";
    EXPECT_EQ(found.context.trace_flags, SPR_TRACE_FLAG_SAMPLED) << "not random: that B3 does not tell";
    EXPECT_EQ(found.context.is_remote, 1);
}

TEST(B3Test, KnowsFourSamplingStates) {
    EXPECT_EQ(single(kTrace + "-" + kSpan + "-0").b3(), kTrace + "-" + kSpan + "-0");
    EXPECT_EQ(single(kTrace + "-" + kSpan).b3(), kTrace + "-" + kSpan + "-0") << "deferred";
    const Found debug = single(kTrace + "-" + kSpan + "-d");
    EXPECT_EQ(debug.flags, SPR_PROPAGATED_DEBUG);
    EXPECT_EQ(debug.context.trace_flags, SPR_TRACE_FLAG_SAMPLED)
        << "OpenTelemetry: sampled where the debug flag is set";
    EXPECT_EQ(debug.b3(), kTrace + "-" + kSpan + "-d") << "handed on";
    EXPECT_EQ(single(kTrace + "-" + kSpan + "-1").flags, 0u);
}

TEST(B3Test, MayBeADecisionAlone) {
    for (const auto& [text, sampled, flags] : {std::tuple("0", 0, 0), {"1", 1, 0}, {"d", 1, SPR_PROPAGATED_DEBUG}}) {
        const Found found = single(text);
        EXPECT_EQ(found.result, 0) << text;
        EXPECT_EQ(found.context.trace_flags, sampled);
        EXPECT_EQ(found.flags, static_cast<uint32_t>(flags));
        EXPECT_EQ(found.b3(), "none");
    }
}

TEST(B3Test, FillsAShortTraceIdWithZeros) {
    EXPECT_EQ(single(kShort + "-" + kSpan + "-1").b3(), std::string(16, '0') + kShort + "-" + kSpan + "-1");
    EXPECT_EQ(multi(kShort.c_str(), kSpan.c_str(), "1", nullptr).b3(),
              std::string(16, '0') + kShort + "-" + kSpan + "-1");
}

TEST(B3Test, RefusesWhatIsMalformed) {
    const std::string upper = "80F198EE56343BA864FE8B2A57D3EFF7", ids = kTrace + "-" + kSpan;
    for (const std::string& bad : {std::string(),
                                   std::string("2"),
                                   std::string("dd"),
                                   std::string("-"),
                                   kTrace,
                                   kTrace + "-",
                                   upper + "-" + kSpan,
                                   std::string(32, '0') + "-" + kSpan,
                                   kTrace + "-" + std::string(16, '0'),
                                   kTrace + "0-" + kSpan,
                                   kTrace + "-" + kSpan + "0",
                                   kTrace + "-" + kParent.substr(1),
                                   ids + "-",
                                   ids + "-2",
                                   ids + "-1-",
                                   ids + "-1-" + kParent + "-",
                                   ids + "-1-" + kParent.substr(1),
                                   ids + "--" + kParent,
                                   ids + "-1-zzzzzzzzzzzzzzzz",
                                   kTrace.substr(1) + "-" + kSpan,
                                   "g" + kTrace.substr(1) + "-" + kSpan})
        expect_refused(single(bad));
}

TEST(B3Test, IsReadFromSeveralHeaders) {
    EXPECT_EQ(multi(kTrace.c_str(), kSpan.c_str(), "1", nullptr).b3(), kTrace + "-" + kSpan + "-1");
    EXPECT_EQ(multi(kTrace.c_str(), kSpan.c_str(), "0", nullptr).b3(), kTrace + "-" + kSpan + "-0");
    EXPECT_EQ(multi(kTrace.c_str(), kSpan.c_str(), nullptr, nullptr).b3(), kTrace + "-" + kSpan + "-0");
    EXPECT_EQ(multi(kTrace.c_str(), kSpan.c_str(), nullptr, "1").b3(), kTrace + "-" + kSpan + "-d");
    EXPECT_EQ(multi(kTrace.c_str(), kSpan.c_str(), "0", "1").b3(), kTrace + "-" + kSpan + "-d") << "debug decides";
    EXPECT_EQ(multi(kTrace.c_str(), kSpan.c_str(), "1", "7").b3(), kTrace + "-" + kSpan + "-1")
        << "no other flag is known";
    EXPECT_EQ(multi(kTrace.c_str(), kSpan.c_str(), "true", nullptr).b3(), kTrace + "-" + kSpan + "-1");
    EXPECT_EQ(multi(kTrace.c_str(), kSpan.c_str(), "false", nullptr).b3(), kTrace + "-" + kSpan + "-0");
    EXPECT_EQ(multi(nullptr, nullptr, "0", nullptr).result, 0) << "a decision alone";
    EXPECT_EQ(multi(nullptr, nullptr, nullptr, "1").result, 0);
}

TEST(B3Test, RefusesSeveralHeadersWhereOneIsMalformed) {
    expect_refused(multi(nullptr, nullptr, nullptr, nullptr));
    expect_refused(multi(kTrace.c_str(), nullptr, "1", nullptr));
    expect_refused(multi(nullptr, kSpan.c_str(), "1", nullptr));
    expect_refused(multi(kTrace.c_str(), kSpan.c_str(), "", nullptr));
    expect_refused(multi(kTrace.c_str(), kSpan.c_str(), "yes", nullptr));
    expect_refused(multi("", "", nullptr, nullptr));
    expect_refused(multi((kTrace + "0").c_str(), kSpan.c_str(), "1", nullptr));
}

TEST(B3Test, IsWrittenInSeveralHeaders) {
    spr_b3_headers headers;
    const auto written = [&](const Found& found) {
        memset(&headers, 'x', sizeof headers);
        EXPECT_EQ(spr_b3multi_inject(&found.context, found.flags, &headers), 0);
        return std::string(headers.trace_id) + "|" + headers.span_id + "|" + headers.sampled + "|" + headers.flags;
    };
    EXPECT_EQ(written(single(kTrace + "-" + kSpan + "-1")), kTrace + "|" + kSpan + "|1|");
    EXPECT_EQ(written(single(kTrace + "-" + kSpan + "-0")), kTrace + "|" + kSpan + "|0|");
    EXPECT_EQ(written(single(kTrace + "-" + kSpan + "-d")), kTrace + "|" + kSpan + "||1") << "debug implies sampled";
}

TEST(B3Test, TakesNullForAMistake) {
    spr_context context = {};
    spr_b3_headers headers;
    char text[SPR_B3_SIZE];
    EXPECT_EQ(spr_b3_inject(&context, 0, text), -EINVAL) << "no valid context";
    EXPECT_EQ(spr_b3multi_inject(&context, 0, &headers), -EINVAL);
    EXPECT_EQ(spr_b3_inject(nullptr, 0, text), -EINVAL);
    EXPECT_EQ(spr_b3_inject(&context, 0, nullptr), -EINVAL);
    EXPECT_EQ(spr_b3_extract(nullptr, 0, &context, nullptr), -EINVAL);
    EXPECT_EQ(spr_b3_extract("1", 1, nullptr, nullptr), -EINVAL);
    EXPECT_EQ(spr_b3_extract("1", 1, &context, nullptr), 0) << "flags are not asked for";
    EXPECT_EQ(spr_b3multi_extract(nullptr, 0, nullptr, 0, nullptr, 0, nullptr, 0, nullptr, nullptr), -EINVAL);
}

}  // namespace
