// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "config/config.hpp"
#include "support/config_loading.hpp"

namespace spanring::agent {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

using ExtensionsTest = test::ConfigTest;

constexpr char kAll[] = R"(
extensions:
  bearertokenauth: {token: top-secret, scheme: Token}
  basicauth/shop: {client_auth: {username: me-myself, password: top-secret}}
  oauth2client:
    client_id: me-myself
    client_secret: top-secret
    token_url: https://login.example.com/token
    scopes: [traces.write]
    endpoint_params: {audience: top-secret}
    timeout: 2s
    expiry_buffer: 1m
    tls: {insecure_skip_verify: true}
)";

std::string exporter(const std::string& authenticator, const std::string& more = "") {
    return "exporters:\n  otlp_http: {endpoint: 'https://backend', auth: {authenticator: " + authenticator + "}" +
           more + "}\n";
}

TEST_F(ExtensionsTest, AnExporterGetsWhatItNames) {
    const LoadedConfig loaded = load(exporter("oauth2client") + kAll);
    ASSERT_THAT(loaded.problems, IsEmpty());
    EXPECT_THAT(loaded.warnings, IsEmpty());
    EXPECT_THAT(loaded.config.extensions, ElementsAre("bearertokenauth", "basicauth/shop", "oauth2client"));
    ASSERT_TRUE(loaded.config.exporters.at(0).http.auth);
    const AuthOptions& auth = *loaded.config.exporters.at(0).http.auth;
    EXPECT_EQ(auth.type, AuthType::kOauth2Client);
    EXPECT_EQ(auth.client_secret.text, "top-secret");
    EXPECT_EQ(auth.timeout, std::chrono::seconds(2));
    EXPECT_EQ(auth.expiry_buffer, std::chrono::minutes(1));
    EXPECT_THAT(auth.scopes, ElementsAre("traces.write"));
}

TEST_F(ExtensionsTest, NoSecretIsEverPrintedAndTheRestIsReadAsItIsPrinted) {
    const LoadedConfig loaded = load(exporter("basicauth/shop") + kAll);
    const std::string printed = print_config(loaded.config);
    EXPECT_THAT(printed, AllOf(Not(HasSubstr("top-secret")), Not(HasSubstr("me-myself")), HasSubstr("(not shown)"),
                               HasSubstr("https://login.example.com/token")));
    const LoadedConfig again = load(printed);
    EXPECT_THAT(again.problems, IsEmpty());
    EXPECT_EQ(print_config(again.config), printed);
    EXPECT_THAT(print_config(load("exporters: {store: }\n").config), Not(HasSubstr("extensions")));
}

TEST_F(ExtensionsTest, MistakesAreToldWhereTheyAreWithoutSecrets) {
    EXPECT_THAT(load(exporter("oauth2clinet") + kAll).problems,
                ElementsAre(AllOf(StartsWith(at(2, 66) + "exporters.otlp_http.auth.authenticator: "),
                                  HasSubstr("'oauth2client'?"))));
    EXPECT_THAT(load("exporters: {store: }\nextensions: {bearertoken: {token: x}}\n").problems,
                ElementsAre(AllOf(HasSubstr(at(2, 14)), HasSubstr("did you mean 'bearertokenauth'?"))));
    EXPECT_THAT(load("exporters: {store: }\nextensions: {oauth2client: {token_url: 'ldap://x'}}\n").problems,
                Contains(HasSubstr("extensions.oauth2client.token_url")));
    EXPECT_THAT(load("exporters: {store: }\nextensions: {oauth2client: }\n").problems,
                ElementsAre(HasSubstr("client_id: must be given, or client_id_file"), HasSubstr("client_secret"),
                            HasSubstr("token_url: must be given")));
    const auto control =
        load("exporters: {store: }\nextensions: {bearertokenauth: {token: \"top\\nsecret\"}}\n").problems;
    EXPECT_THAT(control, Contains(HasSubstr("must not contain")));
    EXPECT_THAT(control, Not(Contains(HasSubstr("secret\""))));
    EXPECT_THAT(load(exporter("bearertokenauth", ", headers: {authorization: abc}") + kAll).problems,
                ElementsAre(at(2, 109) + "exporters.otlp_http.headers.authorization: is what bearertokenauth sends"));
}

TEST_F(ExtensionsTest, AnAuthenticatorWithoutANameIsNotNone) {
    EXPECT_THAT(load(exporter("''") + kAll).problems,
                ElementsAre(HasSubstr("exporters.otlp_http.auth.authenticator: is empty")));
    EXPECT_THAT(load("exporters: {store: }\nreceivers: {spanring: , otlp: {protocols: {http: {auth: {authenticator: "
                     "'${env:NOBODY_SETS_IT:-}'}}}}}\n")
                    .problems,
                ElementsAre(HasSubstr("receivers.otlp.protocols.http.auth.authenticator: is empty")));
}

TEST_F(ExtensionsTest, SeveralTokensAreNeverShown) {
    const LoadedConfig loaded =
        load("exporters: {store: }\nextensions: {bearertokenauth: {tokens: [top-secret, second-one]}}\n");
    ASSERT_THAT(loaded.problems, IsEmpty());
    EXPECT_THAT(loaded.config.authenticators.at(0).tokens, ElementsAre("top-secret", "second-one"));
    EXPECT_THAT(print_config_with_origins(loaded), AllOf(Not(HasSubstr("top-secret")), Not(HasSubstr("second-one"))));
    for (const char* wrong : {"tokens: ['a ']", "token: ' a'", "token: a, tokens: [b]", "tokens: ['']"}) {
        EXPECT_THAT(
            load(std::string("exporters: {store: }\nextensions: {bearertokenauth: {") + wrong + "}}\n").problems,
            ElementsAre(HasSubstr("extensions.bearertokenauth.token")))
            << wrong;
    }
}

TEST_F(ExtensionsTest, WhereTheAgentTellsOfItselfThereIsTlsAndAuthAsWell) {
    const std::string file =
        "exporters: {store: }\nextensions: {health_check: {auth: {authenticator: bearertokenauth}}, "
        "bearertokenauth: {token: abcd}}\nservice: {telemetry: {metrics: {address: '0.0.0.0:9', ";
    const LoadedConfig loaded = load(file + "auth: {authenticator: bearertokenauth}}}}\n");
    EXPECT_THAT(loaded.problems, IsEmpty());
    EXPECT_THAT(loaded.warnings, ElementsAre(HasSubstr("service.telemetry.metrics.auth.authenticator: who asks")));
    ASSERT_TRUE(loaded.config.metrics_entrance.auth.has_value());
    EXPECT_EQ(loaded.config.metrics_entrance.auth->token.text, "abcd");
    EXPECT_TRUE(loaded.config.health_check->entrance.auth.has_value());
    EXPECT_THAT(load(file + "auth: {authenticator: other}}}}\n").problems,
                ElementsAre(HasSubstr("service.telemetry.metrics.auth.authenticator: the service has no extension")));
    EXPECT_THAT(load(file + "tls: {cert_file: a.pem}}}}\n").problems,
                ElementsAre(HasSubstr("service.telemetry.metrics.tls: cert_file and key_file go together")));
}

TEST_F(ExtensionsTest, TheServiceSaysWhichThereAre) {
    const std::string file = exporter("oauth2client") + kAll;
    EXPECT_THAT(load(file + "service: {extensions: [oauth2client]}\n").config.extensions, ElementsAre("oauth2client"));
    EXPECT_THAT(load(file + "service: {extensions: [bearertokenauth]}\n").problems,
                ElementsAre(HasSubstr("the service has no extension 'oauth2client'")));
    EXPECT_THAT(load(file + "service: {extensions: [oauth2client, other]}\n").problems,
                ElementsAre(HasSubstr("'other' is not defined under 'extensions'")));
}

TEST_F(ExtensionsTest, HealthIsToldWhereOneOfThemSaysSo) {
    EXPECT_EQ(load("exporters: {store: }\n").config.health_check, std::nullopt);
    const std::string file =
        "exporters: {store: }\nextensions: {health_check/a: {endpoint: 'localhost:1', path: /live}}\n";
    const LoadedConfig loaded = load(file);
    ASSERT_THAT(loaded.problems, IsEmpty());
    EXPECT_EQ(loaded.config.health_check, (HealthCheckOptions{"health_check/a", {"localhost", 1}, "/live"}));
    EXPECT_EQ(print_config(load(print_config(loaded.config)).config), print_config(loaded.config));
    EXPECT_EQ(load("exporters: {store: }\nextensions: {health_check: }\n").config.health_check, HealthCheckOptions());
    const std::string both =
        "exporters: {store: }\nextensions: {health_check: , bearertokenauth: {token: abcd}}\nservice: {extensions: ";
    EXPECT_EQ(load(both + "[bearertokenauth]}\n").config.health_check, std::nullopt);
    EXPECT_NE(load(both + "[bearertokenauth, health_check]}\n").config.health_check, std::nullopt);
    EXPECT_THAT(load("exporters: {store: }\nextensions: {health_check: {path: x}}\n").problems,
                ElementsAre(HasSubstr("extensions.health_check.path: 'x' is not the path")));
    EXPECT_THAT(load("exporters: {store: }\nextensions: {health_check: {endpoint: 'a:b'}}\n").problems,
                ElementsAre(HasSubstr("extensions.health_check.endpoint: ")));
    EXPECT_THAT(load("exporters: {store: }\nextensions: {health_check: , health_check/b: }\n").problems,
                ElementsAre(HasSubstr("there is a health_check already")));
}

TEST_F(ExtensionsTest, WhatGoesInPlaintextToAnotherHostIsWarnedOf) {
    const auto warnings = [&](const std::string& endpoint) {
        return load("exporters: {otlp_grpc: {endpoint: '" + endpoint + "', auth: {authenticator: bearertokenauth}}}\n" +
                    kAll)
            .warnings;
    };
    EXPECT_THAT(warnings("http://backend:4317"), ElementsAre(HasSubstr("in plaintext")));
    for (const char* safe : {"https://backend:4317", "http://localhost:4317", "http://[::1]:4317", "unix:/run/backend"})
        EXPECT_THAT(warnings(safe), IsEmpty()) << safe;
    std::string file = exporter("oauth2client") + kAll;
    file.replace(file.find("https://login"), 5, "http");
    EXPECT_THAT(load(file).warnings, ElementsAre(StartsWith(at(10, 16) + "extensions.oauth2client.token_url: ")));
}

TEST_F(ExtensionsTest, FilesThatCannotBeReadAreToldBeforeTheStart) {
    const std::string file = directory_.file("token");
    std::ofstream(file_) << exporter("bearertokenauth") << "extensions: {bearertokenauth: {filename: " << file
                         << "}}\n";
    EXPECT_THAT(check({"--config", file_}).problems,
                ElementsAre(AllOf(StartsWith(at(3, 42) + "extensions.bearertokenauth.filename: "), HasSubstr(file))));
    std::ofstream(file) << "abc\n";
    EXPECT_THAT(check({"--config", file_}).problems, IsEmpty());
}

}  // namespace
}  // namespace spanring::agent
