// SPDX-License-Identifier: Apache-2.0
#include "presence/exporter_report.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include <sys/stat.h>
#include <unistd.h>

#include "presence/running_agent.hpp"
#include "support/temporary_directory.hpp"

namespace spanring::agent {
namespace {

ExporterReports some() {
    ExporterReport store{"store", "ok", 5, "", 0, 1, 2, 3, 0, 0};
    ExporterReport backend{"otlp_http/far", "retrying", UINT64_MAX, "no \"route\"\n", 7, 8, 9, 10, 11, 12};
    return {42, {store, backend}};
}

class ExporterReportTest : public testing::Test {
protected:
    ExporterReportTest() {
        agent_.state_directory = directory_.path();
        agent_.user = ::geteuid();
    }

    spanring::test::TemporaryDirectory directory_;
    const std::string file_ = directory_.file(ExporterReports::kName);
    RunningAgent agent_;
};

TEST_F(ExporterReportTest, IsReadAsItWasWritten) {
    EXPECT_EQ(ExporterReports::parse(some().text()), some());
    EXPECT_EQ(some().write_in(directory_.path()), "");
    EXPECT_EQ(exporter_reports_of(agent_), some().all);
    struct stat status {};
    ASSERT_EQ(::stat(file_.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600u);
    EXPECT_EQ(some().write_in(directory_.path()), "") << "over what is there";
}

TEST_F(ExporterReportTest, AnErrorIsCutAndWhatIsNotUtf8IsReplaced) {
    ExporterReports reports = some();
    reports.all[1].last_error = "\xff" + std::string(100'000, 'x');
    const auto read = ExporterReports::parse(reports.text());
    ASSERT_TRUE(read);
    EXPECT_LE(read->all[1].last_error.size(), ExporterReports::kMostError + 2);
    EXPECT_EQ(read->all[1].last_error.substr(0, 3), "\xef\xbf\xbd");
}

TEST_F(ExporterReportTest, WhatIsNoneSaysNothing) {
    EXPECT_TRUE(exporter_reports_of(agent_).empty());
    for (const std::string& text : {std::string(), std::string("{}"), std::string("[1]"), some().text().substr(0, 100),
                                    std::string(R"({"pid": 1, "exporters": [{"name": 3}]})")}) {
        std::ofstream(file_) << text;
        EXPECT_TRUE(exporter_reports_of(agent_).empty()) << text;
    }
    std::ofstream(file_) << std::string(ExporterReports::kMostBytes, ' ') << some().text();
    EXPECT_TRUE(exporter_reports_of(agent_).empty()) << "too long";
    ::unlink(file_.c_str());
    ASSERT_EQ(::mkfifo(file_.c_str(), 0600), 0);
    EXPECT_TRUE(exporter_reports_of(agent_).empty()) << "and it does not wait";
}

TEST_F(ExporterReportTest, WhatAnotherUserWroteIsNotTheAgents) {
    ASSERT_EQ(some().write_in(directory_.path()), "");
    agent_.user = ::geteuid() + 1;
    EXPECT_TRUE(exporter_reports_of(agent_).empty());
}

TEST_F(ExporterReportTest, WhatCannotBeWrittenLeavesNothingThatIsOld) {
    ASSERT_EQ(some().write_in(directory_.path()), "");
    ASSERT_EQ(::mkdir((file_ + ".new").c_str(), 0700), 0);  // nothing can be made under that name
    EXPECT_NE(some().write_in(directory_.path()), "");
    EXPECT_TRUE(exporter_reports_of(agent_).empty());
}

}  // namespace
}  // namespace spanring::agent
