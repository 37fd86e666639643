// SPDX-License-Identifier: Apache-2.0
#include "command/page/exporter_watch.hpp"

#include <gtest/gtest.h>

namespace spanring::agent {
namespace {

using Health = WatchedExporter::Health;
using std::chrono::seconds;

class PageExporters : public ::testing::Test {
protected:
    WatchedExporter look(uint64_t exported, uint64_t pending, seconds later) {
        Survey survey;
        ProcessAccount process, sender;
        ExporterAccount half;
        half.name = "otlp";
        half.exported = exported / 2;
        process.exporters = {half};
        half.exported = exported - half.exported;
        half.pending_ring = pending;
        half.dropped_queue = dropped_;
        sender.exporters = {half, {}};
        sender.exporters.back().name = kNoExporterYet;
        survey.processes = {process};
        survey.senders = {sender};
        now_ += later;
        const auto list = watch_.look(survey, now_, unix_ += static_cast<uint64_t>(later.count()));
        EXPECT_EQ(list.size(), 1u);
        EXPECT_EQ(list.front().sum.name, "otlp");
        EXPECT_EQ(list.front().sum.exported, exported);
        return list.front();
    }

    ExporterWatch watch_;
    ExporterWatch::Clock::time_point now_ = ExporterWatch::Clock::now();
    uint64_t unix_ = 1000;
    uint64_t dropped_ = 0;
};

TEST_F(PageExporters, RatesAreOfTheTimeBetweenTwoLooks) {
    EXPECT_FALSE(look(10, 0, seconds(0)).exported_rate);
    dropped_ = 4;
    const WatchedExporter second = look(30, 0, seconds(2));
    EXPECT_EQ(second.exported_rate, 10);
    EXPECT_EQ(second.lost_rate, 2);
    EXPECT_EQ(look(40, 0, seconds(0)).exported_rate, 10) << "too soon: told again";
    EXPECT_EQ(look(5, 0, seconds(1)).exported_rate, 0) << "it began anew";
}

TEST_F(PageExporters, WhatWaitsAndDoesNotMoveIsStalledAfterAWhile) {
    EXPECT_EQ(look(10, 0, seconds(0)).health, Health::kIdle);
    EXPECT_EQ(look(12, 3, seconds(1)).health, Health::kDelivering);
    EXPECT_EQ(look(12, 3, seconds(1)).health, Health::kWaiting);
    EXPECT_EQ(look(12, 3, seconds(3)).health, Health::kWaiting);
    const WatchedExporter stalled = look(12, 9, seconds(1));
    EXPECT_EQ(stalled.health, Health::kStalled);
    EXPECT_EQ(look(12, 9, seconds(60)).since_unix_nano, stalled.since_unix_nano);
    EXPECT_EQ(look(13, 8, seconds(1)).health, Health::kDelivering);
    EXPECT_EQ(look(13, 0, seconds(1)).health, Health::kIdle);
}

}  // namespace
}  // namespace spanring::agent
