// SPDX-License-Identifier: Apache-2.0
#include "metrics/agent_metrics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>
#include <set>
#include <sstream>

#include "accounts/equations.hpp"
#include "batch/exporter.hpp"
#include "drain/drain_status.hpp"
#include "metrics/exporter_series.hpp"
#include "metrics/page_parts.hpp"
#include "support/accounts.hpp"
#include "support/saying_exporter.hpp"
#include "support/temporary_directory.hpp"
#include "support/test_spans.hpp"

namespace spanring::agent {
namespace {

using ring::Counter;
using test::process_account;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

ProcessAccount busy_process() {
    ProcessAccount process = process_account(7, 100);
    test::set(process, Counter::kEnded, 90);
    test::set(process, Counter::kUnsampled, 11);
    test::set(process, Counter::kNotStartedSlot, 12);
    test::set(process, Counter::kNotStartedNested, 13);
    test::set(process, Counter::kDroppedFull, 1);
    test::set(process, Counter::kDroppedNested, 3);
    test::set(process, Counter::kDroppedOverwritten, 11);
    process.open = 10;
    process.fill = 0.25;
    ExporterAccount& exporter = process.exporters.front();
    exporter = {};
    exporter.name = "otlp_grpc";
    exporter.exported = 50;
    exporter.rejected = 6;
    exporter.spooled = 20;
    exporter.dropped_invalid = 2;
    exporter.dropped_queue = 1;
    exporter.dropped_spool = 2;
    exporter.pending_ring = 8;
    exporter.pending_spool = 6;
    return process;
}

TEST(AgentMetricsTest, NamesEachCauseOfAProcess) {
    Exposition page;
    add_spans(page, busy_process());
    EXPECT_THAT(page.text(),
                AllOf(HasSubstr("\nspanring_spans_started_total 100\n"), HasSubstr("\nspanring_spans_ended_total 90\n"),
                      HasSubstr("\nspanring_spans_unsampled_total 11\n"),
                      HasSubstr("\nspanring_spans_not_started_total{cause=\"slot\"} 12\n"),
                      HasSubstr("\nspanring_spans_not_started_total{cause=\"nested\"} 13\n"),
                      HasSubstr("\nspanring_spans_dropped_total{cause=\"full\"} 1\n"),
                      HasSubstr("\nspanring_spans_dropped_total{cause=\"nested\"} 3\n"),
                      HasSubstr("\nspanring_spans_dropped_total{cause=\"overwritten\"} 11\n"),
                      HasSubstr("\nspanring_open_spans 10\n")));
}

TEST(AgentMetricsTest, NamesEachFateAtAnExporter) {
    Exposition page;
    add_exporter_accounts(page, total_of({busy_process()}));
    const std::string of = "{exporter=\"otlp_grpc\"";
    EXPECT_THAT(page.text(),
                AllOf(HasSubstr("\nspanring_exporter_spans_exported_total" + of + "} 50\n"),
                      HasSubstr("\nspanring_exporter_spans_rejected_total" + of + "} 6\n"),
                      HasSubstr("\nspanring_exporter_spans_spooled_total" + of + "} 20\n"),
                      HasSubstr("\nspanring_exporter_spans_dropped_total" + of + ",cause=\"invalid\"} 2\n"),
                      HasSubstr("\nspanring_exporter_spans_dropped_total" + of + ",cause=\"queue\"} 1\n"),
                      HasSubstr("\nspanring_exporter_spans_dropped_total" + of + ",cause=\"spool\"} 2\n"),
                      HasSubstr("\nspanring_exporter_pending_spans" + of + ",where=\"ring\"} 8\n"),
                      HasSubstr("\nspanring_exporter_pending_spans" + of + ",where=\"spool\"} 6\n")));
}

TEST(AgentMetricsTest, ShowsTheStateOfACircuitWhereThereIsOne) {
    test::SayingExporter exporter("otlp_grpc", 0, true);
    const auto page_of = [&] {
        Exposition page;
        add_exporter_status(page, exporter);
        return page.text();
    };
    EXPECT_THAT(page_of(), Not(HasSubstr("spanring_exporter_circuit")));
    exporter.status_.circuit = CircuitState::kProbing;
    const std::string of = "\nspanring_exporter_circuit{exporter=\"otlp_grpc\",state=";
    EXPECT_THAT(page_of(), AllOf(HasSubstr(of + "\"closed\"} 0\n"), HasSubstr(of + "\"open\"} 0\n"),
                                 HasSubstr(of + "\"probing\"} 1\n")));
}

TEST(AgentMetricsTest, ShowsWhatAnExporterMeasures) {
    test::SayingExporter exporter("otlp_grpc", 0, true);
    const auto page_of = [&] {
        Exposition page;
        add_exporter_measures(page, exporter);
        return page.text();
    };
    EXPECT_EQ(page_of(), "");
    exporter.measures_.emplace();
    const ExportMeasures::Clock::time_point begun{std::chrono::hours(1)};
    exporter.measures_->sent(100, 4096);
    exporter.measures_->sent(101, 4097);
    exporter.measures_->waited(begun, begun + std::chrono::milliseconds(250));
    exporter.measures_->waited({}, begun);
    exporter.measures_->took(std::chrono::minutes(2));
    const std::string of = "{exporter=\"otlp_grpc\"";
    EXPECT_THAT(page_of(),
                AllOf(HasSubstr("\nspanring_exporter_request_spans_bucket" + of + ",le=\"50\"} 0\n"),
                      HasSubstr("\nspanring_exporter_request_spans_bucket" + of + ",le=\"100\"} 1\n"),
                      HasSubstr("\nspanring_exporter_request_spans_bucket" + of + ",le=\"250\"} 2\n"),
                      HasSubstr("\nspanring_exporter_request_spans_sum" + of + "} 201\n"),
                      HasSubstr("\nspanring_exporter_request_bytes_bucket" + of + ",le=\"4096\"} 1\n"),
                      HasSubstr("\nspanring_exporter_batch_age_seconds_count" + of + "} 1\n"),
                      HasSubstr("\nspanring_exporter_batch_age_seconds_bucket" + of + ",le=\"0.1\"} 0\n"),
                      HasSubstr("\nspanring_exporter_batch_age_seconds_bucket" + of + ",le=\"0.25\"} 1\n"),
                      HasSubstr("\nspanring_exporter_request_duration_seconds_bucket" + of + ",le=\"60\"} 0\n"),
                      HasSubstr("\nspanring_exporter_request_duration_seconds_bucket" + of + ",le=\"+Inf\"} 1\n")));
}

TEST(AgentMetricsTest, ShowsAnExporterThatHasNothingYet) {
    ProcessAccount unattached = process_account(1, 5);
    test::set(unattached, Counter::kEnded, 5);
    unattached.exporters.front().pending_ring = 5;
    const std::vector<ProcessAccount> processes = {unattached, busy_process()};
    ProcessAccount total = total_of(processes);
    add_missing_exporter(total, processes, "otlp_grpc");  // is there
    add_missing_exporter(total, processes, "store");
    Exposition page;
    add_exporter_accounts(page, total);
    EXPECT_THAT(page.text(),
                AllOf(HasSubstr("spanring_exporter_spans_exported_total{exporter=\"store\"} 0\n"),
                      HasSubstr("spanring_exporter_pending_spans{exporter=\"store\",where=\"ring\"} 13\n"),
                      HasSubstr("spanring_exporter_elsewhere_spans{exporter=\"store\"} 67\n"),
                      HasSubstr("spanring_exporter_pending_spans{exporter=\"otlp_grpc\",where=\"ring\"} 13\n"),
                      Not(HasSubstr(kNoExporterYet))));
    for (const Equation& equation : equations_of(total)) EXPECT_EQ(equation.verdict, Judgement::kOk);
}

TEST(AgentMetricsTest, SumsProcessesWithoutSeriesOfTheirOwn) {
    ProcessSeries series(1);
    Survey survey;
    survey.processes = {busy_process(), process_account(8, 5), process_account(9, 6)};
    survey.processes[0].service = "say \"hi\"";
    survey.processes[1].fill = 0.5;
    survey.processes[1].memory = 300;
    survey.processes[2].memory = 40;
    survey.processes[2].given_back = 9;
    Exposition page;
    add_processes(page, survey, series.split(survey.processes));
    const std::string text = page.text();
    EXPECT_THAT(text, HasSubstr("spanring_process_spans_started_total{service=\"say \\\"hi\\\"\",pid=\"7\","
                                "instance_id=\"07000000\"} 100\n"));
    const std::string other = "{service=\"other\",pid=\"other\",instance_id=\"other\"}";
    EXPECT_THAT(text, AllOf(HasSubstr("spanring_process_spans_started_total" + other + " 11\n"),
                            HasSubstr("spanring_process_ring_fill_ratio" + other + " 0.5\n"),
                            HasSubstr("spanring_process_memory_bytes" + other + " 340\n"),
                            HasSubstr("spanring_process_given_back_bytes" + other + " 9\n"),
                            HasSubstr("spanring_processes{state=\"live\"} 3\n"),
                            HasSubstr("spanring_process_pending_spans{service=\"say \\\"hi\\\"\",pid=\"7\","
                                      "instance_id=\"07000000\"} 14\n"),
                            Not(HasSubstr("service-8")), Not(HasSubstr("service-9"))));
}

// One that claims to be another must not make the page one that is refused as a whole.
TEST(AgentMetricsTest, HasNoSeriesTwice) {
    ProcessSeries series(9);
    Survey survey;
    survey.processes = {process_account(7, 100), process_account(7, 1), process_account(7, 2)};
    survey.processes[1].instance[10] ^= 1;  // past the digits that are shown
    survey.processes[2].instance[5] ^= 1;
    Exposition page;
    add_processes(page, survey, series.split(survey.processes));
    std::istringstream text(page.text());
    std::set<std::string> names;
    for (std::string line; std::getline(text, line);) {
        if (line[0] == '#') continue;
        EXPECT_TRUE(names.insert(line.substr(0, line.rfind(' '))).second) << line;
    }
}

TEST(AgentMetricsTest, ShowsWhatAnExporterIsDoing) {
    test::SayingExporter exporter("otlp_grpc/a", 0, true);
    exporter.status_.queued_spans = 4;
    exporter.status_.queued_bytes = 5;
    exporter.status_.spool_bytes = 6;
    exporter.status_.attempts_accepted = 7;
    exporter.status_.attempts_rejected = 8;
    exporter.status_.attempts_failed = 9;
    exporter.status_.healthy = false;
    Exposition page;
    add_exporter_status(page, exporter);
    const std::string of = "{exporter=\"otlp_grpc/a\"";
    EXPECT_THAT(page.text(), AllOf(HasSubstr("\nspanring_exporter_queue_spans" + of + "} 4\n"),
                                   HasSubstr("\nspanring_exporter_queue_bytes" + of + "} 5\n"),
                                   HasSubstr("\nspanring_exporter_spool_bytes" + of + "} 6\n"),
                                   HasSubstr("\nspanring_exporter_healthy" + of + "} 0\n"),
                                   HasSubstr("\nspanring_exporter_attempts_total" + of + ",result=\"accepted\"} 7\n"),
                                   HasSubstr("\nspanring_exporter_attempts_total" + of + ",result=\"rejected\"} 8\n"),
                                   HasSubstr("\nspanring_exporter_attempts_total" + of + ",result=\"failed\"} 9\n"),
                                   Not(HasSubstr("best_effort"))));
}

// What promtool checks: names, one HELP and one TYPE for each family, counters end in _total, no series twice.
TEST(AgentMetricsTest, APageIsSoundThroughout) {
    spanring::test::TemporaryDirectory directory;
    const std::string ledger_file = directory.file("state/ledger.db");
    const std::unique_ptr<Ledger> ledger = Ledger::open(ledger_file);
    ProcessRow record;
    record.instance[0] = 1;
    record.service = "gone";
    record.finished = true;
    record.writer[static_cast<size_t>(Counter::kStarted)] = 3;
    ASSERT_TRUE(ledger->update(record));
    test::SayingExporter required("store", 0, true);
    test::SayingExporter best_effort("debug", 1, false);
    const auto both = [&](const std::function<void(const Exporter&)>& visit) {
        visit(required);
        visit(best_effort);
    };
    AgentMetrics metrics({{directory.path()}, ledger_file, both, [] { return DrainStatus{}; }});
    const std::string text = metrics.page(ExpositionFormat::kText);
    EXPECT_THAT(text, AllOf(HasSubstr("\nspanring_spans_started_total 3\n"), HasSubstr("spanring_build_info{version="),
                            HasSubstr("\nprocess_resident_memory_bytes "), HasSubstr("\nprocess_cpu_seconds_total ")));
    const std::regex series(R"(([a-z_]+)(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? -?[0-9][0-9.e+-]*)");
    std::istringstream lines(text);
    std::map<std::string, std::string> types;
    std::set<std::string> seen;
    std::string family;
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string hash, what, name, type;
        words >> hash >> what >> name >> type;
        if (hash == "#" && what == "HELP") {
            EXPECT_TRUE(types.emplace(name, "").second) << line;
            EXPECT_FALSE(type.empty()) << line << ": no help";
            family = name;
        } else if (hash == "#") {
            EXPECT_EQ(name, family);
            types[name] = type;
            EXPECT_EQ(type == "counter", name.ends_with("_total")) << line;
            EXPECT_TRUE(std::regex_search(name, std::regex("^(spanring|process|otelcol|otel_sdk)_"))) << line;
        } else {
            std::smatch parts;
            ASSERT_TRUE(std::regex_match(line, parts, series)) << line;
            EXPECT_EQ(parts[1], family);
            EXPECT_TRUE(seen.insert(parts[1].str() + parts[2].str()).second) << line << ": twice";
        }
    }
    EXPECT_GT(seen.size(), 50u);
}

}  // namespace
}  // namespace spanring::agent
