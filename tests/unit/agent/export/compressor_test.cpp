// SPDX-License-Identifier: Apache-2.0
#include "export/compressor.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <stdexcept>

#include "support/batches.hpp"
#include "support/decompress.hpp"

namespace spanring::agent::test {
namespace {

using testing::HasSubstr;

Request request_of(const std::vector<std::string>& pieces) {
    Request request;
    for (const std::string& piece : pieces) {
        request.slices.push_back(readable(piece));
        request.bytes += piece.size();
    }
    return request;
}

std::string noise(size_t size) {
    std::mt19937_64 random(1);
    std::string bytes(size, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    return bytes;
}

class EveryCompressorTest : public testing::TestWithParam<const char*> {
protected:
    std::string round_trip(const Request& request) {
        const auto plain = decode_body(compressor_->encoding(), compressor_->compress(request));
        return plain.value_or("(no sound stream)");
    }
    std::unique_ptr<Compressor> compressor_ = make_compressor(GetParam(), 0);
};

TEST_P(EveryCompressorTest, GivesBackWhatItWasGiven) {
    EXPECT_STREQ(compressor_->encoding(), GetParam());
    const auto batch = batch_of(0, 5000);
    const Request request = assemble(batch->runs);
    EXPECT_EQ(round_trip(request), flatten(request));
}

TEST_P(EveryCompressorTest, IsUsedAgainAndAgainForRequestsOfAnySize) {
    for (const size_t size : {size_t{1}, size_t{100'000}, size_t{0}, size_t{3} << 20, size_t{17}}) {
        const std::string text(size, 'x');
        EXPECT_EQ(round_trip(request_of({text})), text) << size;
    }
}

TEST_P(EveryCompressorTest, HasRoomForWhatCannotBeCompressed) {
    for (const size_t size : {size_t{10}, size_t{128} << 10, size_t{4} << 20}) {
        const std::string bytes = noise(size);
        EXPECT_EQ(round_trip(request_of({bytes})), bytes) << size;
    }
}

TEST_P(EveryCompressorTest, TakesARequestInPieces) {
    std::vector<std::string> pieces;
    std::string all;
    for (size_t i = 0; i < 3000; ++i) {
        pieces.push_back(noise(i % 97) + std::string(i % 13, 'a'));  // empty ones among them
        all += pieces.back();
    }
    EXPECT_EQ(round_trip(request_of(pieces)), all);
}

TEST_P(EveryCompressorTest, OfEachLevelGivesBackWhatItWasGiven) {
    const auto batch = batch_of(0, 200);
    const Request request = assemble(batch->runs);
    const uint32_t most = std::string(GetParam()) == "gzip" ? 9 : 19;
    for (uint32_t level = 1; level <= most; ++level) {
        compressor_ = make_compressor(GetParam(), level);
        EXPECT_EQ(round_trip(request), flatten(request)) << level;
    }
    EXPECT_THROW(make_compressor(GetParam(), most + 1), std::invalid_argument);
}

INSTANTIATE_TEST_SUITE_P(Names, EveryCompressorTest, testing::Values("gzip", "zstd"),
                         [](const auto& info) { return std::string(info.param); });

TEST(CompressorTest, IsNoneForNoneAndNamesWhatItDoesNotKnow) {
    EXPECT_EQ(make_compressor("none", 0), nullptr);
    EXPECT_EQ(make_compressor("", 0), nullptr);
    try {
        make_compressor("snappy", 0);
        ADD_FAILURE() << "accepted";
    } catch (const std::invalid_argument& error) {
        EXPECT_THAT(error.what(), HasSubstr("\"snappy\" is not one of none, gzip, zstd"));
    }
}

}  // namespace
}  // namespace spanring::agent::test
