// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/config.hpp"
#include "support/config_loading.hpp"

namespace spanring::agent {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

using ConnectorsTest = test::ConfigTest;

constexpr char kMetrics[] = "service: {telemetry: {metrics: {address: 8888}}}\n";

TEST_F(ConnectorsTest, AreOffUnlessTheyAreThere) {
    EXPECT_FALSE(load("exporters: {store: }\n").config.measures_spans);
    const LoadedConfig loaded = load("exporters: {store: }\nconnectors: {spanmetrics: }\n" + std::string(kMetrics));
    EXPECT_THAT(loaded.problems, IsEmpty());
    EXPECT_THAT(loaded.warnings, IsEmpty());
    EXPECT_TRUE(loaded.config.measures_spans);
    EXPECT_EQ(loaded.config.span_metrics, SpanMetricsOptions());
}

TEST_F(ConnectorsTest, AreNamedAmongTheExportersOfAPipeline) {
    const std::string file = "exporters: {store: }\nconnectors: {spanmetrics: }\n";
    const auto with = [&](const std::string& exporters) {
        return load(file + "service: {pipelines: {traces: {exporters: [" + exporters +
                    "]}}, telemetry: {metrics: {address: 8888}}}\n");
    };
    EXPECT_TRUE(with("store, spanmetrics").config.measures_spans);
    EXPECT_THAT(with("store, spanmetrics").config.pipeline.exporters, ElementsAre("store", "spanmetrics"));
    EXPECT_FALSE(with("store").config.measures_spans);
    EXPECT_THAT(with("spanmetrics").problems, ElementsAre(HasSubstr("must be an exporter beside connectors")));
    EXPECT_THAT(
        load("exporters: {store: }\nservice: {pipelines: {traces: {exporters: [store, spanmetrics]}}}\n").problems,
        ElementsAre(HasSubstr("'spanmetrics' is not defined")));
}

TEST_F(ConnectorsTest, AreReadAsTheyArePrinted) {
    for (const char* histogram : {"{unit: s, explicit: {buckets: [1ms, 1m]}}", "{exponential: {max_size: 160}}",
                                  "{exponential: }", "{disable: true}"}) {
        const LoadedConfig first =
            load(std::string(kMetrics) + "exporters: {store: }\nconnectors:\n  spanmetrics:\n" +
                 "    namespace: red\n    dimensions: [{name: a, default: b}, {name: 'c$$d'}]\n" +
                 "    exemplars: {enabled: true, max_per_data_point: 2}\n    histogram: " + histogram + "\n");
        ASSERT_THAT(first.problems, IsEmpty());
        EXPECT_EQ(first.config.span_metrics.dimensions, (std::vector<Dimension>{{"a", "b"}, {"c$d", ""}}));
        const LoadedConfig again = load(print_config(first.config));
        EXPECT_THAT(again.problems, IsEmpty());
        EXPECT_TRUE(again.config == first.config) << print_config(first.config);
    }
    EXPECT_THAT(print_config(load("exporters: {store: }\n").config), Not(HasSubstr("connectors")));
}

TEST_F(ConnectorsTest, SayWhatIsWrongAndWhere) {
    const auto problems = [&](const std::string& keys) {
        return load(std::string(kMetrics) + "connectors:\n  spanmetrics:\n    " + keys + "\n").problems;
    };
    EXPECT_THAT(
        problems("histogram: {explicit: {buckets: [1ms, soon]}}"),
        ElementsAre(HasSubstr(":4:37: connectors.spanmetrics.histogram.explicit.buckets: 'soon' is not a duration")));
    EXPECT_THAT(problems("histogram: {explicit: {buckets: [2ms, 1ms]}}"),
                ElementsAre(HasSubstr("'1ms' is not longer")));
    EXPECT_THAT(problems("histogram: {explicit: {buckets: [0s]}}"),
                ElementsAre(HasSubstr("'0s' is not longer than 0")));
    EXPECT_THAT(problems("histogram: {explicit: {buckets: []}}"), ElementsAre(HasSubstr("from 1 to 200")));
    EXPECT_THAT(problems("histogram: {explicit: {buckets: [1s]}, exponential: }"), ElementsAre(HasSubstr("only one")));
    EXPECT_THAT(problems("dimensions: [{default: x}]"), Contains(HasSubstr("must say name")));
    EXPECT_THAT(problems("dimensions: [{name: http.route}, {name: http_route}]"),
                ElementsAre(HasSubstr("'http_route' would be a second label http_route")));
    EXPECT_THAT(problems("dimensions: [{name: span.name}]"), ElementsAre(HasSubstr("second label span_name")));
    EXPECT_THAT(problems("dimension: []"), ElementsAre(HasSubstr("did you mean 'dimensions'?")));
    EXPECT_THAT(load("connectors: {spanmetric: }\n").problems, ElementsAre(HasSubstr("did you mean 'spanmetrics'?")));
}

TEST_F(ConnectorsTest, SayWhereNobodyCanReadThem) {
    EXPECT_THAT(load("connectors: {spanmetrics: }\n").warnings,
                ElementsAre(HasSubstr("nobody can read their metrics")));
}

}  // namespace
}  // namespace spanring::agent
