// SPDX-License-Identifier: Apache-2.0
#include "export/stream/frame.hpp"

#include <gtest/gtest.h>

#include <string>

namespace spanring::agent::test {
namespace {

std::string number(uint64_t value, size_t size) {
    std::string bytes(size, '\0');
    for (size_t i = size; i-- > 0; value >>= 8) bytes[i] = static_cast<char>(value & 0xFF);
    return bytes;
}

std::string frame(uint8_t verdict, uint64_t id, uint64_t value = 0, const std::string& text = {}) {
    return number(20 + text.size(), 4) + std::string(1, static_cast<char>(verdict)) + std::string(3, '\0') +
           number(id, 8) + number(value, 8) + text;
}

std::span<const uint8_t> span_of(const std::string& bytes) {
    return {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()};
}

TEST(FrameTest, ARequestsHeaderIsAsTheProtocolSays) {
    const RequestFrameHeader header = request_frame_header(0x0102030405060708, Signal::kLogs, 0x1234);
    const std::string expected = number(12 + 0x1234, 4) + std::string("\2\1\0\0", 4) + number(0x0102030405060708, 8);
    EXPECT_EQ(std::string(header.begin(), header.end()), expected);
    EXPECT_EQ(request_frame_header(1, Signal::kTraces, 0)[4], 1);
    EXPECT_EQ(request_frame_header(1, Signal::kMetrics, 0)[4], 3);
}

TEST(FrameTest, EachVerdictIsRead) {
    AnswerReader reader;
    const auto frames = reader.take(span_of(frame(1, 7) + frame(1, 8, 3, "three were odd") + frame(2, 9, 1500) +
                                            frame(2, 10) + frame(3, 11, 0, "no") + frame(4, 12)));
    ASSERT_EQ(frames.size(), 6u);
    EXPECT_EQ(frames[0].id, 7u);
    EXPECT_EQ(frames[0].answer.verdict, Verdict::kAccepted);
    EXPECT_EQ(frames[0].answer.rejected, 0u);
    EXPECT_EQ(frames[1].answer.rejected, 3u);
    EXPECT_EQ(frames[1].answer.message, "three were odd");
    EXPECT_EQ(frames[2].answer.verdict, Verdict::kRetry);
    EXPECT_EQ(frames[2].answer.delay, std::chrono::milliseconds(1500));
    EXPECT_FALSE(frames[3].answer.delay.has_value());
    EXPECT_EQ(frames[4].answer.verdict, Verdict::kRejected);
    EXPECT_FALSE(frames[4].answer.too_large);
    EXPECT_EQ(frames[4].answer.message, "no");
    EXPECT_EQ(frames[5].answer.verdict, Verdict::kRejected);
    EXPECT_TRUE(frames[5].answer.too_large);
    EXPECT_TRUE(reader.fault().empty());
    EXPECT_TRUE(reader.is_between_answers());
}

TEST(FrameTest, InPiecesOfAnySizeTheSameIsRead) {
    const std::string bytes = frame(1, 1, 2, "some text") + frame(2, 2, 30) + frame(3, 3, 0, std::string(4096, 'x'));
    for (size_t size = 1; size < 40; ++size) {
        AnswerReader reader;
        std::vector<AnswerFrame> frames;
        for (size_t at = 0; at < bytes.size(); at += size) {
            for (AnswerFrame& each : reader.take(span_of(bytes.substr(at, size)))) frames.push_back(std::move(each));
        }
        ASSERT_EQ(frames.size(), 3u) << size;
        EXPECT_EQ(frames[0].answer.message, "some text");
        EXPECT_EQ(frames[2].id, 3u);
        EXPECT_TRUE(reader.is_between_answers());
    }
}

TEST(FrameTest, WhatIsNoAnswerIsAFaultForGood) {
    for (const std::string& bytes : {std::string("HTTP/1.1 200 OK\r\n"), number(19, 4), number(20 + 4097, 4),
                                     number(0, 4), std::string(20, '\xff'), frame(0, 1), frame(5, 1),
                                     number(20, 4) + std::string("\1\1\0\0", 4) + number(1, 8) + number(0, 8),
                                     number(20, 4) + std::string("\1\0\0\1", 4) + number(1, 8) + number(0, 8)}) {
        AnswerReader reader;
        EXPECT_TRUE(reader.take(span_of(bytes)).empty());
        EXPECT_FALSE(reader.fault().empty());
        EXPECT_TRUE(reader.take(span_of(frame(1, 1))).empty()) << "nobody knows where the next one begins";
    }
}

TEST(FrameTest, WhatCameBeforeAFaultIsTaken) {
    AnswerReader reader;
    EXPECT_EQ(reader.take(span_of(frame(1, 1) + "rubbish, and more of it")).size(), 1u);
    EXPECT_FALSE(reader.fault().empty());
}

TEST(FrameTest, AReasonIsMadeInertAndADelayIsBounded) {
    AnswerReader reader;
    const auto frames = reader.take(span_of(frame(3, 1, 0, "a\n\x1b[2Jb") + frame(2, 2, ~uint64_t{0})));
    ASSERT_EQ(frames.size(), 2u);
    EXPECT_EQ(frames[0].answer.message.find('\n'), std::string::npos);
    EXPECT_EQ(frames[0].answer.message.find('\x1b'), std::string::npos);
    EXPECT_EQ(frames[1].answer.delay, kLongestDelay);
}

}  // namespace
}  // namespace spanring::agent::test
