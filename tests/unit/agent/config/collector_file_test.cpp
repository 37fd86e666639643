// SPDX-License-Identifier: Apache-2.0
//
// Files that were written for a Collector: what means the same is taken, what is not here is named.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "config/config.hpp"
#include "reload/restart_keys.hpp"
#include "support/config_loading.hpp"

namespace spanring::agent {
namespace {

using std::chrono::milliseconds;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

class CollectorFileTest : public test::ConfigTest {
protected:
    static std::string pipelines(const std::string& of) { return "service:\n  pipelines:\n" + of; }
};

constexpr char kGateway[] = R"(extensions:
  health_check: {endpoint: 0.0.0.0:13133, response_body: {healthy: all is well}}
  file_storage/queue: {directory: /var/spool/otel, fsync: true, timeout: 1s}
  zpages:
receivers:
  otlp:
    protocols:
      grpc: {endpoint: 127.0.0.1:4317, keepalive: {server_parameters: {max_connection_age: 1m}}}
      http: {endpoint: 127.0.0.1:4318}
  prometheus: {config: {scrape_configs: []}}
processors:
  memory_limiter: {check_interval: 1s, limit_mib: 4000}
  batch: {send_batch_size: 4096, send_batch_max_size: 8192, timeout: 1s}
  tail_sampling:
    decision_wait: 10s
    expected_new_traces_per_sec: 100
    policies: [{name: errors, type: status_code, status_code: {status_codes: [ERROR]}}]
  attributes/drop: {actions: [{key: a, action: delete}]}
  resource: {attributes: [{key: b, value: c, action: upsert}]}
  filter/health: {spans: {exclude: {match_type: strict, span_names: [/health]}}, error_mode: ignore}
  redaction: {allow_all_keys: true, blocked_values: ["4[0-9]{12}"], summary: debug}
exporters:
  otlp/backend:
    endpoint: https://backend:4317
    sending_queue: {enabled: true, num_consumers: 4, queue_size: 5000, storage: file_storage/queue}
  otlphttp:
    endpoint: https://other
    sending_queue: {sizer: bytes, queue_size: 100000000}
  prometheusremotewrite: {endpoint: http://x}
connectors:
  spanmetrics: {metrics_flush_interval: 15s, aggregation_temporality: AGGREGATION_TEMPORALITY_CUMULATIVE}
  servicegraph:
service:
  extensions: [health_check, file_storage/queue, zpages]
  telemetry:
    logs: {level: info, encoding: json}
    metrics: {level: detailed, readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: 8888}}}}]}
  pipelines:
    traces/measure: {receivers: [otlp], processors: [memory_limiter], exporters: [spanmetrics, servicegraph]}
    traces/one:
      receivers: [otlp]
      processors: [memory_limiter, tail_sampling, attributes/drop, resource, filter/health, redaction, batch]
      exporters: [otlp/backend]
    traces/two:
      receivers: [otlp]
      processors: [memory_limiter, tail_sampling, attributes/drop, resource, filter/health, redaction, batch]
      exporters: [otlphttp]
    metrics: {receivers: [spanmetrics, prometheus], exporters: [prometheusremotewrite]}
)";

TEST_F(CollectorFileTest, AGatewaysFileLoadsAndSaysWhatHasNoEffect) {
    const LoadedConfig loaded = load(kGateway);
    ASSERT_THAT(loaded.problems, IsEmpty());
    const Config& config = loaded.config;
    EXPECT_THAT(config.pipeline.receivers, ElementsAre("spanring", "otlp"));
    EXPECT_THAT(config.pipeline.processors,
                ElementsAre("tail_sampling", "attributes/drop", "resource", "filter/health", "redaction", "batch"));
    EXPECT_THAT(config.pipeline.exporters, ElementsAre("otlp/backend", "otlphttp", "spanmetrics", "servicegraph"));
    EXPECT_EQ(config.batch.send_batch_size, 4096u);
    ASSERT_EQ(config.exporters.size(), 2u);
    EXPECT_EQ(config.exporters[0].otlp.spool.directory, "/var/spool/otel/otlp~backend");
    EXPECT_TRUE(config.exporters[0].otlp.spool.fsync);
    EXPECT_EQ(config.exporters[0].otlp.queue_bytes, OtlpOptions().queue_bytes);
    EXPECT_EQ(config.exporters[0].otlp.in_flight, 4u);
    EXPECT_EQ(config.exporters[1].http.queue_bytes, 100'000'000u);
    EXPECT_EQ(loaded.origins.at("exporters.otlp/backend.spool.directory"), at(3, 35).substr(0, at(3, 35).size() - 2));
    const auto warned = [&](int line, int column, const std::string& what) {
        return Contains(AllOf(StartsWith(at(line, column)), HasSubstr(what)));
    };
    EXPECT_THAT(loaded.warnings, warned(2, 43, "extensions.health_check.response_body: has no effect"));
    ASSERT_TRUE(config.health_check);
    EXPECT_EQ(config.health_check->address.text(), "0.0.0.0:13133");
    EXPECT_EQ(config.log_encoding, LogEncoding::kJson);
    EXPECT_THAT(loaded.warnings, warned(3, 65, "extensions.file_storage/queue.timeout: has no effect"));
    EXPECT_THAT(loaded.warnings, warned(4, 3, "extensions.zpages: has no effect"));
    EXPECT_THAT(loaded.warnings, warned(8, 40, "receivers.otlp.protocols.grpc.keepalive: has no effect"));
    EXPECT_THAT(loaded.warnings, warned(12, 3, "processors.memory_limiter: has no effect"));
    EXPECT_THAT(loaded.warnings, warned(16, 5, "processors.tail_sampling.expected_new_traces_per_sec: has no effect"));
    EXPECT_THAT(loaded.warnings, warned(25, 66, "exporters.otlp/backend.sending_queue.queue_size: has no effect"));
    EXPECT_THAT(loaded.warnings, warned(48, 5, "service.pipelines.metrics: is left out"));
    EXPECT_EQ(print_config(load(print_config(config)).config), print_config(config));
}

constexpr char kConditions[] = R"(receivers:
  otlp: {protocols: {grpc: {endpoint: 127.0.0.1:4317}}}
processors:
  filter/health:
    error_mode: ignore
    traces:
      span:
        - attributes["http.route"] == "/health" and kind == SPAN_KIND_SERVER
        - IsMatch(resource.attributes["k8s.pod.name"], "^canary-")
  filter/newer:
    trace_conditions: ['span.attributes["container.name"] == "app_1"', 'resource.attributes["host.name"] == "a"']
  tail_sampling:
    policies:
      - {name: broken, type: ottl_condition, ottl_condition: {error_mode: ignore, span: ['status.code == STATUS_CODE_ERROR']}}
      - name: slow checkouts
        type: and
        and:
          and_sub_policy:
            - {name: slow, type: latency, latency: {threshold_ms: 500}}
            - {name: not health, type: not, not: {not_sub_policy: {name: health, type: string_attribute, string_attribute: {key: http.route, values: [/health]}}}}
      - name: shared
        type: composite
        composite:
          max_total_spans_per_second: 1000
          policy_order: [slow, rest]
          composite_sub_policy:
            - {name: rest, type: always_sample}
            - {name: slow, type: and, and: {and_sub_policy: [{name: one, type: latency, latency: {threshold_ms: 100}}]}}
          rate_allocation: [{policy: slow, percent: 50}, {policy: rest, percent: 25}]
      - {name: noise, type: drop, drop: {drop_sub_policy: [{name: health, type: string_attribute, string_attribute: {key: http.route, values: [/health]}}]}}
exporters:
  otlp: {endpoint: https://backend:4317}
service:
  pipelines:
    traces: {receivers: [otlp], processors: [tail_sampling, filter/health, filter/newer], exporters: [otlp]}
)";

TEST_F(CollectorFileTest, ConditionsAndPoliciesOfPoliciesAreTaken) {
    const LoadedConfig loaded = load(kConditions);
    ASSERT_THAT(loaded.problems, IsEmpty());
    const Config& config = loaded.config;
    ASSERT_EQ(config.processors.size(), 2u);
    EXPECT_EQ(config.processors[0].filter.conditions.size(), 2u);
    EXPECT_EQ(config.processors[1].filter.conditions.size(), 2u);
    ASSERT_EQ(config.tail_sampling.policies.size(), 4u);
    EXPECT_EQ(config.tail_sampling.policies[0].conditions.size(), 1u);
    ASSERT_EQ(config.tail_sampling.policies[1].parts.size(), 2u);
    EXPECT_EQ(config.tail_sampling.policies[1].parts[1].parts.at(0).name, "health");
    EXPECT_THAT(config.tail_sampling.policies[2].policy_order, ElementsAre("slow", "rest"));
    EXPECT_EQ(config.tail_sampling.policies[2].rates.at(1).percent, 25u);
    const LoadedConfig again = load(print_config(config));
    EXPECT_THAT(again.problems, IsEmpty());
    EXPECT_EQ(again.config.tail_sampling, config.tail_sampling);
    EXPECT_EQ(again.config.processors, config.processors);
}

TEST_F(CollectorFileTest, AChangeInsideAPolicyIsNamed) {
    const Config config = load(kConditions).config;
    Config other = config;
    other.tail_sampling.policies[1].parts[1].parts[0].string_attribute.values = {"/other"};
    EXPECT_THAT(keys_to_begin_anew(config, other),
                ElementsAre("processors.tail_sampling.policies[1].and.and_sub_policy[1].not.not_sub_policy."
                            "string_attribute.values"));
}

TEST_F(CollectorFileTest, PoliciesUnderTheNameOfAnotherTypeAreNotInside) {
    const LoadedConfig loaded = load("processors: {tail_sampling: {policies: [{name: a, type: and, "
                                     "and: {and_sub_policy: [{name: b, type: unfinished}]}, "
                                     "drop: {drop_sub_policy: [{name: c, type: always_sample}]}}]}}\n");
    EXPECT_THAT(loaded.problems, IsEmpty());
    ASSERT_EQ(loaded.config.tail_sampling.policies.at(0).parts.size(), 1u);
    EXPECT_EQ(loaded.config.tail_sampling.policies[0].parts[0].name, "b");
}

TEST_F(CollectorFileTest, WhatIsWrongWithPoliciesOfPoliciesIsSaidWithItsPlace) {
    const auto problem = [this](const std::string& policy) {
        return load("processors: {tail_sampling: {policies: [{name: a, " + policy + "}]}}\n").problems;
    };
    const std::string here = "processors.tail_sampling: policies[0]: ";
    EXPECT_THAT(problem("type: and"), ElementsAre(HasSubstr(here + "and.and_sub_policy: there must be one")));
    EXPECT_THAT(problem("type: not"), ElementsAre(HasSubstr(here + "not: must say not_sub_policy")));
    EXPECT_THAT(problem("type: not, not: {not_sub_policy: {name: b}}"),
                ElementsAre(HasSubstr("policies[0].not.not_sub_policy: must say type")));
    EXPECT_THAT(problem("type: and, and: {and_sub_policy: [{type: always_sample}, {type: span_name}]}"),
                ElementsAre(HasSubstr(here + "and.and_sub_policy[1]: span_name: must say values")));
    EXPECT_THAT(problem("type: and, and: {and_sub_policy: [{type: drop, drop: {drop_sub_policy: [{type: never}]}}]}"),
                ElementsAre(HasSubstr(here + "and.and_sub_policy[0]: type: 'drop' is not inside another")));
    EXPECT_THAT(problem("type: ottl_condition"), ElementsAre(HasSubstr(here + "ottl_condition: must say span")));
    EXPECT_THAT(problem("type: ottl_condition, ottl_condition: {span: ['name = 1']}"),
                ElementsAre(HasSubstr(here + "ottl_condition.span[0]: column 6: '=' compares nothing")));
    EXPECT_THAT(problem("type: ottl_condition, ottl_condition: {span: ['true'], spanevent: ['true']}"),
                ElementsAre(HasSubstr("policies[0].ottl_condition: unknown key 'spanevent'")));
    const auto composite = [&](const std::string& more) {
        return problem("type: composite, composite: {composite_sub_policy: [{name: b, type: always_sample}], " + more +
                       "}");
    };
    EXPECT_THAT(composite(""), ElementsAre(HasSubstr(here + "composite: must say max_total_spans_per_second")));
    EXPECT_THAT(composite("max_total_spans_per_second: 1, policy_order: [c]"),
                ElementsAre(HasSubstr(here + "composite.policy_order: no part is called 'c'")));
    EXPECT_THAT(composite("max_total_spans_per_second: 1, rate_allocation: [{policy: d, percent: 1}]"),
                ElementsAre(HasSubstr(here + "composite.rate_allocation: no part is called 'd'")));
}

TEST_F(CollectorFileTest, WhatWouldMeanSomethingElseIsRefusedWithItsPlace) {
    const auto problems = [this](const std::string& file) { return load(file).problems; };
    EXPECT_THAT(problems("receivers:\n  otlp:\n    protocols:\n      grpc:\n        tls: {cipher_suites: [c]}\n"),
                ElementsAre(StartsWith(at(5, 15) + "receivers.otlp.protocols.grpc.tls.cipher_suites: is not here: ")));
    EXPECT_THAT(problems("processors:\n  batch: {metadata_keys: [a]}\n"),
                ElementsAre(StartsWith(at(2, 11) + "processors.batch.metadata_keys: is not here: ")));
    EXPECT_THAT(problems("processors:\n  probabilistic_sampler: {sampling_percentage: 110}\n"),
                ElementsAre(StartsWith(at(2, 48) + "processors.probabilistic_sampler.sampling_percentage: ")));
    EXPECT_THAT(problems("processors:\n  probabilistic_sampler: {mode: other}\n"),
                ElementsAre(StartsWith(at(2, 33) + "processors.probabilistic_sampler.mode: ")));
    EXPECT_THAT(problems("processors:\n  filter: {traces: {span: ['true'], spanevent: ['name == \"x\"']}}\n"),
                ElementsAre(StartsWith(at(2, 37) + "processors.filter.traces.spanevent: is not here: ")));
    EXPECT_THAT(problems("processors:\n  filter: {trace_conditions: ['true'], traces: {span: ['false']}}\n"),
                ElementsAre(StartsWith(at(2, 12) + "processors.filter.trace_conditions: is not said beside")));
    EXPECT_THAT(problems("processors:\n  filter: {spans: {include: {services: [a]}}}\n"),
                Contains(StartsWith(at(2, 20) + "processors.filter.spans.include: is not here")));
    EXPECT_THAT(problems("processors:\n  batch: {send_batch_size: 10, send_batch_max_size: 5}\n"),
                ElementsAre(StartsWith(at(2, 53) + "processors.batch.send_batch_max_size: is less than")));
    EXPECT_THAT(problems("connectors:\n  spanmetrics: {aggregation_temporality: AGGREGATION_TEMPORALITY_DELTA}\n"),
                ElementsAre(StartsWith(at(2, 42) + "connectors.spanmetrics.aggregation_temporality: is not here")));
    EXPECT_THAT(problems("exporters:\n  jaeger: {endpoint: a}\n"),
                ElementsAre(StartsWith(at(2, 3) + "exporters: unknown exporter 'jaeger'")));
    EXPECT_THAT(problems("exporters:\n  otlp: {sending_queue: {storage: file_storage}}\n"),
                ElementsAre(StartsWith(at(2, 35) + "exporters.otlp.sending_queue.storage: 'file_storage' is not a")));
    EXPECT_THAT(problems(pipelines("    logs: {receivers: [otlp], exporters: [debug]}\n")),
                ElementsAre(StartsWith(at(3, 5) + "service.pipelines: none of them is of traces")));
}

TEST_F(CollectorFileTest, LogsAndMetricsGoWhereTheyCan) {
    const LoadedConfig loaded = load(
        "receivers: {otlp: {protocols: {grpc: }}, filelog: {include: [/x]}}\n"
        "processors: {batch: , memory_limiter: {limit_mib: 1}, resource: {attributes: [{key: a, action: delete}]}}\n"
        "exporters: {otlp: {endpoint: 'http://b:1'}, otlphttp/logs: {endpoint: 'http://l', logs_endpoint: "
        "'http://l/in'}, debug: }\n" +
        pipelines("    traces: {receivers: [otlp], processors: [resource], exporters: [otlp]}\n"
                  "    logs/a: {receivers: [otlp, filelog], processors: [memory_limiter, batch], exporters: [debug, "
                  "otlphttp/logs]}\n"
                  "    logs/b: {receivers: [otlp], exporters: [otlp]}\n"
                  "    metrics: {receivers: [otlp], processors: [resource], exporters: [otlp]}\n"));
    ASSERT_THAT(loaded.problems, IsEmpty());
    const Config& config = loaded.config;
    EXPECT_TRUE(config.log_pipeline.enabled);
    EXPECT_FALSE(config.metric_pipeline.enabled);
    EXPECT_THAT(config.log_pipeline.exporters, ElementsAre("otlphttp/logs", "otlp"));
    ASSERT_EQ(config.exporters.size(), 1u) << "those of traces";
    EXPECT_THAT(loaded.warnings, Contains(HasSubstr("'filelog' is left out")));
    EXPECT_THAT(loaded.warnings, Contains(HasSubstr("service.pipelines.logs/a.exporters: 'debug' is left out")));
    EXPECT_THAT(loaded.warnings, Contains(HasSubstr("service.pipelines.metrics: is left out: 'resource'")));
    const std::vector<ExporterConfig> made = exporters_of(config, Signal::kLogs);
    ASSERT_EQ(made.size(), 2u);
    EXPECT_EQ(made[0].id, "logs/otlphttp/logs");
    EXPECT_EQ(made[0].name_in_file(), "otlphttp/logs");
    EXPECT_EQ(made[0].http.traces_endpoint, "http://l/in");
    EXPECT_EQ(made[1].otlp.signal, Signal::kLogs);
    EXPECT_EQ(made[1].otlp.spool.directory, config.state_directory + "/logs/spool/otlp");
    EXPECT_NE(made[1].otlp.spool.directory, config.exporters[0].otlp.spool.directory);
    EXPECT_EQ(print_config(load(print_config(config)).config), print_config(config));
}

TEST_F(CollectorFileTest, WhatConnectorsMeasureGoesToAPipelineOfMetrics) {
    const LoadedConfig loaded = load(
        "exporters: {otlp: {endpoint: 'http://b:1'}}\nconnectors: {spanmetrics/red: {metrics_flush_interval: 5s}}\n" +
        pipelines("    traces: {exporters: [otlp, spanmetrics/red]}\n"
                  "    metrics: {receivers: [spanmetrics/red], exporters: [otlp]}\n"));
    EXPECT_THAT(loaded.problems, IsEmpty());
    EXPECT_TRUE(pushes(loaded.config, kSpanMetrics));
    EXPECT_FALSE(pushes(loaded.config, kServiceGraph));
    EXPECT_EQ(loaded.config.span_metrics_interval, milliseconds(5000));
    EXPECT_FALSE(loaded.config.otlp.enabled());
    EXPECT_EQ(print_config(load(print_config(loaded.config)).config), print_config(loaded.config));
}

TEST_F(CollectorFileTest, AConnectorThatMeasuresNothingIsTold) {
    EXPECT_THAT(load("exporters: {otlp: }\nconnectors: {spanmetrics: }\n" +
                     pipelines("    traces: {exporters: [otlp]}\n"
                               "    metrics: {receivers: [spanmetrics], exporters: [otlp]}\n"))
                    .problems,
                ElementsAre(HasSubstr("'spanmetrics' is not among the exporters of traces")));
}

TEST_F(CollectorFileTest, APipelineOfLogsMustBePossible) {
    const std::string before =
        "receivers: {otlp: {protocols: {grpc: }}}\nexporters: {otlphttp: {encoding: json}, otlp: }\n";
    EXPECT_THAT(load(before + pipelines("    logs: {receivers: [otlp], exporters: [otlphttp]}\n")).problems,
                ElementsAre(StartsWith(at(2, 34) + "exporters.otlphttp.encoding: json carries spans alone")));
    EXPECT_THAT(load(before + pipelines("    logs: {receivers: [otlp], exporters: [nobody]}\n")).problems,
                ElementsAre(HasSubstr("'nobody' is not defined under 'exporters'")));
    EXPECT_THAT(load("exporters: {otlp: }\n" + pipelines("    logs: {exporters: [otlp]}\n")).problems,
                ElementsAre(HasSubstr("there is no receiver 'otlp'")));
}

TEST_F(CollectorFileTest, PipelinesThatCannotBeOneAreRefused) {
    const std::string components =
        "receivers: {otlp: {protocols: {http: }}}\nprocessors: {batch: , resource: {attributes: "
        "[{key: a, action: delete}]}}\nexporters: {debug: , store: }\n";
    EXPECT_THAT(
        load(components +
             pipelines("    traces: {receivers: [otlp], processors: [batch], exporters: [debug]}\n"
                       "    traces/b: {receivers: [otlp], processors: [resource, batch], exporters: [store]}\n"))
            .problems,
        ElementsAre(StartsWith(at(7, 5) + "service.pipelines.traces/b: has other processors than 'traces'")));
    EXPECT_THAT(load(components + pipelines("    traces: {receivers: [otlp], exporters: [debug]}\n"
                                            "    traces/b: {receivers: [spanring], exporters: [store]}\n"))
                    .problems,
                ElementsAre(StartsWith(at(7, 5) + "service.pipelines.traces/b: has other receivers than 'traces'")));
    const LoadedConfig one = load(components + pipelines("    traces/only: {receivers: [otlp], exporters: [debug]}\n"));
    EXPECT_THAT(one.problems, IsEmpty());
    EXPECT_THAT(one.config.pipeline.exporters, ElementsAre("debug"));
}

TEST_F(CollectorFileTest, OfSomeTypesThereIsOneAndItMayHaveAnyName) {
    const std::string two = "receivers:\n  otlp/a: {protocols: {http: {endpoint: '127.0.0.1:5'}}}\n"
                            "  otlp/b: {protocols: {http: {endpoint: '127.0.0.1:6'}}}\nexporters: {debug: }\n";
    const auto traces = [&](const std::string& receivers) {
        return load(two + pipelines("    traces: {receivers: [" + receivers + "], exporters: [debug]}\n"));
    };
    EXPECT_THAT(
        traces("otlp/a, otlp/b").problems,
        ElementsAre(StartsWith(at(3, 3) + "receivers.otlp/b: there can be one of this type, and 'otlp/a' is it")));
    const LoadedConfig second = traces("otlp/b");
    ASSERT_THAT(second.problems, IsEmpty());
    EXPECT_EQ(second.config.otlp.http.endpoint.text(), "127.0.0.1:6");
    EXPECT_TRUE(second.config.otlp.http.enabled);
    EXPECT_THAT(load("processors: {batch: {timeout: 1s}, batch/b: {timeout: 2s}}\n").problems,
                ElementsAre(HasSubstr("processors.batch/b: there can be one of this type")));
}

TEST_F(CollectorFileTest, ABatchOfQueuesIsTheOneBatch) {
    const auto two = [this](const std::string& first, const std::string& second) {
        return load("exporters:\n  otlp: {sending_queue: {batch: " + first +
                    "}}\n  otlphttp: {sending_queue: {batch: " + second + "}}\n");
    };
    const std::string same = "{flush_timeout: 3s, min_size: 100, max_size: 200}";
    const LoadedConfig loaded = two(same, same);
    ASSERT_THAT(loaded.problems, IsEmpty());
    EXPECT_EQ(loaded.config.batch.timeout, milliseconds(3000));
    EXPECT_EQ(loaded.config.batch.send_batch_size, 100u);
    EXPECT_EQ(loaded.origins.at("processors.batch.timeout"), file_ + ":2:49");
    EXPECT_THAT(
        two(same, "{flush_timeout: 4s}").problems,
        ElementsAre(StartsWith(at(3, 37) + "exporters.otlphttp.sending_queue.batch: differs from exporters.otlp")));
    EXPECT_EQ(
        two("{sizer: bytes, min_size: 1000000}", "{sizer: bytes, min_size: 1000000}").config.batch.send_batch_max_bytes,
        1'000'000u);
    EXPECT_THAT(two("{flush_timout: 1s}", same).problems, Contains(HasSubstr("did you mean 'flush_timeout'?")));
}

TEST_F(CollectorFileTest, WhatIsOursIsLeftAlone) {
    const LoadedConfig loaded =
        load("receivers: {spanring: }\nexporters:\n  otlp_grpc: {sending_queue: {queue_size: 64MiB, sizer: bytes}, "
             "spool: {directory: /a}}\n"
             "  store:\nprocessors:\n  batch:\n" +
             pipelines("    traces: {receivers: [spanring], processors: [batch], exporters: [store, otlp_grpc]}\n"));
    EXPECT_THAT(loaded.problems, IsEmpty());
    EXPECT_THAT(loaded.warnings, IsEmpty());
    EXPECT_EQ(loaded.config.exporters[1].otlp.spool.directory, "/a");
}

}  // namespace
}  // namespace spanring::agent
