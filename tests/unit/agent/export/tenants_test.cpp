// SPDX-License-Identifier: Apache-2.0
//
// Requests of a backend that keeps tenants apart: each has the spans of one, and says whose they are.
#include "export/tenants.hpp"

#include <filesystem>
#include <fstream>
#include <map>

#include "support/captured_log.hpp"
#include "support/http_exporter_test.hpp"

namespace spanring::agent::test {
namespace {

TEST(HeaderValueTest, CanBeSentWhateverTheTextIs) {
    EXPECT_EQ(header_value("team-a_1.2"), "team-a_1.2");
    EXPECT_EQ(header_value("a b%\r\nX: y"), "a%20b%25%0D%0AX:%20y");
    EXPECT_EQ(header_value("\xc3\xa4"), "%C3%A4");
    EXPECT_EQ(header_value(std::string(5000, 'x')).size(), kMostHeaderValue);
    EXPECT_LE(header_value(std::string(5000, '\n')).size(), kMostHeaderValue);
    EXPECT_EQ(header_value(std::string(5000, '\n')).size() % 3, 0u);
}

class TenantsTest : public OtlpHttpExporterTest {
protected:
    TenantsTest() { options_.headers_from = {{"x-scope-orgid", "service.name"}}; }

    // Of three tenants, whose runs lie among each other.
    std::shared_ptr<Batch> mixed(uint64_t first) {
        auto made = batch(first, 10, producer(1, "a"));
        uint64_t next = first + 10;
        for (const auto& each : {producer(2, "b"), producer(3, "a"), producer(4, ""), producer(5, "b")}) {
            std::string run;
            for (int i = 0; i < 10; ++i) run += bytes(2, typical_span(next++));
            add_run(*made, each, scope("test"), run, 10);
        }
        return made;
    }
    // Spans by the header of their requests.
    std::map<std::string, size_t> received() {
        std::map<std::string, size_t> spans;
        for (const HttpReceived& each : backend_.received()) {
            spans[each.header("x-scope-orgid")] += each.span_ids().size();
            std::set<std::string> tenants;
            for (const auto& resource : each.request.resource_spans())
                tenants.insert(resource.resource().attributes(0).value().string_value());
            EXPECT_EQ(tenants.size(), 1u) << "one request, one tenant";
            EXPECT_EQ(*tenants.begin(), each.header("x-scope-orgid"));
        }
        return spans;
    }
    using Spans = std::map<std::string, size_t>;
};

TEST_F(TenantsTest, ABatchOfOneIsSentAtOnce) {
    start_and_make();
    EXPECT_EQ(send(batch(0, 10, producer(1, "a"))).outcome, Outcome::kExported);
    EXPECT_EQ(send(batch(10, 10, producer(2, "b c"))).outcome, Outcome::kExported);
    EXPECT_EQ(backend_.received().at(0).header("x-scope-orgid"), "a");
    EXPECT_EQ(backend_.received().at(1).header("x-scope-orgid"), "b%20c");
    EXPECT_EQ(exporter_->status().spooled, 0u);
}

TEST_F(TenantsTest, ABatchOfSeveralGoesThroughTheSpoolAndEachIsAnsweredForItself) {
    backend_.answer_with(
        [](const HttpReceived& each) { return HttpReply{.code = each.header("x-scope-orgid") == "b" ? 400 : 200}; });
    start_and_make();
    EXPECT_EQ(send(mixed(0)).outcome, Outcome::kSpooled);
    EXPECT_TRUE(ledger_.wait_for_total(50));
    EXPECT_EQ(received(), (Spans{{"a", 20}, {"b", 20}, {"", 10}}));
    expect_once(backend_.received(), 0, 50);
    EXPECT_EQ(exporter_->status().spool_exported, 30u);
    EXPECT_EQ(exporter_->status().spool_rejected, 20u);
}

TEST_F(TenantsTest, WithoutASpoolItGoesInSeveralRequests) {
    options_.spool.enabled = false;
    start_and_make();
    EXPECT_EQ(send(mixed(0)).outcome, Outcome::kExported);
    EXPECT_EQ(received(), (Spans{{"a", 20}, {"b", 20}, {"", 10}}));
    expect_once(backend_.received(), 0, 50);
}

TEST_F(TenantsTest, ASpoolThatDoesNotTakeItLosesNothing) {
    options_.spool.max_bytes = 64;
    start_and_make();
    EXPECT_EQ(send(mixed(0)).outcome, Outcome::kExported);
    EXPECT_EQ(received(), (Spans{{"a", 20}, {"b", 20}, {"", 10}}));
    expect_once(backend_.received(), 0, 50);
    EXPECT_EQ(exporter_->status().dropped, 0u);
}

TEST_F(TenantsTest, PartsThatASpoolTakesAtLastAreItsAndTheRestIsBookedBesideThem) {
    const CapturedLog log;
    options_.spool.directory = directory_.file("place") + "/spool";
    std::ofstream(directory_.file("place")) << "in the way";
    options_.in_flight = 2;
    backend_.answer_with(
        [](const HttpReceived& each) { return HttpReply{.never = each.header("x-scope-orgid") != "a"}; });
    start_and_make();
    const auto made = mixed(0);
    add_run(*made, producer(6, "c"), scope("test"), bytes(2, typical_span(50)), 1);
    exporter_->submit(made);  // a is answered, b and that without a name are not, c waits
    EXPECT_TRUE(eventually([&] { return backend_.received().size() == 3; }));
    std::filesystem::remove(directory_.file("place"));
    EXPECT_TRUE(eventually([&] { return log.count("has its spool again") == 1; }));
    exporter_->shutdown(std::chrono::steady_clock::now());
    EXPECT_EQ(made->resolutions[1].outcome, Outcome::kSpooled);
    EXPECT_EQ(exporter_->status().spooled, 51u);
    EXPECT_EQ(exporter_->status().spool_exported, 20u);
    EXPECT_EQ(ledger_.spool(producer(3, "a")->account(), "otlp").exported, 10u);
    backend_.answer_with(always({}));
    make();
    EXPECT_TRUE(ledger_.wait_for_total(51));
    EXPECT_EQ(exporter_->status().spool_exported, 31u);
}

TEST_F(TenantsTest, WhatWaitedIsOfOneTenantAnEntryAlsoWhereItWasWrittenWithoutThem) {
    options_.headers_from.clear();
    backend_.answer_with(always(code(503)));
    start_and_make();
    EXPECT_EQ(send(mixed(0)).outcome, Outcome::kSpooled);
    options_.headers_from = {{"x-scope-orgid", "service.name"}};
    make();
    EXPECT_EQ(send(mixed(50)).outcome, Outcome::kSpooled);
    const size_t before = backend_.received().size();
    backend_.answer_with(always({}));
    EXPECT_TRUE(ledger_.wait_for_total(100));
    Spans spans;
    const auto requests = backend_.received();
    for (size_t i = before; i < requests.size(); ++i)
        spans[requests[i].header("x-scope-orgid")] += requests[i].span_ids().size();
    EXPECT_GE(spans["a"], 40u);
    EXPECT_GE(spans["b"], 40u);
    EXPECT_GE(spans[""], 20u);
}

}  // namespace
}  // namespace spanring::agent::test
