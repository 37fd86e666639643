// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <thread>

#include "drain/epoch.hpp"

namespace spanring::agent {
namespace {

TEST(EpochDomainTest, GivesBackAfterTwoStepsWhereNothingIsPinned) {
    EpochDomain domain;
    const uint64_t tag = domain.retire();
    EXPECT_FALSE(domain.reclaimable(tag));
    EXPECT_TRUE(domain.try_advance());
    EXPECT_FALSE(domain.reclaimable(tag)) << "one step is not enough";
    EXPECT_TRUE(domain.try_advance());
    EXPECT_TRUE(domain.reclaimable(tag));
}

TEST(EpochDomainTest, WaitsForAPinOfTheEpochOfTheRetirement) {
    EpochDomain domain;
    std::shared_ptr<Pin> pin = domain.pin(nullptr);
    const uint64_t tag = domain.retire();
    EXPECT_TRUE(domain.try_advance()) << "a pin of e does not hold back e + 1";
    EXPECT_FALSE(domain.try_advance());
    EXPECT_FALSE(domain.reclaimable(tag));
    pin.reset();
    EXPECT_TRUE(domain.try_advance());
    EXPECT_TRUE(domain.reclaimable(tag));
}

TEST(EpochDomainTest, IsNotHeldBackByLaterPinsForEarlierRetirements) {
    EpochDomain domain;
    const uint64_t tag = domain.retire();
    ASSERT_TRUE(domain.try_advance());
    const std::shared_ptr<Pin> later = domain.pin(nullptr);
    ASSERT_TRUE(domain.try_advance());
    EXPECT_TRUE(domain.reclaimable(tag));
    EXPECT_FALSE(domain.try_advance()) << "but what is retired now waits for it";
}

TEST(EpochDomainTest, KeepsTheMemoryOfAPinEvenWhenTheDomainIsGone) {
    auto memory = std::make_shared<int>(7);
    std::shared_ptr<Pin> pin;
    {
        EpochDomain domain;
        pin = domain.pin(memory);
    }
    EXPECT_EQ(memory.use_count(), 2);
    std::thread([&] { pin.reset(); }).join();
    EXPECT_EQ(memory.use_count(), 1);
}

// A reader on another thread may not see what is written after the reclamation.
TEST(EpochDomainTest, OrdersThePinsLastReadBeforeTheReuse) {
    EpochDomain domain;
    int chunk = 1;
    for (int round = 0; round < 200; ++round) {
        std::shared_ptr<Pin> pin = domain.pin(nullptr);
        int seen = 0;
        std::thread reader([&chunk, &seen, held = std::move(pin)]() mutable {
            seen = chunk;
            held.reset();
        });
        const uint64_t tag = domain.retire();
        while (!domain.reclaimable(tag)) {
            if (!domain.try_advance()) std::this_thread::yield();
        }
        const int before = chunk;
        chunk = before + 1;  // a race with the reader, for a sanitizer, if the pin did not order it
        reader.join();
        ASSERT_EQ(seen, before);
    }
}

}  // namespace
}  // namespace spanring::agent
