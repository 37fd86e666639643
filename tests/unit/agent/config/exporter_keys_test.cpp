// SPDX-License-Identifier: Apache-2.0
//
// What is said of an exporter beside where it sends to.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/config.hpp"
#include "reload/restart_keys.hpp"
#include "support/config_loading.hpp"

namespace spanring::agent {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

using ExporterKeysTest = test::ConfigTest;

TEST_F(ExporterKeysTest, ARateIsReadAsItIsPrinted) {
    const LoadedConfig loaded =
        load("exporters: {otlp_grpc: {rate_limit: {requests_per_second: 20, bytes_per_second: 1MiB}}}\n");
    ASSERT_THAT(loaded.problems, IsEmpty());
    const RateLimitOptions wanted{.requests_per_second = 20, .bytes_per_second = 1 << 20};
    EXPECT_EQ(loaded.config.exporters.at(0).otlp.rate_limit, wanted);
    EXPECT_TRUE(load(print_config(loaded.config)).config == loaded.config);
    EXPECT_EQ(load("exporters: {otlp_grpc: }\n").config.exporters.at(0).otlp.rate_limit, RateLimitOptions());
}

TEST_F(ExporterKeysTest, ForBestEffortNothingIsKept) {
    const LoadedConfig loaded =
        load("exporters: {otlp_http: {best_effort: true}, file: {path: /x, best_effort: true}, store: }\n");
    ASSERT_THAT(loaded.problems, IsEmpty());
    const std::vector<ExporterConfig>& exporters = loaded.config.exporters;
    EXPECT_FALSE(exporters.at(0).required());
    EXPECT_FALSE(exporters.at(0).http.spool.enabled);
    EXPECT_EQ(exporters.at(0).waiting_bytes(), std::nullopt);
    EXPECT_FALSE(exporters.at(1).required());
    EXPECT_TRUE(exporters.at(2).required());
    EXPECT_TRUE(load(print_config(loaded.config)).config == loaded.config);
    EXPECT_THAT(load("exporters: {otlp_grpc: {zero_copy: same_user}, store: {best_effort: true}}\n").problems,
                ElementsAre(HasSubstr(at(1, 69) + "exporters.store.best_effort: cannot be with zero_copy")));
}

TEST_F(ExporterKeysTest, WhetherAnExporterIsWaitedForChangesWhereTheAgentBeginsAnew) {
    const auto config = [&](const char* more) {
        return load(std::string("exporters: {otlp_http: {") + more + "}, store: }\n").config;
    };
    EXPECT_THAT(keys_to_begin_anew(config(""), config("best_effort: true")),
                ElementsAre("exporters.otlp_http.best_effort"));
    const auto of_logs = [&](const std::string& key) {
        return load("receivers: {otlp: {protocols: {http: }}}\nexporters: {file: {path: /x}, otlp_http: {" + key +
                    "}}\nservice: {pipelines: {traces: {exporters: [file]}, "
                    "logs: {receivers: [otlp], exporters: [otlp_http]}}}\n")
            .config;
    };
    EXPECT_THAT(keys_to_begin_anew(of_logs(""), of_logs("best_effort: true")),
                ElementsAre("exporters.otlp_http.best_effort"));
    EXPECT_THAT(keys_to_begin_anew(of_logs(""), of_logs("rate_limit: {requests_per_second: 5}")), IsEmpty());
    EXPECT_THAT(keys_to_begin_anew(config(""), config("rate_limit: {requests_per_second: 5}")), IsEmpty());
}

TEST_F(ExporterKeysTest, WhatAnotherProcessAloneCanDoIsNamed) {
    const auto config = [&](const std::string& grpc, const std::string& http, const std::string& more = {}) {
        return load("receivers: {spanring: {" + more + "}, otlp: {protocols: {grpc: {" + grpc + "}, http: {" + http +
                    "}}}}\nexporters: {otlp_http: {endpoint: \"http://localhost:9\"}}\n")
            .config;
    };
    const Config running = config("endpoint: \"127.0.0.1:4\"", "endpoint: \"127.0.0.1:5\"");
    const auto restart = [&](const Config& wanted) { return keys_for_a_restart(running, wanted); };
    EXPECT_THAT(restart(running), IsEmpty());
    const Config swapped = config("endpoint: \"127.0.0.1:5\"", "endpoint: \"127.0.0.1:4\", max_connections: 5");
    EXPECT_THAT(restart(swapped), IsEmpty()) << "it listens there";
    EXPECT_THAT(keys_to_begin_anew(running, swapped),
                ElementsAre("receivers.otlp.protocols.grpc.endpoint", "receivers.otlp.protocols.http.endpoint",
                            "receivers.otlp.protocols.http.max_connections"));
    EXPECT_THAT(restart(config("endpoint: \"127.0.0.1:6\"", "endpoint: \"127.0.0.1:5\"")),
                ElementsAre("receivers.otlp.protocols.grpc.endpoint"));
    EXPECT_THAT(restart(config("endpoint: \"127.0.0.1:4\"", "endpoint: \"127.0.0.1:5\"", "directories: [/d]")),
                ElementsAre("receivers.spanring.directories"));
}

TEST_F(ExporterKeysTest, WhoSendsChangesWithoutARestart) {
    const auto config = [&](const char* token) {
        return load("exporters: {otlp_http: {auth: {authenticator: bearertokenauth}}}\nextensions: {bearertokenauth: "
                    "{token: " +
                    std::string(token) + "}}\n")
            .config;
    };
    EXPECT_THAT(keys_for_a_restart(config("one"), config("two")), IsEmpty());
    EXPECT_FALSE(config("one").exporters == config("two").exporters) << "it is made anew";
}

TEST_F(ExporterKeysTest, WhatIsNoNameIsNotShown) {
    for (const char* type : {"otlp_http", "otlp_grpc"}) {
        for (const char* headers : {"{A=Bearer s3cret}", "{A=Bearer s3cret: [x]}", "{A=Bearer s3cret: x}"}) {
            const LoadedConfig loaded = load(std::string("exporters: {") + type + ": {headers: " + headers + "}}\n");
            EXPECT_FALSE(loaded.problems.empty()) << headers;
            for (const std::string& problem : loaded.problems) EXPECT_THAT(problem, Not(HasSubstr("s3cret")));
        }
    }
    for (const std::string& problem :
         load("extensions: {oauth2client: {token_url: 'ftp://a/?key=s3cret'}}\nexporters: {store: }\n").problems)
        EXPECT_THAT(problem, Not(HasSubstr("s3cret")));
}

TEST_F(ExporterKeysTest, FurtherEndpointsAreReadAndCheckedAsTheFirst) {
    const LoadedConfig loaded =
        load("exporters: {otlp_http: {fallback: {endpoints: ['http://b', 'http://c:1'], retry_interval: "
             "1s}}, otlp_grpc: {fallback: {endpoints: ['http://d:4317']}}}\n");
    ASSERT_THAT(loaded.problems, IsEmpty());
    EXPECT_THAT(loaded.config.exporters.at(0).http.fallback.endpoints, ElementsAre("http://b", "http://c:1"));
    EXPECT_TRUE(load(print_config(loaded.config)).config == loaded.config);
    EXPECT_THAT(load("exporters: {otlp_http: {fallback: {endpoints: [c]}}}\n").problems,
                ElementsAre(HasSubstr("fallback.endpoints")));
    EXPECT_THAT(load("exporters: {otlp_grpc: {zero_copy: same_user, fallback: {endpoints: ['http://c']}}}\n").problems,
                ElementsAre(HasSubstr("cannot be with fallback")));
}

TEST_F(ExporterKeysTest, HeadersFromAttributesHaveNamesOfTheirOwn) {
    const LoadedConfig loaded =
        load("exporters: {otlp_http: {headers_from: [{key: x-scope-orgid, from_attribute: tenant.id}]}}\n");
    ASSERT_THAT(loaded.problems, IsEmpty());
    EXPECT_EQ(loaded.config.exporters.at(0).http.headers_from,
              (std::vector<HeaderFrom>{{"x-scope-orgid", "tenant.id"}}));
    EXPECT_TRUE(load(print_config(loaded.config)).config == loaded.config);
    const auto problems = [&](const std::string& inside) {
        return load("exporters: {otlp_http: {" + inside + "}}\n").problems;
    };
    EXPECT_THAT(problems("headers_from: [{key: host, from_attribute: a}]"), Not(IsEmpty()));
    EXPECT_THAT(problems("headers_from: [{key: 'X A', from_attribute: a}]"), Not(IsEmpty()));
    EXPECT_THAT(problems("headers_from: [{key: x}]"), Not(IsEmpty()));
    EXPECT_THAT(problems("headers_from: [{from_attribute: x}]"), ElementsAre(HasSubstr("each must say key")));
    EXPECT_THAT(problems("headers: {X-A: b}, headers_from: [{key: x-a, from_attribute: a}]"),
                ElementsAre(HasSubstr("'x-a' is set twice")));
}

}  // namespace
}  // namespace spanring::agent
