// SPDX-License-Identifier: Apache-2.0
#include "command/open/open_look.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "command/open/usual_durations.hpp"
#include "support/segment_image.hpp"

namespace spanring::agent {
namespace {

using spanring::test::Bytes;
using spanring::test::FileImage;
using spanring::test::make_attribute;
using spanring::test::span_start;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class OpenLookTest : public testing::Test {
protected:
    OpenLook look(const OpenFilter& filter = {}) {
        Sites sites;
        sites.all.push_back({"/nowhere", {directory_.path()}, std::nullopt});
        return look_at_open_spans(sites, filter);
    }
    std::vector<std::string> names(const OpenFilter& filter = {}) {
        std::vector<std::string> found;
        for (const OpenSpan& open : look(filter).spans) found.push_back(open.span.name);
        return found;
    }

    spanring::test::TemporaryDirectory directory_;
    FileImage shop_{directory_, {.service = "shop"}};
    FileImage stock_{directory_, {.service = "stock"}};
};

TEST_F(OpenLookTest, OfAllThatLive) {
    shop_->open_slot(0, span_start(2, "second"));
    stock_->open_slot(0, span_start(1, "first"));
    EXPECT_THAT(names(), ElementsAre("first", "second"));
    stock_.die();
    const OpenLook after = look();
    EXPECT_EQ(after.processes, 1u);
    EXPECT_EQ(after.spans.size(), 1u);
    EXPECT_THAT(after.problems, IsEmpty());
}

TEST_F(OpenLookTest, NothingIsSaidOfADeath) {
    Bytes data = span_start(1, "first");
    const Bytes attribute = make_attribute("key", "value");
    data.insert(data.end(), attribute.begin(), attribute.end());
    shop_->open_slot(0, data).thread = 77;
    const OpenLook found = look();
    ASSERT_EQ(found.spans.size(), 1u);
    const OpenSpan& open = found.spans[0];
    EXPECT_EQ(open.thread, 77u);
    EXPECT_EQ(open.process->service, "shop");
    EXPECT_EQ(open.span.kind, 2u);
    EXPECT_EQ(open.span.status_code, 0u);
    EXPECT_EQ(open.span.status_message, "");
    ASSERT_EQ(open.span.attributes.size(), 1u);
    EXPECT_EQ(open.span.attributes[0].first, "key");
    EXPECT_EQ(age_of(open, open.span.start_unix_nano + 5), 5u);
    EXPECT_EQ(age_of(open, open.span.start_unix_nano - 5), 0u);
}

TEST_F(OpenLookTest, OnlyWhatIsAskedFor) {
    for (uint32_t number = 0; number < 6; ++number)
        (number % 2 == 0 ? shop_ : stock_)->open_slot(number, span_start(number, "number " + std::to_string(number)));
    EXPECT_THAT(names({.service = "stock"}), ElementsAre("number 1", "number 3", "number 5"));
    EXPECT_THAT(names({.name = "r 3"}), ElementsAre("number 3"));
    EXPECT_THAT(names({.pid = 1}), IsEmpty());
    EXPECT_EQ(names({.pid = 4242}).size(), 6u);
    EXPECT_THAT(names({.limit = 2}), ElementsAre("number 0", "number 1"));
    EXPECT_EQ(names({.limit = 0}).size(), 6u);
    EXPECT_THAT(names({.stuck_nano = ~uint64_t{0}}), IsEmpty());
    const OpenLook limited = look({.service = "stock", .limit = 1});
    EXPECT_EQ(limited.open, 6u);
    EXPECT_EQ(limited.matching, 3u);
}

TEST_F(OpenLookTest, WhatIsUnusual) {
    UsualDurations usual;
    for (int i = 0; i < 20; ++i) usual.add("shop", "known", 10);
    usual.settle();
    shop_->open_slot(0, span_start(0, "known"));
    shop_->open_slot(1, span_start(1, "not known"));
    const OpenLook found = look({.usual = &usual});
    ASSERT_EQ(found.spans.size(), 1u);
    EXPECT_EQ(found.spans[0].usual_nano, 10u);
    EXPECT_EQ(found.not_known, 1u);
    EXPECT_THAT(names({.usual = &usual, .factor = 1e30}), IsEmpty());
}

TEST_F(OpenLookTest, AQuarantinedSegmentIsNotBelieved) {
    shop_->open_slot(0, span_start(0, "evil"));
    shop_.view().control().policy = ring::PolicyBits::kRetired;
    const OpenLook found = look();
    EXPECT_THAT(found.spans, IsEmpty());
    EXPECT_THAT(found.problems, ElementsAre(HasSubstr("quarantined")));
}

TEST_F(OpenLookTest, WhatIsNoSpanIsCounted) {
    shop_->open_slot(0, span_start(0, "sound"));
    shop_->open_slot(1, Bytes(100, 0xff));
    EXPECT_THAT(names(), ElementsAre("sound"));
    EXPECT_THAT(look().problems, ElementsAre(HasSubstr("1 slots of open spans are inconsistent")));
}

}  // namespace
}  // namespace spanring::agent
