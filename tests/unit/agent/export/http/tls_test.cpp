// SPDX-License-Identifier: Apache-2.0
//
// The OTLP/HTTP exporter with TLS: which servers it trusts, and what it shows of itself.
#include <csignal>
#include <filesystem>

#include "support/http_exporter_test.hpp"
#include "support/self_signed.hpp"

namespace spanring::agent::test {
namespace {

class HttpTlsTest : public OtlpHttpExporterTest {
protected:
    void SetUp() override {
        ::signal(SIGPIPE, SIG_IGN);  // as the agent does; OpenSSL writes without MSG_NOSIGNAL
        if (!certificate_.made()) GTEST_SKIP() << "no openssl command to make a certificate";
        options_.retry.initial_interval = 1h;
        options_.retry.max_interval = 1h;
    }
    void start_and_make(SSL_CTX* context) {
        options_.endpoint = "https://" + backend_.start(0, context);
        make();
    }
    void TearDown() override {
        ExporterTest::TearDown();
        backend_.stop();  // before its context goes
    }

    SelfSigned certificate_;
};

TEST_F(HttpTlsTest, SendsToAServerWhoseAuthorityItWasTold) {
    const auto context = certificate_.server();
    options_.ca_file = certificate_.cert();
    options_.compression = "zstd";
    start_and_make(context.get());
    EXPECT_EQ(send(batch(0, 100)).outcome, Outcome::kExported);
    EXPECT_EQ(send(batch(100, 100)).outcome, Outcome::kExported);
    expect_delivered_once(0, 200);
    EXPECT_EQ(backend_.connections(), 1);
    backend_.stop();
}

TEST_F(HttpTlsTest, SendsNothingToAServerItHasNoReasonToTrust) {
    const auto context = certificate_.server();
    start_and_make(context.get());
    EXPECT_EQ(send(batch(0, 100)).outcome, Outcome::kSpooled);
    EXPECT_THAT(exporter_->status().last_error, HasSubstr("certificate"));
    EXPECT_TRUE(backend_.received().empty());
    backend_.stop();
}

TEST_F(HttpTlsTest, TrustsAnyServerWhereItIsToldTo) {
    const auto context = certificate_.server();
    options_.insecure_skip_verify = true;
    start_and_make(context.get());
    EXPECT_EQ(send(batch(0, 100)).outcome, Outcome::kExported);
    backend_.stop();
}

TEST_F(HttpTlsTest, ShowsItsOwnCertificate) {
    const auto context = certificate_.server(true);
    options_.ca_file = certificate_.cert();
    start_and_make(context.get());
    EXPECT_EQ(send(batch(0, 1)).outcome, Outcome::kSpooled) << "without one it is not let in";
    options_.cert_file = certificate_.cert();
    options_.key_file = certificate_.key();
    make();
    ASSERT_TRUE(ledger_.wait_for_total(1));
    EXPECT_EQ(send(batch(1, 10)).outcome, Outcome::kExported);
    expect_delivered_once(0, 11);
    exporter_.reset();
    backend_.stop();
}

TEST_F(HttpTlsTest, ReadsItsFilesAgainWhenTheyChange) {
    const SelfSigned other;
    const std::string trusted = directory_.file("ca.pem");
    std::filesystem::copy_file(other.cert(), trusted);
    const auto context = certificate_.server();
    options_.ca_file = trusted;
    options_.retry.initial_interval = 5ms;
    options_.retry.max_interval = 20ms;
    start_and_make(context.get());
    EXPECT_EQ(send(batch(0, 10)).outcome, Outcome::kSpooled) << "of another authority";
    std::filesystem::remove(trusted);  // for a moment there is none, and the old one stays
    std::filesystem::copy_file(certificate_.cert(), trusted);
    ASSERT_TRUE(ledger_.wait_for_total(10)) << "without a restart";
    EXPECT_EQ(exporter_->status().spool_exported, 10u);
    exporter_.reset();
    backend_.stop();
}

TEST_F(HttpTlsTest, KeepsToItsOldestVersionOfTls) {
    const auto context = certificate_.server();
    ::SSL_CTX_set_max_proto_version(context.get(), TLS1_2_VERSION);
    options_.ca_file = certificate_.cert();
    options_.min_version = "1.3";
    start_and_make(context.get());
    EXPECT_EQ(send(batch(0, 1)).outcome, Outcome::kSpooled);
    options_.min_version = "1.2";
    make();
    EXPECT_TRUE(ledger_.wait_for_total(1));
    exporter_.reset();
    backend_.stop();
}

}  // namespace
}  // namespace spanring::agent::test
