// SPDX-License-Identifier: Apache-2.0
#include "base/content_coding.hpp"

#include <gtest/gtest.h>

#include <string>

#include <zlib.h>
#include <zstd.h>

#include "support/otlp_bytes.hpp"

namespace spanring::agent::test {
namespace {

std::string gzip(const std::string& text) {
    z_stream stream{};
    deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
    std::string out(deflateBound(&stream, text.size()), '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    deflate(&stream, Z_FINISH);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
}

std::string zstd(const std::string& text) {
    std::string out(ZSTD_compressBound(text.size()), '\0');
    out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 19));
    return out;
}

struct Decoded {
    Decoding result;
    std::string text;
};

Decoded decode(ContentCoding coding, const std::string& bytes, size_t most) {
    Body body;
    const Decoding result = decode_body(coding, readable(bytes), most, body);
    return {result, {reinterpret_cast<const char*>(body.bytes.get()), body.size}};
}

struct Coding {
    ContentCoding coding;
    std::string (*encode)(const std::string&);
};

class ContentCodingTest : public testing::TestWithParam<Coding> {};

TEST_P(ContentCodingTest, GivesBackWhatWasCompressed) {
    std::string text;
    for (int i = 0; i < 100'000; ++i) text += std::to_string(i * 7919 % 10'007);
    for (const size_t size : {size_t{0}, size_t{1}, size_t{1000}, text.size()}) {
        const std::string part = text.substr(0, size);
        const Decoded decoded = decode(GetParam().coding, GetParam().encode(part), text.size());
        EXPECT_EQ(decoded.result, Decoding::kDone);
        EXPECT_EQ(decoded.text, part);
    }
}

TEST_P(ContentCodingTest, TakesAsMuchAsTheBoundAndNoByteMore) {
    const std::string text(50'000, 'x');
    EXPECT_EQ(decode(GetParam().coding, GetParam().encode(text), 50'000).result, Decoding::kDone);
    EXPECT_EQ(decode(GetParam().coding, GetParam().encode(text), 49'999).result, Decoding::kTooLarge);
}

TEST_P(ContentCodingTest, ABombEndsAtTheBound) {
    const std::string bomb = GetParam().encode(std::string(size_t{64} << 20, '\0'));
    ASSERT_LT(bomb.size(), 100'000u);
    EXPECT_EQ(decode(GetParam().coding, bomb, size_t{1} << 20).result, Decoding::kTooLarge);
}

TEST_P(ContentCodingTest, FramesThatFollowEachOtherAreOneBody) {
    const auto& [coding, encode] = GetParam();
    const Decoded decoded = decode(coding, encode("one, ") + encode("two"), 1000);
    EXPECT_EQ(decoded.result, Decoding::kDone);
    EXPECT_EQ(decoded.text, "one, two");
}

TEST_P(ContentCodingTest, WhatEndsInTheMiddleIsBroken) {
    const std::string whole = GetParam().encode(std::string(1000, 'a') + "b" + std::string(1000, 'c'));
    for (size_t size = 0; size < whole.size(); ++size)
        EXPECT_EQ(decode(GetParam().coding, whole.substr(0, size), 10'000).result, Decoding::kBroken) << size;
}

TEST_P(ContentCodingTest, NoiseIsBroken) {
    EXPECT_EQ(decode(GetParam().coding, "this was never compressed", 10'000).result, Decoding::kBroken);
    EXPECT_EQ(decode(GetParam().coding, GetParam().encode("x") + "and more", 10'000).result, Decoding::kBroken);
}

INSTANTIATE_TEST_SUITE_P(Codings, ContentCodingTest,
                         testing::Values(Coding{ContentCoding::kGzip, gzip}, Coding{ContentCoding::kZstd, zstd}));

TEST(ContentCodingsTest, AreKnownByTheirNames) {
    EXPECT_EQ(content_coding(""), ContentCoding::kNone);
    EXPECT_EQ(content_coding("identity"), ContentCoding::kNone);
    EXPECT_EQ(content_coding("gzip"), ContentCoding::kGzip);
    EXPECT_EQ(content_coding("zstd"), ContentCoding::kZstd);
    EXPECT_EQ(content_coding("br"), std::nullopt);
    EXPECT_EQ(decode(ContentCoding::kNone, "abc", 3).text, "abc");
    EXPECT_EQ(decode(ContentCoding::kNone, "abc", 2).result, Decoding::kTooLarge);
}

}  // namespace
}  // namespace spanring::agent::test
