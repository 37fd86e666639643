// SPDX-License-Identifier: Apache-2.0
#include "reload/agent_word.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "base/wall_clock.hpp"
#include "config/config.hpp"
#include "decide/decision_counters.hpp"
#include "drain/drain_status.hpp"
#include "presence/status_report.hpp"
#include "support/captured_log.hpp"
#include "support/saying_exporter.hpp"
#include "support/temporary_directory.hpp"

namespace spanring::agent::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr uint64_t kSecond = 1'000'000'000;

class AgentWordTest : public testing::Test {
protected:
    spanring::test::TemporaryDirectory directory_;
    SayingExporter exporter_{"otlp", 0, true};
    CapturedLog log_;
    ExporterReporter reporter_{[this](const auto& visit) { visit(exporter_); }, directory_.path()};
};

TEST_F(AgentWordTest, RemindsTheLogOfABackendThatStaysAway) {
    reporter_.report(0);
    exporter_.status_.healthy = false;
    exporter_.status_.unhealthy_since_unix_nano = unix_nano() - 20 * kSecond;
    exporter_.status_.queued_spans = 7;
    exporter_.status_.queued_bytes = 1024;
    exporter_.status_.spool_bytes = 2048;
    exporter_.status_.spool_dropped = 3;
    exporter_.status_.last_error = "nobody\nis there";
    reporter_.report(0);
    EXPECT_EQ(log_.count("has taken no spans"), 0u) << "who saw it go was told";
    exporter_.status_.unhealthy_since_unix_nano = unix_nano() - 70 * kSecond;
    reporter_.report(0);
    EXPECT_EQ(log_.count("exporter otlp: has taken no spans for 1m1"), 1u);
    EXPECT_EQ(log_.count("; 7 spans (1KiB) wait in memory, 2KiB in its spool; 3 were dropped since the agent's start; "
                         "last error: nobody is there"),
              1u);
    reporter_.report(0);
    EXPECT_EQ(log_.count("has taken no spans"), 1u) << "not each second";
}

TEST_F(AgentWordTest, APauseIsNothingToBeRemindedOf) {
    exporter_.status_.healthy = false;
    exporter_.status_.paused = true;
    exporter_.status_.unhealthy_since_unix_nano = unix_nano() - 7000 * kSecond;
    reporter_.report(0);
    EXPECT_EQ(log_.count("has taken no spans"), 0u);
}

TEST_F(AgentWordTest, TellsHowExportersAre) {
    exporter_.status_.exported = 5;
    exporter_.status_.spool_exported = 6;
    exporter_.status_.dropped = 1;
    exporter_.status_.circuit = CircuitState::kOpen;
    exporter_.status_.healthy = false;
    exporter_.status_.unhealthy_since_unix_nano = unix_nano();
    exporter_.status_.last_error = "gone";
    exporter_.status_.last_error_unix_nano = 77;
    reporter_.report(10);
    StatusReport report;
    DrainStatus drain;
    drain.serving = 4;
    reporter_.describe(drain, report);
    ASSERT_EQ(report.exporters.size(), 1u);
    const StatusReport::Exporter& row = report.exporters.front();
    EXPECT_EQ(row.exported, 11u);
    EXPECT_EQ(row.dropped, 1u);
    EXPECT_EQ(row.circuit, "open");
    EXPECT_EQ(row.state, "retrying");
    EXPECT_NE(row.since_unix_nano, 0u);
    EXPECT_EQ(row.last_error_unix_nano, 77u);
    EXPECT_EQ(report.processes, 4u);
    EXPECT_THAT(report.problems, ElementsAre(HasSubstr("exporter otlp: spans have not been taken")));
    exporter_.status_.paused = true;
    reporter_.describe(drain, report);
    EXPECT_THAT(report.problems, IsEmpty());
    EXPECT_THAT(report.notes, ElementsAre(HasSubstr("is paused")));
}

TEST(DecisionsWordTest, TellsWhatWaitsAndWhere) {
    DecisionCounters decisions({"errors", "no_policy"});
    decisions.undecided_traces.set(1);
    decisions.undecided_oldest.set(2);
    decisions.undecided_ring_spans.set(3);
    decisions.undecided_ring_bytes.set(4);
    decisions.filed_spans.set(5);
    decisions.filed_bytes.set(6);
    decisions.unclaimed_spans.set(1);
    decisions.received_spans.set(7);
    decisions.undecided_bytes.set(8);
    decisions.filed_memory.set(9);
    decisions.early(EarlyCause::kFiles).add(10);
    StatusReport report;
    describe(decisions, report);
    const std::map<std::string, uint64_t> early = {{"decision_wait", 0}, {"num_traces", 0}, {"memory", 0},
                                                   {"ring", 0},          {"queue", 0},      {"files", 10}};
    const StatusReport::Undecided expected{1, 2, 3, 4, 5, 6, 1, 7, 8, 9, early};
    EXPECT_EQ(report.undecided, expected);
    EXPECT_EQ(expected.spans(), 15u);
    EXPECT_EQ(expected.bytes(), 27u);
}

TEST(ConfigurationsWordTest, CountsWhatEachLayerGave) {
    LoadedConfig loaded;
    loaded.origins = {{"a", "/etc/one:two.yaml:3:14"}, {"b", "/etc/one:two.yaml:4:1"}, {"c", "--flag"}, {"d", "NAME"}};
    StatusReport report;
    describe(loaded, report);
    EXPECT_THAT(report.layers,
                ElementsAre(StatusReport::Layer{"--flag", 1}, StatusReport::Layer{"/etc/one:two.yaml", 2},
                            StatusReport::Layer{"NAME", 1}));
    EXPECT_THAT(report.effective, HasSubstr("service:"));
    const std::string digest = report.digest;
    EXPECT_EQ(digest.size(), 16u);
    loaded.config.batch.send_batch_size = 77;
    describe(loaded, report);
    EXPECT_NE(report.digest, digest);
}

}  // namespace
}  // namespace spanring::agent::test
