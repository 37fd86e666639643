// SPDX-License-Identifier: Apache-2.0
#include "presence/status_report.hpp"

#include <gtest/gtest.h>

namespace spanring::agent {
namespace {

TEST(StatusReportTest, IsReadAsItWasWritten) {
    StatusReport report;
    report.serial = 7;
    report.pid = 4711;
    report.version = "1.2.3";
    report.started_unix_nano = 1;
    report.unix_nano = 2;
    report.configuration = "/etc/a.yaml";
    report.effective = "a: 1  # /etc/a.yaml:1:1\n";
    report.digest = "0123456789abcdef";
    report.layers = {{"--flag", 1}, {"/etc/a.yaml", 12}};
    report.reloads = 3;
    report.configured_unix_nano = 4;
    report.refused = {"a: is wrong"};
    report.processes = 5;
    report.quarantined = 6;
    report.refused_files = 8;
    report.unanswered_batches = 9;
    report.drained_per_second = 10.5;
    report.notes = {"exporter b: is paused"};
    report.problems = {"exporter a: is away"};
    StatusReport::Exporter exporter;
    exporter.name = "a";
    exporter.required = exporter.healthy = false;
    exporter.last_error = "no \"more\"\n";
    exporter.exported = 11;
    exporter.rejected = 12;
    exporter.dropped = 13;
    exporter.queued_spans = 14;
    exporter.queued_bytes = 15;
    exporter.spool_bytes = 16;
    exporter.spool_limit = 17;
    exporter.paused = true;
    exporter.state = "paused";
    exporter.since_unix_nano = 18;
    exporter.circuit = "open";
    exporter.last_error_unix_nano = 19;
    exporter.exported_per_second = 0.25;
    exporter.lanes = {{"first", 20, 21, 22, 23, 24}, {"rest", 25, 26, 27, 28, 29}};
    exporter.endpoints = {{"http://a:4317", true, 30, 31, 32}, {"http://b:4317", false, 33, 34, 35}};
    exporter.concurrency = {36, 37, 38};
    exporter.request_bytes = {39, 40, 41};
    exporter.subscriptions = {{"slow", 52, 53, 54, 55}};
    report.exporters = {exporter, {}};
    report.undecided = {42, 43, 44, 45, 46, 47, 48, 49, 50, 52, {{"ring", 51}, {"files", 0}}, 53};
    report.rules = {{"slow", true, "any", "keep", 52, 53, 54, 55, 56, 57}, {"errors", false, "", "status_code"}};
    report.rules_problem = "rules.json: is wrong";
    EXPECT_EQ(StatusReport::parse(report.text()), report);
}

TEST(StatusReportTest, OfAnOlderAgentIsReadWhatItSaid) {
    const auto report = StatusReport::parse(R"({"serial": 1, "pid": 2, "version": "0.1", "unix_nano": 3, "reloads": 4,
        "exporters": [{"name": "a", "healthy": false, "exported": 5}], "a newer one's": {"x": []}})");
    ASSERT_NE(report, std::nullopt);
    StatusReport expected;
    expected.serial = 1;
    expected.pid = 2;
    expected.version = "0.1";
    expected.unix_nano = 3;
    expected.reloads = 4;
    StatusReport::Exporter exporter;
    exporter.name = "a";
    exporter.healthy = false;
    exporter.exported = 5;
    expected.exporters = {exporter};
    EXPECT_EQ(report, expected);
    EXPECT_EQ(report->undecided, std::nullopt);
}

TEST(StatusReportTest, WhatIsNoneIsNothing) {
    EXPECT_EQ(StatusReport::parse(""), std::nullopt);
    EXPECT_EQ(StatusReport::parse("{}"), std::nullopt);
    EXPECT_EQ(StatusReport::parse(R"({"serial": "x"})"), std::nullopt);
    EXPECT_EQ(StatusReport::parse("[]"), std::nullopt);
    const std::string agent = R"("serial": 1, "pid": 2, "version": "0.1", "unix_nano": 3)";
    EXPECT_NE(StatusReport::parse("{" + agent + "}"), std::nullopt);
    for (const char* wrong : {R"("exporters": [7])", R"("exporters": [{}])", R"("undecided": {"traces": "many"})"})
        EXPECT_EQ(StatusReport::parse("{" + agent + ", " + wrong + "}"), std::nullopt) << wrong;
}

}  // namespace
}  // namespace spanring::agent
