// SPDX-License-Identifier: Apache-2.0
#include "export/http/answer.hpp"

#include <gtest/gtest.h>

#include "support/otlp_bytes.hpp"

namespace spanring::agent::test {
namespace {

using namespace std::chrono_literals;

Answer http(long code, std::string_view body = {}, std::string_view type = "application/x-protobuf",
            std::string_view after = {}) {
    return judge(HttpResponse{code, type, after, {}, readable(body), HttpResponse::End::kWhole});
}

TEST(HttpAnswerTest, RetriesExactlyTheCodesThatOtlpLists) {
    for (long code = 200; code < 600; ++code) {
        const bool again = code == 429 || (code >= 502 && code <= 504);
        const Verdict wanted = code < 300 ? Verdict::kAccepted : again ? Verdict::kRetry : Verdict::kRejected;
        EXPECT_EQ(http(code).verdict, wanted) << code;
    }
}

TEST(HttpAnswerTest, KnowsARequestThatWasTooLarge) {
    EXPECT_TRUE(http(413).too_large);
    EXPECT_FALSE(http(400).too_large);
}

TEST(HttpAnswerTest, ReadsRetryAfterInBothForms) {
    const auto now = std::chrono::system_clock::from_time_t(1'700'000'000);  // Tue, 14 Nov 2023 22:13:20 GMT
    EXPECT_EQ(retry_after("120", now), 120s);
    EXPECT_EQ(retry_after("Tue, 14 Nov 2023 22:13:50 GMT", now), 30s);
    EXPECT_EQ(retry_after("Tuesday, 14-Nov-23 22:13:50 GMT", now), 30s) << "an obsolete form that is to be taken";
    EXPECT_EQ(retry_after("99999999999999999999999", now), 24h) << "no longer than what is not broken";
    EXPECT_EQ(retry_after("Tue, 14 Nov 2023 22:13:00 GMT", now), std::nullopt) << "passed: the backoff decides";
    EXPECT_EQ(retry_after("0", now), std::nullopt);
    EXPECT_EQ(retry_after("-5", now), std::nullopt);
    EXPECT_EQ(retry_after("-99999999999999999999999", now), std::nullopt);
    EXPECT_EQ(retry_after("", now), std::nullopt);
    EXPECT_EQ(retry_after("soon", now), std::nullopt);
}

TEST(HttpAnswerTest, TakesTheDelayOnlyWhereItMayTryAgain) {
    EXPECT_EQ(http(503, "", "", "7").delay, 7s);
    EXPECT_EQ(http(503).delay, std::nullopt);
    EXPECT_EQ(http(400, "", "", "7").delay, std::nullopt);
}

TEST(HttpAnswerTest, ReadsPartialSuccessOfProtobufAlone) {
    const std::string response = bytes(1, number(1, 17) + bytes(2, "too old"));
    EXPECT_EQ(http(200, response).rejected, 17u);
    EXPECT_EQ(http(200, response).message, "too old");
    EXPECT_EQ(http(200, response, "Application/X-Protobuf; charset=x").rejected, 17u);
    EXPECT_EQ(http(200, response, "").rejected, 17u) << "without a type it is what was asked for";
}

TEST(HttpAnswerTest, ReadsPartialSuccessInJson) {
    const auto json = [](std::string_view body) { return http(200, body, "application/json; charset=utf-8"); };
    EXPECT_EQ(json("{}").verdict, Verdict::kAccepted);
    EXPECT_EQ(json(R"({"partialSuccess":{}})").message, "");
    const Answer answer = json(R"({"partialSuccess":{"rejectedSpans":"17","errorMessage":"too\nold"}})");
    EXPECT_EQ(answer.rejected, 17u);
    EXPECT_EQ(answer.message, "too old");
    EXPECT_EQ(json(R"({"partialSuccess":{"rejectedSpans":17}})").rejected, 17u);
    EXPECT_EQ(json(R"({"partialSuccess":{"rejectedSpans":-1}})").rejected, 0u);
    EXPECT_EQ(json(R"({"partialSuccess":["odd"]})").rejected, 0u);
}

TEST(HttpAnswerTest, BelievesASuccessOfAnOtlpReceiverAlone) {
    const std::string page = "<html>log in</html>";
    EXPECT_EQ(http(200, page, "text/html").verdict, Verdict::kRetry);
    EXPECT_EQ(http(200, page, "text/html").message,
              "HTTP 200, but not from an OTLP receiver: text/html: <html>log in</html>");
    EXPECT_EQ(http(200, page).verdict, Verdict::kRetry) << "the type alone is not enough";
    EXPECT_EQ(http(200, page, "").verdict, Verdict::kRetry);
    EXPECT_EQ(http(200, "log in", "application/json").verdict, Verdict::kRetry);
    EXPECT_EQ(http(202, "OK", "text/plain").verdict, Verdict::kRetry);
    EXPECT_EQ(http(200, page, "text/html", "7").delay, 7s);
    for (const char* type : {"application/x-protobuf", "application/json", "text/plain", ""}) {
        EXPECT_EQ(http(200, "", type).verdict, Verdict::kAccepted) << type;
    }
}

TEST(HttpAnswerTest, DoesNotSendAgainWhatWasTakenBeforeTheAnswerBroke) {
    using End = HttpResponse::End;
    const auto ended = [](long code, std::string_view type, End end) {
        return judge(HttpResponse{code, type, {}, {}, {}, end}).verdict;
    };
    EXPECT_EQ(ended(200, "application/x-protobuf", End::kBrokenOff), Verdict::kAccepted);
    EXPECT_EQ(ended(200, "text/html", End::kBrokenOff), Verdict::kRetry);
    EXPECT_EQ(ended(503, "application/x-protobuf", End::kBrokenOff), Verdict::kRetry);
    EXPECT_EQ(ended(200, "application/x-protobuf", End::kTooLong), Verdict::kRejected);
    EXPECT_EQ(ended(503, "application/x-protobuf", End::kTooLong), Verdict::kRetry);
}

TEST(HttpAnswerTest, SaysWhatTheBodySays) {
    EXPECT_EQ(http(400, number(1, 3) + bytes(2, "bad data")).message, "HTTP 400: bad data");
    EXPECT_EQ(http(404, "<html>\n\x01not here\xff</html>  ", "text/html").message,
              "HTTP 404: <html> ?not here?</html>");
    EXPECT_EQ(http(500, std::string(5000, 'x'), "text/plain").message, "HTTP 500: " + std::string(200, 'x') + "…");
    EXPECT_EQ(http(400, bytes(2, "one\ntwo\x1b[2J")).message, "HTTP 400: one two?[2J");
    EXPECT_EQ(http(502).message, "HTTP 502");
}

}  // namespace
}  // namespace spanring::agent::test
