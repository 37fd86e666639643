// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <thread>

#include "otlp/span_decoder.hpp"
#include "span_metrics/span_metrics.hpp"
#include "support/varied_spans.hpp"

namespace spanring::agent {
namespace {

using namespace test;

using Calls = std::map<SeriesLabels, uint64_t>;

std::string span(const std::string& name, uint64_t nanoseconds = 0, const std::string& more = "") {
    return bare_span() + bytes(5, name) + number(6, 2) + fixed64(7, 1000) + fixed64(8, 1000 + nanoseconds) + more;
}

SeriesLabels labels(const std::string& service, const std::string& name, const std::string& kind = "SERVER",
                    const std::string& status = "UNSET") {
    return {{"service.name", service},
            {"span.name", name},
            {"span.kind", "SPAN_KIND_" + kind},
            {"status.code", "STATUS_CODE_" + status}};
}

class SpanRecorderTest : public testing::Test {
protected:
    void start() {
        metrics_ = std::make_unique<SpanMetrics>(options_, std::nullopt);
        recorder_ = &metrics_->add_recorder();
    }
    void record(const std::string& service, const std::string& span, const std::string& resource = "") {
        recorder_->record(recorder_->source(service, readable(resource)), readable(span));
    }
    Calls calls() const {
        Calls calls;
        for (const auto& [labels, series] : metrics_->measured()) calls[labels] = series.calls();
        return calls;
    }
    uint64_t sum() const {
        uint64_t sum = 0;
        for (const auto& [labels, calls] : calls()) sum += calls;
        return sum;
    }

    SpanMetricsOptions options_;
    std::unique_ptr<SpanMetrics> metrics_;
    SpanRecorder* recorder_ = nullptr;
};

TEST_F(SpanRecorderTest, MeasuresWhatAPlainCountOfDecodedSpansDoes) {
    options_.dimensions = {{"http.request.method", ""}, {"server.port", "none"}};
    options_.series = 1000;  // fewer than there are combinations
    start();
    constexpr uint32_t kSpans = 4000;
    VariedSpans source;
    std::map<SeriesLabels, std::pair<std::vector<uint64_t>, double>> wanted;
    for (uint32_t i = 0; i < kSpans; ++i) {
        const std::string service = "service-" + std::to_string(i % VariedSpans::kApplications);
        const std::string encoded = source.next(i) + (i % 7 == 0 ? bytes(15, number(3, i % 3)) : "");
        record(service, encoded);

        DecodedSpan decoded;
        ASSERT_TRUE(decode_span(readable(encoded), decoded));
        std::string kind = kind_name(decoded.kind), status = status_name(decoded.status_code);
        std::transform(kind.begin(), kind.end(), kind.begin(), ::toupper);
        std::transform(status.begin(), status.end(), status.begin(), ::toupper);
        SeriesLabels of = labels(service, decoded.name, kind, status);
        if (const Value* method = find(decoded.attributes, "http.request.method"))
            of.emplace_back("http.request.method", method->text);
        const Value* port = find(decoded.attributes, "server.port");
        of.emplace_back("server.port", port != nullptr ? port->text : "none");
        auto& [counts, nanoseconds] = wanted[of];
        counts.resize(32);
        const uint64_t duration = decoded.end_unix_nano - decoded.start_unix_nano;
        ++counts[metrics_->buckets().index(duration)];
        nanoseconds += static_cast<double>(duration);
    }
    ASSERT_GT(wanted.size(), options_.series);
    EXPECT_EQ(sum(), kSpans);
    size_t same = 0;
    for (const auto& [of, series] : metrics_->measured()) {
        const auto found = wanted.find(of);
        if (found == wanted.end()) continue;
        ++same;
        EXPECT_EQ(series.counts, found->second.first);
        EXPECT_DOUBLE_EQ(series.nanoseconds, found->second.second);
    }
    EXPECT_EQ(same, options_.series);
}

TEST_F(SpanRecorderTest, ReadsFieldsInAnyOrderAndForm) {
    start();
    const std::string name = bytes(5, "a"), kind = number(6, 3), error = bytes(15, bytes(2, "why") + number(3, 2));
    const std::string attribute = bytes(9, key_value("k", text_value(std::string(300, 'v'))));
    const std::string times = fixed64(8, 900) + fixed64(7, 400);
    record("s", error + attribute + times + kind + name + bare_span());
    record("s", bare_span() + name + kind + times + attribute + error + fixed32(16, 1));
    record("s", bare_span() + bytes(4, "") + varint(5 << 3 | 2) + padded_varint(1, 5) + "a" + kind + times + error);
    record("s", bare_span() + bytes(4, span_id(1)) + name + padded_varint(6 << 3, 2) + padded_varint(3, 9) + times +
                    error + attribute);
    EXPECT_EQ(calls(), (Calls{{labels("s", "a", "CLIENT", "ERROR"), 4}}));
    EXPECT_EQ(metrics_->measured().begin()->second.nanoseconds, 2000);
}

TEST_F(SpanRecorderTest, TakesWhatIsUnknownForUnspecifiedAndATimeBackwardsForNone) {
    start();
    record("", bare_span() + number(6, 77) + bytes(15, number(3, 9)) + fixed64(7, 10) + fixed64(8, 5));
    EXPECT_EQ(calls(), (Calls{{labels("", "", "UNSPECIFIED"), 1}}));
    EXPECT_EQ(metrics_->measured().begin()->second.nanoseconds, 0);
}

TEST_F(SpanRecorderTest, AnAttributeOfTheSpanComesBeforeOneOfTheResourceAndThatBeforeTheDefault) {
    options_.dimensions = {{"region", "nowhere"}};
    start();
    const auto region = [](const char* value) { return key_value("region", text_value(value)); };
    const std::string resource = bytes(1, key_value("other", number(3, 1))) + bytes(1, region("eu"));
    record("s", span("a", 0, bytes(9, region("us")) + bytes(9, region("second"))), resource);
    record("s", span("a"), resource);
    record("s", span("a"));
    Calls wanted;
    for (const char* value : {"us", "eu", "nowhere"}) {
        SeriesLabels of = labels("s", "a");
        of.emplace_back("region", value);
        wanted[of] = 1;
    }
    EXPECT_EQ(calls(), wanted);
}

TEST_F(SpanRecorderTest, ValuesOfAnyTypeAreTextAndThoseThatLookAlikeAreOneSeries) {
    options_.dimensions = {{"a", ""}, {"b", ""}};
    start();
    const auto with = [](const std::string& a, const std::string& b) {
        return span("x", 0, bytes(9, key_value("a", a)) + bytes(9, key_value("b", b)));
    };
    record("s", with(number(3, 7), number(2, 1)));
    record("s", with(varint(3 << 3) + padded_varint(7, 3), text_value("true")));
    record("s", with(text_value("ab"), text_value("c")));
    record("s", with(text_value("a"), text_value("bc")));
    record("s", with(bytes(5, bytes(1, number(3, 1))), ""));
    Calls wanted;
    const auto add = [&](const char* a, const char* b, uint64_t count) {
        SeriesLabels of = labels("s", "x");
        of.emplace_back("a", a);
        of.emplace_back("b", b);
        wanted[of] = count;
    };
    add("7", "true", 2);
    add("ab", "c", 1);
    add("a", "bc", 1);
    add("[1]", "", 1);
    EXPECT_EQ(calls(), wanted);
}

TEST_F(SpanRecorderTest, WhatIsBeyondALimitIsCountedInOneSeries) {
    options_.series_of_a_service = 3;
    options_.services = 2;
    options_.series = 5;
    start();
    for (const char* service : {"a", "b", "c", "d"}) {
        for (int i = 0; i < 10; ++i) record(service, span(std::to_string(i)));
    }
    for (int i = 0; i < 10; ++i) record("a", span("0"));  // is known
    Calls wanted;
    for (const char* name : {"0", "1", "2"}) wanted[labels("a", name)] = name[0] == '0' ? 11 : 1;
    for (const char* name : {"0", "1"}) wanted[labels("b", name)] = 1;
    wanted[{{"service.name", "a"}, {"otel.metric.overflow", "true"}}] = 7;
    wanted[{{"service.name", "b"}, {"otel.metric.overflow", "true"}}] = 8;
    wanted[{{"otel.metric.overflow", "true"}}] = 20;
    EXPECT_EQ(calls(), wanted);
}

TEST_F(SpanRecorderTest, AFloodOfNamesTakesNoMoreSeriesThanThereMayBe) {
    options_.services = 10;
    options_.series = 3000;
    start();
    for (uint32_t i = 0; i < 40'000; ++i)
        record("service-" + std::to_string(i % 100), span("name-" + std::to_string(i)));
    EXPECT_EQ(sum(), 40'000u);
    EXPECT_LE(recorder_->series().size(), options_.series + options_.services + 1);
}

TEST_F(SpanRecorderTest, LongTextsAreCutBetweenCharacters) {
    options_.dimensions = {{"d", ""}};
    start();
    const std::string text = std::string(255, 'x') + "\u00e9";
    const auto with = [&](const std::string& end) {
        return span(text + end, 0, bytes(9, key_value("d", text_value(text + end))));
    };
    record("s", with("1"));
    record("s", with(std::string(1 << 20, '2')));
    const auto measured = calls();
    ASSERT_EQ(measured.size(), 1u);
    EXPECT_EQ(measured.begin()->first[1].second, std::string(255, 'x'));
    EXPECT_EQ(measured.begin()->first[4].second.substr(0, 255), std::string(255, 'x'));
    EXPECT_EQ(measured.begin()->second, 2u);
}

TEST_F(SpanRecorderTest, ServicesOfTheSameNameOnceItIsCutAreOne) {
    start();
    const std::string longest(SeriesKey::kLongestText, 'x');
    record(longest + "1", span("a"));
    record(longest + std::string(60'000, '2'), span("a"));
    EXPECT_EQ(calls(), (Calls{{labels(longest, "a"), 2}}));
}

TEST_F(SpanRecorderTest, RefersToTheLastSpanOfEachBucket) {
    options_.exemplars = true;
    start();
    for (uint64_t i = 0; i < 100; ++i) {
        const uint64_t duration = i % 2 == 0 ? 1 : 3'000'000;
        record("s",
               bytes(1, trace_id(i)) + bytes(2, span_id(i)) + bytes(5, "a") + fixed64(7, i) + fixed64(8, i + duration));
    }
    const auto measured = metrics_->measured();
    const std::vector<Exemplar>& exemplars = measured.begin()->second.exemplars;
    ASSERT_EQ(exemplars.size(), 2u);
    const std::string fast = trace_id(98), slow = trace_id(99);
    EXPECT_TRUE(std::equal(fast.begin(), fast.end(), reinterpret_cast<const char*>(exemplars[0].trace_id.data())));
    EXPECT_TRUE(std::equal(slow.begin(), slow.end(), reinterpret_cast<const char*>(exemplars[1].trace_id.data())));
    EXPECT_EQ(exemplars[1].nanoseconds, 3'000'000u);
    EXPECT_EQ(exemplars[1].end_unix_nano, 3'000'099u);
}

TEST_F(SpanRecorderTest, IsReadWhileItMeasures) {
    options_.exemplars = true;
    options_.exponential = true;
    start();
    constexpr uint64_t kEach = 5000;
    SpanRecorder& other = metrics_->add_recorder();
    std::atomic<bool> done{false};
    std::thread reader([&] {
        uint64_t before = 0;
        while (!done.load()) {
            const uint64_t now = sum();
            EXPECT_GE(now, before);
            before = now;
            for (const auto& [labels, series] : metrics_->measured()) {
                // Both ids of an exemplar are made of one number.
                for (const Exemplar& exemplar : series.exemplars) {
                    uint64_t trace = 0, span = 0;
                    std::memcpy(&trace, exemplar.trace_id.data(), 8);
                    std::memcpy(&span, exemplar.span_id.data(), 8);
                    EXPECT_EQ(trace + 1, span);
                }
            }
        }
    });
    std::thread second([&] {
        const auto source = other.source("s", {});
        for (uint64_t i = 0; i < kEach; ++i) other.record(source, readable(span("a", i)));
    });
    for (uint64_t i = 0; i < kEach; ++i) {
        record("s", bytes(1, trace_id(i)) + bytes(2, span_id(i)) + bytes(5, "name-" + std::to_string(i % 500)) +
                        fixed64(8, i * i));
    }
    second.join();
    done.store(true);
    reader.join();
    EXPECT_EQ(sum(), 2 * kEach);
}

TEST(SpanMetricsTest, OperationsAreCountedWhateverIsConfigured) {
    for (const bool measures : {false, true}) {
        SpanMetrics metrics(measures ? std::optional(SpanMetricsOptions()) : std::nullopt, std::nullopt, true);
        const std::string failed = bytes(15, number(3, 2));
        for (SpanRecorder* recorder : {&metrics.add_recorder(), &metrics.add_recorder()}) {
            const SpanSource shop = recorder->source("shop", {});
            recorder->record(shop, readable(span("pay", 1'000'000)));
            recorder->record(shop, readable(span("pay", 1'000'000, failed)));
            recorder->record(recorder->source("stock", {}), readable(span("pay", 5)));
        }
        const OperationTable operations = metrics.operations();
        ASSERT_EQ(operations.size(), 2u);
        const OperationCounts& pay = operations.at({"shop", "pay"});
        EXPECT_EQ(pay.spans(), 4u);
        EXPECT_EQ(pay.errors, 2u);
        EXPECT_DOUBLE_EQ(pay.nanoseconds, 4e6);
        EXPECT_NEAR(static_cast<double>(pay.quantile(0.5)), 1e6, 4.6e4);
        EXPECT_EQ(metrics.measured().empty(), !measures);
    }
}

TEST(SpanMetricsTest, AMillionOperationsAreFewAndOthers) {
    SpanMetrics metrics(std::nullopt, std::nullopt, true);
    SpanRecorder& recorder = metrics.add_recorder();
    const SpanSource hostile = recorder.source("hostile", {});
    for (int i = 0; i < 3000; ++i) recorder.record(hostile, readable(span("name " + std::to_string(i))));
    recorder.record(recorder.source("shop", {}), readable(span("pay")));
    const OperationTable operations = metrics.operations();
    EXPECT_EQ(operations.size(), 1000u + 1 + 1);
    EXPECT_EQ(operations.at({"hostile", kOtherOperations}).spans(), 2000u);
    EXPECT_EQ(operations.at({"shop", "pay"}).spans(), 1u);
}

}  // namespace
}  // namespace spanring::agent
