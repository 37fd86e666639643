// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/config.hpp"
#include "support/config_loading.hpp"

namespace spanring::agent {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using ProcessorsTest = test::ConfigTest;

constexpr char kTwo[] =
    "exporters: {store: }\nprocessors:\n  batch:\n  filter/health:\n    spans: [{span_names: [a]}]\n"
    "  attributes:\n    actions: [{action: delete, key: secret}]\n";

std::string pipeline(const std::string& processors) {
    return "service: {pipelines: {traces: {processors: [" + processors + "]}}}\n";
}

TEST_F(ProcessorsTest, AreAllAtWorkWhereNoPipelineSaysOtherwise) {
    const Config config = load(kTwo).config;
    ASSERT_EQ(config.processors.size(), 2u);
    EXPECT_EQ(config.processors[0].id, "filter/health");
    EXPECT_EQ(config.processors[0].type, ProcessorType::kFilter);
    EXPECT_THAT(config.pipeline.processors, ElementsAre("filter/health", "attributes", "batch"));
    EXPECT_THAT(load("exporters: {store: }\n").config.pipeline.processors, ElementsAre("batch"));
}

TEST_F(ProcessorsTest, GoInTheOrderOfThePipeline) {
    const LoadedConfig loaded = load(kTwo + pipeline("attributes, filter/health, batch"));
    EXPECT_THAT(loaded.problems, IsEmpty());
    EXPECT_THAT(loaded.config.pipeline.processors, ElementsAre("attributes", "filter/health", "batch"));
    EXPECT_EQ(loaded.config.processors[0].type, ProcessorType::kAttributes);
    EXPECT_THAT(load(kTwo + pipeline("attributes")).config.processors, testing::SizeIs(1));
}

TEST_F(ProcessorsTest, ArePrintedAsTheyAreRead) {
    const LoadedConfig loaded =
        load("exporters: {store: }\nprocessors:\n  attributes:\n    actions:\n"
             "      - {action: insert, key: a, value: '1', value_type: string}\n"
             "      - {action: hash, pattern: '^x$$'}\n    include: {match_type: regexp, span_names: ['^GET ']}\n"
             "  resource: {attributes: [{action: upsert, key: zone, value: '${env:HOME}'}]}\n"
             "  filter: {spans: [{services: [shop], attributes: [{key: k, value: v}], max_duration: 5ms}]}\n"
             "  filter/conditions: {error_mode: silent, traces: {span: ['IsMatch(name, \"^a$$\")', 'kind == 2']}}\n"
             "  redaction: {allowed_keys: [a], blocked_key_patterns: ['^x$$'], blocked_values: [s, t]}\n"
             "  transform: {span_names: [{pattern: '/(\\d+)', replacement: '/$${1}'}]}\n"
             "  limits: {attribute_count_limit: 3}\n");
    EXPECT_THAT(loaded.problems, IsEmpty());
    EXPECT_EQ(loaded.config.processors[1].resource.actions[0].value, "/home/somebody");
    const LoadedConfig again = load(print_config(loaded.config));
    EXPECT_THAT(again.problems, IsEmpty());
    EXPECT_EQ(again.config.processors, loaded.config.processors);
}

TEST_F(ProcessorsTest, SayWhatIsWrongWithThem) {
    const auto problems = [&](const std::string& processor) {
        return load("exporters: {store: }\nprocessors:\n  " + processor + "\n").problems;
    };
    EXPECT_THAT(problems("filtre: {}"), ElementsAre(HasSubstr("unknown processor 'filtre', did you mean 'filter'?")));
    EXPECT_THAT(problems("filter: {}"),
                ElementsAre(HasSubstr("processors.filter: filter: must say spans or traces.span")));
    EXPECT_THAT(problems("filter/a: {spans: [{match_type: regexp, span_names: ['(']}]}"),
                ElementsAre(HasSubstr("processors.filter/a: spans[0]: '(' is not a regular expression")));
    EXPECT_THAT(
        problems("filter: {traces: {span: ['name == \"x\"', 'nam == nil']}}"),
        ElementsAre(HasSubstr("processors.filter: traces.span[1]: column 1: the field 'nam' is not here, did you "
                              "mean 'name'?")));
    EXPECT_THAT(problems("filter: {error_mode: log, traces: {span: ['true']}}"),
                ElementsAre(HasSubstr("processors.filter.error_mode: ")));
    EXPECT_THAT(problems("attributes: {actions: [{action: insert, key: a}]}"),
                ElementsAre(HasSubstr("actions[0]: insert needs either value or from_attribute")));
    EXPECT_THAT(problems("resource: {attributes: [{key: a}]}"), testing::Contains(HasSubstr("must say action")));
    EXPECT_THAT(problems("filter: {spans: [{span_kinds: [server, sever]}]}"),
                testing::Contains(HasSubstr("'sever' is not one of: unspecified, internal, server")));
    EXPECT_THAT(problems("transform: {span_names: [{pattern: a, replacement: '$${1}'}]}"),
                ElementsAre(HasSubstr("processors.transform: span_names[0]: '${1}'")));
    EXPECT_THAT(problems("redaction: {blocked_values: ['(']}"), ElementsAre(HasSubstr("'(' is not a regular")));
    EXPECT_THAT(problems("limits: {}"), ElementsAre(HasSubstr("processors.limits: limits: must say one")));
}

}  // namespace
}  // namespace spanring::agent
