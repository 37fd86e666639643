// SPDX-License-Identifier: Apache-2.0
//
// W3C Trace Context, section 3.2, case by case.
#include <cerrno>
#include <cstring>
#include <string>

#include <gtest/gtest.h>

#include "spanring/spanring.h"

namespace {

const std::string kTrace = "0af7651916cd43dd8448eb211c80319c";
const std::string kParent = "b7ad6b7169203331";

int extract(const std::string& header, spr_context& context) {
    return spr_traceparent_extract(header.data(), header.size(), &context);
}

std::string header_of(const std::string& version, const std::string& trace, const std::string& parent,
                      const std::string& flags) {
    return version + "-" + trace + "-" + parent + "-" + flags;
}

void expect_refused(const std::string& header) {
    spr_context context;
    memset(&context, 0x77, sizeof context);
    const spr_context before = context;
    EXPECT_EQ(extract(header, context), -EBADMSG) << header;
    EXPECT_EQ(memcmp(&context, &before, sizeof context), 0) << "untouched on failure: " << header;
}

TEST(TraceparentTest, IsReadAsItStands) {
    spr_context context;
    memset(&context, 0x77, sizeof context);
    ASSERT_EQ(extract(header_of("00", kTrace, kParent, "01"), context), 0);
    const uint8_t trace[16] = {0x0a, 0xf7, 0x65, 0x19, 0x16, 0xcd, 0x43, 0xdd,
                               0x84, 0x48, 0xeb, 0x21, 0x1c, 0x80, 0x31, 0x9c};
    const uint8_t parent[8] = {0xb7, 0xad, 0x6b, 0x71, 0x69, 0x20, 0x33, 0x31};
    EXPECT_EQ(memcmp(context.trace_id, trace, 16), 0);
    EXPECT_EQ(memcmp(context.span_id, parent, 8), 0);
    EXPECT_EQ(context.trace_flags, SPR_TRACE_FLAG_SAMPLED);
    EXPECT_EQ(context.is_remote, 1);
    for (const uint8_t byte : context.sampling) EXPECT_EQ(byte, 0);
}

TEST(TraceparentTest, MayEndAtItsNul) {
    spr_context context;
    EXPECT_EQ(spr_traceparent_extract(header_of("00", kTrace, kParent, "00").c_str(), SPR_NUL, &context), 0);
    EXPECT_EQ(context.trace_flags, 0);
}

TEST(TraceparentTest, CarriesTheTwoFlagsThatAreDefinedAndNoOthers) {
    spr_context context;
    ASSERT_EQ(extract(header_of("00", kTrace, kParent, "02"), context), 0);
    EXPECT_EQ(context.trace_flags, SPR_TRACE_FLAG_RANDOM);
    ASSERT_EQ(extract(header_of("00", kTrace, kParent, "ff"), context), 0);
    EXPECT_EQ(context.trace_flags, SPR_TRACE_FLAG_SAMPLED | SPR_TRACE_FLAG_RANDOM);
    ASSERT_EQ(extract(header_of("00", kTrace, kParent, "fc"), context), 0);
    EXPECT_EQ(context.trace_flags, 0);
}

TEST(TraceparentTest, IsLowerCaseOnly) {
    expect_refused(header_of("00", "0AF7651916CD43DD8448EB211C80319C", kParent, "01"));
    expect_refused(header_of("00", kTrace, "B7AD6B7169203331", "01"));
    expect_refused(header_of("00", kTrace, kParent, "0A"));
    expect_refused(header_of("0A", kTrace, kParent, "01"));
}

TEST(TraceparentTest, IsHexOnly) {
    for (const char bad : {'g', 'z', ' ', '-', '/', ':', '`', '\0', '\x80'})
        for (const size_t at : {0, 1, 3, 20, 34, 36, 51, 53, 54}) {
            std::string header = header_of("00", kTrace, kParent, "01");
            header[at] = bad;
            expect_refused(header);
        }
}

TEST(TraceparentTest, HasItsDashesWhereTheyBelong) {
    for (const size_t at : {2, 35, 52}) {
        std::string header = header_of("00", kTrace, kParent, "01");
        header[at] = '_';
        expect_refused(header);
    }
}

TEST(TraceparentTest, NeverHasVersionFf) { expect_refused(header_of("ff", kTrace, kParent, "01")); }

TEST(TraceparentTest, OfAHigherVersionMayCarryMoreBehindADash) {
    spr_context context;
    for (const char* version : {"01", "cc", "fe"}) {
        EXPECT_EQ(extract(header_of(version, kTrace, kParent, "01"), context), 0) << version;
        EXPECT_EQ(extract(header_of(version, kTrace, kParent, "01-"), context), 0) << version;
        EXPECT_EQ(extract(header_of(version, kTrace, kParent, "01-what-the-future-will-be-like"), context), 0)
            << version;
        EXPECT_EQ(context.trace_flags, SPR_TRACE_FLAG_SAMPLED);
        expect_refused(header_of(version, kTrace, kParent, "01.what-the-future"));
        expect_refused(header_of(version, kTrace, kParent, "012"));
    }
}

TEST(TraceparentTest, OfVersion00CarriesNoMore) {
    expect_refused(header_of("00", kTrace, kParent, "01-"));
    expect_refused(header_of("00", kTrace, kParent, "01-extra"));
    expect_refused(header_of("00", kTrace, kParent, "010"));
}

TEST(TraceparentTest, IsNeverShorter) {
    const std::string header = header_of("00", kTrace, kParent, "01");
    for (size_t size = 0; size < header.size(); ++size) expect_refused(header.substr(0, size));
    const std::string future = header_of("cc", kTrace, kParent, "01");
    for (size_t size = 0; size < future.size(); ++size) expect_refused(future.substr(0, size));
}

TEST(TraceparentTest, HasNoZeroIds) {
    expect_refused(header_of("00", std::string(32, '0'), kParent, "01"));
    expect_refused(header_of("00", kTrace, std::string(16, '0'), "01"));
}

// Every byte in every place: what is taken is lower-case hexadecimal, and its value is the right one.
TEST(TraceparentTest, TakesEachDigitForWhatItIs) {
    const std::string digits = "0123456789abcdef";
    for (size_t at = 3; at < 55; ++at) {
        if (at == 35 || at == 52) continue;
        for (int byte = 0; byte < 256; ++byte) {
            std::string header = header_of("00", kTrace, kParent, "01");
            header[at] = static_cast<char>(byte);
            spr_context context;
            const size_t value = digits.find(static_cast<char>(byte));
            ASSERT_EQ(extract(header, context), value != std::string::npos ? 0 : -EBADMSG)
                << "byte " << byte << " at " << at;
            if (value == std::string::npos) continue;
            const uint8_t* bytes = at < 35 ? context.trace_id + (at - 3) / 2 : context.span_id + (at - 36) / 2;
            const bool high = (at < 35 ? at - 3 : at - 36) % 2 == 0;
            const size_t read = at >= 52 ? (at == 54 ? context.trace_flags | (value & 12) : value)
                                : high   ? *bytes >> 4
                                         : *bytes & 15;
            ASSERT_EQ(read, value) << "at " << at;
        }
    }
}

TEST(TraceparentTest, MayHaveSpaceAroundIt) {
    const std::string header = header_of("00", kTrace, kParent, "01");
    spr_context context;
    for (const std::string& spaced : {" " + header, header + " ", "\t" + header, header + "\t", "\t " + header + " \t"})
        EXPECT_EQ(extract(spaced, context), 0) << spaced;
    expect_refused(std::string(60, ' '));
    expect_refused("\n" + header);
}

TEST(TraceparentTest, IsWrittenAsItIsRead) {
    spr_context context;
    for (const char* flags : {"00", "01", "02", "03"}) {
        const std::string header = header_of("00", kTrace, kParent, flags);
        ASSERT_EQ(extract(header, context), 0);
        char written[SPR_TRACEPARENT_SIZE];
        memset(written, 'x', sizeof written);
        ASSERT_EQ(spr_traceparent_inject(&context, written), 0);
        EXPECT_EQ(written, header);
    }
}

TEST(TraceparentTest, IsNotWrittenOfAContextThatIsNone) {
    char written[SPR_TRACEPARENT_SIZE] = "untouched";
    spr_context context = {};
    EXPECT_EQ(spr_traceparent_inject(&context, written), -EINVAL);
    context.trace_id[15] = 1;
    EXPECT_EQ(spr_traceparent_inject(&context, written), -EINVAL) << "no span id";
    context.trace_id[15] = 0;
    context.span_id[7] = 1;
    EXPECT_EQ(spr_traceparent_inject(&context, written), -EINVAL) << "no trace id";
    EXPECT_STREQ(written, "untouched");
    context.trace_id[15] = 1;
    EXPECT_EQ(spr_traceparent_inject(&context, written), 0) << "one bit of each is enough";
}

TEST(TraceparentTest, TakesNullForAMistake) {
    spr_context context = {};
    char written[SPR_TRACEPARENT_SIZE];
    EXPECT_EQ(spr_traceparent_inject(nullptr, written), -EINVAL);
    EXPECT_EQ(spr_traceparent_inject(&context, nullptr), -EINVAL);
    EXPECT_EQ(spr_traceparent_extract(nullptr, 55, &context), -EINVAL);
    EXPECT_EQ(spr_traceparent_extract(kTrace.c_str(), 55, nullptr), -EINVAL);
}

}  // namespace
