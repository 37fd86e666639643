// SPDX-License-Identifier: Apache-2.0
#include "export/grpc/answer.hpp"

#include <gtest/gtest.h>

#include <map>

#include <grpcpp/support/status.h>

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

TEST(GrpcAnswerTest, WhatTheLibraryHasNoRoomForIsTriedAgain) {
    EXPECT_EQ(judge(grpc::Status(grpc::RESOURCE_EXHAUSTED, "Buffers full"), {}).verdict, Verdict::kRetry);
}

TEST(GrpcAnswerTest, RetriesExactlyTheCodesThatOtlpLists) {
    const std::map<grpc::StatusCode, bool> retryable = {
        {grpc::CANCELLED, true},
        {grpc::DEADLINE_EXCEEDED, true},
        {grpc::ABORTED, true},
        {grpc::OUT_OF_RANGE, true},
        {grpc::UNAVAILABLE, true},
        {grpc::DATA_LOSS, true},
        {grpc::UNKNOWN, false},
        {grpc::INVALID_ARGUMENT, false},
        {grpc::NOT_FOUND, false},
        {grpc::ALREADY_EXISTS, false},
        {grpc::PERMISSION_DENIED, false},
        {grpc::RESOURCE_EXHAUSTED, false},
        {grpc::FAILED_PRECONDITION, false},
        {grpc::UNIMPLEMENTED, false},
        {grpc::INTERNAL, false},
        {grpc::UNAUTHENTICATED, false},
    };
    ASSERT_EQ(retryable.size(), 16u) << "every code but OK";
    for (const auto& [code, again] : retryable) {
        EXPECT_EQ(verdict(code), again ? Verdict::kRetry : Verdict::kRejected) << code;
    }
}

TEST(GrpcAnswerTest, RetriesResourceExhaustedOnlyWithRetryInfo) {
    EXPECT_EQ(verdict(grpc::RESOURCE_EXHAUSTED), Verdict::kRejected);
    EXPECT_EQ(verdict(grpc::RESOURCE_EXHAUSTED, number(1, 8) + bytes(3, any("google.rpc.DebugInfo", ""))),
              Verdict::kRejected);
    EXPECT_EQ(verdict(grpc::RESOURCE_EXHAUSTED, retry_info(0, 0)), Verdict::kRetry);
    EXPECT_EQ(verdict(grpc::INVALID_ARGUMENT, retry_info(1, 0)), Verdict::kRejected) << "RetryInfo opens no other code";
}

TEST(GrpcAnswerTest, KnowsRequestsThatWereTooLargeByWhatTheLibrariesSay) {
    const auto too_large = [](grpc::StatusCode code, const char* text, const std::string& details = {}) {
        const Answer answer = judge(grpc::Status(code, text, details), {});
        return answer.too_large && answer.verdict == Verdict::kRejected;
    };
    for (const char* text : {"Received message larger than max (5000000 vs. 4194304)",
                             "grpc: received message larger than max (5000000 vs. 4194304)",
                             "gRPC message exceeds maximum size 4194304: 5000000",
                             "Received message exceeds the maximum configured message size."}) {
        EXPECT_TRUE(too_large(grpc::RESOURCE_EXHAUSTED, text)) << text;
        EXPECT_FALSE(too_large(grpc::INVALID_ARGUMENT, text)) << text;
        EXPECT_FALSE(too_large(grpc::RESOURCE_EXHAUSTED, text, retry_info(1, 0))) << text;
    }
    EXPECT_TRUE(too_large(grpc::OUT_OF_RANGE, "Error, message length too large: found 5000000 bytes"));
    EXPECT_FALSE(too_large(grpc::RESOURCE_EXHAUSTED, "quota of this month"));
    const std::string own = "Received message larger than max (300000 vs. " + std::to_string(kMostAnswer) + ")";
    EXPECT_FALSE(too_large(grpc::RESOURCE_EXHAUSTED, own.c_str())) << "it is the answer that was";
}

TEST(GrpcAnswerTest, ReadsTheDelay) {
    EXPECT_EQ(retry_delay(retry_info(2, 500'000'000)), 2500ms);
    EXPECT_EQ(retry_delay(bytes(3, any("google.rpc.RetryInfo", ""))), 0ns);
    EXPECT_EQ(retry_delay(""), std::nullopt);
    EXPECT_EQ(retry_delay("not protobuf \xff"), std::nullopt);
    EXPECT_EQ(retry_delay(retry_info(static_cast<uint64_t>(-5), 0)), 0ns) << "a negative delay is none";
    EXPECT_EQ(judge(grpc::Status(grpc::UNAVAILABLE, "", retry_info(3, 0)), {}).delay, 3s);
}

TEST(GrpcAnswerTest, ReadsPartialSuccess) {
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

TEST(GrpcAnswerTest, RejectsWhatIsNotAResponse) {
    const std::string page = "<html>log in</html>";
    EXPECT_EQ(judge(grpc::Status::OK, readable(page)).verdict, Verdict::kRejected);
    EXPECT_EQ(judge(grpc::Status::OK, readable(page)).message,
              "INTERNAL: the answer is not an ExportTraceServiceResponse");
    const std::string later = number(7, 1) + bytes(9, "a field of a later version");
    EXPECT_EQ(judge(grpc::Status::OK, readable(later)).verdict, Verdict::kAccepted);
}

TEST(GrpcAnswerTest, NamesTheCodeForPeople) {
    EXPECT_EQ(judge(grpc::Status(grpc::PERMISSION_DENIED, "no token"), {}).message, "PERMISSION_DENIED: no token");
}

TEST(GrpcAnswerTest, ShowsNothingThatIsNotToBeSeen) {
    const std::string wild = "one\ntwo\x1b[2J" + std::string(1000, 'x');
    EXPECT_EQ(judge(grpc::Status(grpc::INTERNAL, wild), {}).message,
              "INTERNAL: one two?[2J" + std::string(189, 'x') + "…");
    const std::string response = bytes(1, bytes(2, wild));
    EXPECT_EQ(judge(grpc::Status::OK, readable(response)).message.size(), 200 + std::string("…").size());
}

}  // namespace
}  // namespace spanring::agent::test
