// SPDX-License-Identifier: Apache-2.0
#include "export/answer.hpp"

#include <gtest/gtest.h>

#include "export/circuit.hpp"
#include "support/otlp_bytes.hpp"

namespace spanring::agent::test {
namespace {

using namespace std::chrono_literals;

std::string any(std::string_view type, std::string_view value) {
    return bytes(1, "type.googleapis.com/" + std::string(type)) + bytes(2, value);
}

// google.rpc.Status with a RetryInfo behind another detail.
std::string retry_info(uint64_t seconds, uint64_t nanos) {
    return number(1, 8) + bytes(2, "slow down") + bytes(3, any("google.rpc.DebugInfo", bytes(2, "x"))) +
           bytes(3, any("google.rpc.RetryInfo", bytes(1, number(1, seconds) + number(2, nanos))));
}

Verdict verdict(grpc::StatusCode code, const std::string& details = {}) {
    return judge(grpc::Status(code, "why", details), {}).verdict;
}

TEST(Answer, retries_exactly_the_codes_that_otlp_lists) {
    const std::map<grpc::StatusCode, bool> retryable = {
        {grpc::CANCELLED, true}, {grpc::DEADLINE_EXCEEDED, true}, {grpc::ABORTED, true}, {grpc::OUT_OF_RANGE, true},
        {grpc::UNAVAILABLE, true}, {grpc::DATA_LOSS, true}, {grpc::UNKNOWN, false}, {grpc::INVALID_ARGUMENT, false},
        {grpc::NOT_FOUND, false}, {grpc::ALREADY_EXISTS, false}, {grpc::PERMISSION_DENIED, false},
        {grpc::RESOURCE_EXHAUSTED, false}, {grpc::FAILED_PRECONDITION, false}, {grpc::UNIMPLEMENTED, false},
        {grpc::INTERNAL, false}, {grpc::UNAUTHENTICATED, false},
    };
    ASSERT_EQ(retryable.size(), 16u) << "every code but OK";
    for (const auto& [code, again] : retryable) {
        EXPECT_EQ(verdict(code), again ? Verdict::kRetry : Verdict::kRefused) << code;
    }
}

TEST(Answer, retries_resource_exhausted_only_with_retry_info) {
    EXPECT_EQ(verdict(grpc::RESOURCE_EXHAUSTED), Verdict::kRefused);
    EXPECT_EQ(verdict(grpc::RESOURCE_EXHAUSTED, number(1, 8) + bytes(3, any("google.rpc.DebugInfo", ""))),
              Verdict::kRefused);
    EXPECT_EQ(verdict(grpc::RESOURCE_EXHAUSTED, retry_info(0, 0)), Verdict::kRetry);
    EXPECT_EQ(verdict(grpc::INVALID_ARGUMENT, retry_info(1, 0)), Verdict::kRefused) << "RetryInfo opens no other code";
}

TEST(Answer, reads_the_delay) {
    EXPECT_EQ(retry_delay(retry_info(2, 500'000'000)), 2500ms);
    EXPECT_EQ(retry_delay(bytes(3, any("google.rpc.RetryInfo", ""))), 0ns);
    EXPECT_EQ(retry_delay(""), std::nullopt);
    EXPECT_EQ(retry_delay("not protobuf \xff"), std::nullopt);
    EXPECT_EQ(retry_delay(retry_info(static_cast<uint64_t>(-5), 0)), 0ns) << "a negative delay is none";
    EXPECT_EQ(judge(grpc::Status(grpc::UNAVAILABLE, "", retry_info(3, 0)), {}).delay, 3s);
}

TEST(Answer, reads_partial_success) {
    const std::string response = bytes(1, number(1, 17) + bytes(2, "too old"));
    const Answer answer = judge(grpc::Status::OK, readable(response));
    EXPECT_EQ(answer.verdict, Verdict::kAccepted);
    EXPECT_EQ(answer.rejected, 17u);
    EXPECT_EQ(answer.message, "too old");
    const std::string warning = bytes(1, bytes(2, "deprecated"));
    EXPECT_EQ(judge(grpc::Status::OK, readable(warning)).rejected, 0u);
    EXPECT_EQ(judge(grpc::Status::OK, readable(warning)).message, "deprecated");
    EXPECT_EQ(judge(grpc::Status::OK, {}).rejected, 0u);
    const std::string negative = bytes(1, number(1, static_cast<uint64_t>(-1)));
    EXPECT_EQ(judge(grpc::Status::OK, readable(negative)).rejected, 0u);
}

TEST(Answer, names_the_code_for_people) {
    EXPECT_EQ(judge(grpc::Status(grpc::PERMISSION_DENIED, "no token"), {}).message, "PERMISSION_DENIED: no token");
}

RetryOptions options() {
    RetryOptions options;
    options.initial_interval = 100ms;
    options.max_interval = 1000ms;
    options.multiplier = 2;
    options.randomization_factor = 0;
    return options;
}

TEST(Backoff, grows_to_its_maximum_and_starts_over) {
    Backoff backoff(options());
    for (const auto expected : {100ms, 200ms, 400ms, 800ms, 1000ms, 1000ms}) EXPECT_EQ(backoff.next(), expected);
    backoff.reset();
    EXPECT_EQ(backoff.next(), 100ms);
}

TEST(Backoff, spreads_its_waits) {
    RetryOptions spread = options();
    spread.randomization_factor = 0.5;
    spread.multiplier = 1;
    Backoff backoff(spread);
    std::set<int64_t> seen;
    for (int i = 0; i < 100; ++i) {
        const auto wait = backoff.next();
        EXPECT_GE(wait, 50ms);
        EXPECT_LE(wait, 150ms);
        seen.insert(wait.count());
    }
    EXPECT_GT(seen.size(), 50u);
}

TEST(Circuit, opens_at_a_failure_and_lets_one_probe_decide) {
    Circuit circuit(options());
    const auto now = std::chrono::steady_clock::now();
    EXPECT_TRUE(circuit.closed());
    EXPECT_TRUE(circuit.fail(now, std::nullopt, false)) << "was up";
    EXPECT_FALSE(circuit.fail(now, std::nullopt, false)) << "calls in flight with it count once";
    EXPECT_EQ(circuit.reopen_at(), now + 100ms);
    EXPECT_FALSE(circuit.may_probe(now + 99ms));
    EXPECT_TRUE(circuit.may_probe(now + 100ms));
    circuit.probe();
    EXPECT_FALSE(circuit.may_probe(now + 200ms)) << "one at a time";
    circuit.fail(now + 200ms, std::nullopt, true);
    EXPECT_EQ(circuit.reopen_at(), now + 400ms) << "twice as long";
    circuit.probe();
    EXPECT_TRUE(circuit.succeed()) << "was down";
    EXPECT_TRUE(circuit.closed());
    circuit.fail(now, std::nullopt, false);
    EXPECT_EQ(circuit.reopen_at(), now + 100ms) << "from the start again";
}

TEST(Circuit, waits_as_long_as_the_backend_asks) {
    Circuit circuit(options());
    const auto now = std::chrono::steady_clock::now();
    circuit.fail(now, 1h, false);
    EXPECT_EQ(circuit.reopen_at(), now + 1h);
    circuit.fail(now, 2h, false);
    EXPECT_EQ(circuit.reopen_at(), now + 2h) << "the longest of those in flight together";
    circuit.probe();
    circuit.fail(now, 1ms, true);
    EXPECT_EQ(circuit.reopen_at(), now + 1ms) << "also when it asks for less than the backoff";
}

Answer http(long code, std::string_view body = {}, std::string_view type = "application/x-protobuf",
            std::string_view after = {}) {
    return judge(HttpResponse{code, type, after, {}, readable(body)});
}

TEST(HttpAnswer, retries_exactly_the_codes_that_otlp_lists) {
    for (long code = 200; code < 600; ++code) {
        const bool again = code == 429 || (code >= 502 && code <= 504);
        const Verdict wanted = code < 300 ? Verdict::kAccepted : again ? Verdict::kRetry : Verdict::kRefused;
        EXPECT_EQ(http(code).verdict, wanted) << code;
    }
}

TEST(HttpAnswer, reads_retry_after_in_both_forms) {
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

TEST(HttpAnswer, takes_the_delay_only_where_it_may_try_again) {
    EXPECT_EQ(http(503, "", "", "7").delay, 7s);
    EXPECT_EQ(http(503).delay, std::nullopt);
    EXPECT_EQ(http(400, "", "", "7").delay, std::nullopt);
}

TEST(HttpAnswer, reads_partial_success_of_protobuf_alone) {
    const std::string response = bytes(1, number(1, 17) + bytes(2, "too old"));
    EXPECT_EQ(http(200, response).rejected, 17u);
    EXPECT_EQ(http(200, response).message, "too old");
    EXPECT_EQ(http(200, response, "Application/X-Protobuf; charset=x").rejected, 17u);
    EXPECT_EQ(http(200, response, "application/json").rejected, 0u);
    EXPECT_EQ(http(200, "{\"partialSuccess\":{}}", "application/json").message, "");
}

TEST(HttpAnswer, says_what_the_body_says) {
    EXPECT_EQ(http(400, number(1, 3) + bytes(2, "bad data")).message, "HTTP 400: bad data");
    EXPECT_EQ(http(404, "<html>\n\x01not here\xff</html>  ", "text/html").message,
              "HTTP 404: <html>  not here </html>");
    EXPECT_EQ(http(500, std::string(5000, 'x'), "text/plain").message.size(), std::string("HTTP 500: ").size() + 200);
    EXPECT_EQ(http(502).message, "HTTP 502");
}

}  // namespace
}  // namespace spanring::agent::test
