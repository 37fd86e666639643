// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "drain/answer_shares.hpp"

namespace spanring::agent {
namespace {

Receipt receipt(uint32_t spans, uint32_t invalid = 0, uint32_t filtered = 0) {
    Receipt receipt;
    receipt.spans = spans;
    receipt.invalid = invalid;
    receipt.filtered = filtered;
    return receipt;
}

TEST(AnswerSharesTest, BooksWhatWasRefusedFromTheFrontAndOnce) {
    AnswerShares shares(Resolutions{{{Outcome::kExported, 5}}});
    EXPECT_EQ(shares.of(receipt(3))[0].rejected, 3u);
    EXPECT_EQ(shares.of(receipt(3))[0].rejected, 2u);
    EXPECT_EQ(shares.of(receipt(3))[0].rejected, 0u);
}

TEST(AnswerSharesTest, LeavesSpansOutThatNobodyWasSent) {
    AnswerShares shares(Resolutions{{{Outcome::kExported, 5}}});
    EXPECT_EQ(shares.of(receipt(3, 3))[0].rejected, 0u);
    EXPECT_EQ(shares.of(receipt(3, 1, 1))[0].rejected, 1u);
    EXPECT_EQ(shares.of(receipt(9))[0].rejected, 4u);
}

TEST(AnswerSharesTest, KeepsExportersApart) {
    AnswerShares shares(Resolutions{{{Outcome::kExported, 1}, {Outcome::kRejected, 0}, {Outcome::kExported, 9}}});
    const Resolutions first = shares.of(receipt(4));
    EXPECT_EQ(first[0].rejected, 1u);
    EXPECT_EQ(first[1].outcome, Outcome::kRejected);
    EXPECT_EQ(first[2].rejected, 4u);
    EXPECT_EQ(shares.of(receipt(4))[2].rejected, 4u);
}

TEST(AnswerSharesTest, IsLeftBehindAsAWholeWhereOneExporterLeftIt) {
    EXPECT_FALSE(AnswerShares(Resolutions{{{Outcome::kExported, 0}}}).left_behind());
    EXPECT_TRUE(AnswerShares(Resolutions{{{Outcome::kExported, 0}, {Outcome::kLeftBehind, 0}}}).left_behind());
}

}  // namespace
}  // namespace spanring::agent
