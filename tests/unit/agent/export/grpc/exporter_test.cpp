// SPDX-License-Identifier: Apache-2.0
//
// What goes over gRPC, and what becomes of each answer.
#include "export/grpc/exporter.hpp"

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "support/grpc_exporter_test.hpp"
#include "support/self_signed.hpp"

namespace spanring::agent::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using Clock = std::chrono::steady_clock;

TEST_F(OtlpGrpcExporterTest, DeliversEverySpanWithItsResourceAndScope) {
    options_.endpoint = backend_.start("127.0.0.1:0");
    options_.headers = {{"authorization", "Bearer abc"}};
    make();
    EXPECT_EQ(send(batch(0, 1000)).outcome, Outcome::kExported);
    expect_delivered_once(0, 1000);
    const Received received = backend_.received().at(0);
    EXPECT_EQ(received.method, "/opentelemetry.proto.collector.trace.v1.TraceService/Export");
    EXPECT_EQ(received.metadata.find("authorization")->second, "Bearer abc");
    EXPECT_THAT(received.metadata.find("user-agent")->second, testing::StartsWith("spanring-agent/0.2.0"));
    const auto& resource = received.request.resource_spans(0);
    EXPECT_EQ(resource.resource().attributes(0).value().string_value(), "shop");
    EXPECT_EQ(resource.scope_spans(0).scope().name(), "test");
    EXPECT_EQ(resource.scope_spans(0).spans(7).name(), "GET /api/orders/{id}");
    EXPECT_EQ(exporter_->status().exported, 1000u);
    EXPECT_EQ(exporter_->status().queued_spans, 0u);
}

TEST_F(OtlpGrpcExporterTest, KeepsManyBatchesInFlight) {
    options_.endpoint = backend_.start("127.0.0.1:0");
    make();
    for (uint64_t i = 0; i < 200; ++i) exporter_->submit(batch(i * 50, 50));
    ASSERT_TRUE(exporter_->flush(watchdog()));
    expect_delivered_once(0, 10'000);
    for (const auto& made : batches_) EXPECT_EQ(made->resolutions[1].outcome, Outcome::kExported);
}

TEST_F(OtlpGrpcExporterTest, SendsGzip) {
    options_.endpoint = backend_.start("127.0.0.1:0");
    options_.compression = "gzip";
    make();
    EXPECT_EQ(send(batch(0, 100)).outcome, Outcome::kExported);
    expect_delivered_once(0, 100);
}

TEST_F(OtlpGrpcExporterTest, SendsOverAUnixSocket) {
    options_.endpoint = backend_.start("unix:" + directory_.file("backend"));
    make();
    EXPECT_EQ(send(batch(0, 100)).outcome, Outcome::kExported);
    expect_delivered_once(0, 100);
}

TEST_F(OtlpGrpcExporterTest, SendsOverTls) {
    const std::string key = directory_.file("key"), cert = directory_.file("cert");
    const std::string command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext "
                                "subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout " +
                                key + " -out " + cert + " 2>/dev/null";
    if (std::system(command.c_str()) != 0) GTEST_SKIP() << "no openssl command to make a certificate";
    const auto read = [](const std::string& path) {
        std::string text;
        if (std::FILE* file = std::fopen(path.c_str(), "r")) {
            char buffer[4096];
            while (const size_t got = std::fread(buffer, 1, sizeof buffer, file)) text.append(buffer, got);
            std::fclose(file);
        }
        return text;
    };
    grpc::SslServerCredentialsOptions tls;
    tls.pem_key_cert_pairs.push_back({read(key), read(cert)});
    options_.endpoint = "https://" + backend_.start("127.0.0.1:0", grpc::SslServerCredentials(tls));
    options_.ca_file = cert;
    make();
    EXPECT_EQ(send(batch(0, 100)).outcome, Outcome::kExported);
    expect_delivered_once(0, 100);
    options_.ca_file.clear();
    options_.insecure_skip_verify = true;
    make();
    EXPECT_EQ(send(batch(100, 100)).outcome, Outcome::kExported) << "whoever signed the server's certificate";
    expect_delivered_once(0, 200);
    options_.cert_file = cert;
    options_.key_file = key;
    make();
    EXPECT_EQ(send(batch(200, 100)).outcome, Outcome::kExported) << "with a certificate of its own";
}

TEST_F(OtlpGrpcExporterTest, ReadsItsCertificatesAgainWhenTheyChange) {
    const SelfSigned certificate, other;
    if (!certificate.made()) GTEST_SKIP() << "no openssl command to make a certificate";
    const auto read = [](const std::string& path) {
        std::ostringstream text;
        text << std::ifstream(path).rdbuf();
        return text.str();
    };
    grpc::SslServerCredentialsOptions tls;
    tls.pem_key_cert_pairs.push_back({read(certificate.key()), read(certificate.cert())});
    options_.endpoint = "https://" + backend_.start("127.0.0.1:0", grpc::SslServerCredentials(tls));
    options_.ca_file = directory_.file("ca.pem");
    options_.timeout = std::chrono::seconds(1);  // that a probe waits for its connection
    std::filesystem::copy_file(other.cert(), options_.ca_file);
    make();
    EXPECT_EQ(send(batch(0, 10)).outcome, Outcome::kSpooled) << "of another authority";
    std::filesystem::remove(options_.ca_file);
    std::filesystem::copy_file(certificate.cert(), options_.ca_file);
    ASSERT_TRUE(ledger_.wait_for_total(10)) << "without a restart";
    EXPECT_EQ(exporter_->status().spool_exported, 10u);
}

class EveryCodeTest : public OtlpGrpcExporterTest, public testing::WithParamInterface<int> {};

TEST_P(EveryCodeTest, IsTriedAgainOnlyWhereOtlpSaysSo) {
    const auto code = static_cast<grpc::StatusCode>(GetParam());
    const std::set<int> retryable = {grpc::CANCELLED,    grpc::DEADLINE_EXCEEDED, grpc::ABORTED,
                                     grpc::OUT_OF_RANGE, grpc::UNAVAILABLE,       grpc::DATA_LOSS};
    options_.endpoint = backend_.start("127.0.0.1:0");
    backend_.answer_with([code, first = true](const Received&) mutable {
        return Reply{std::exchange(first, false) ? grpc::Status(code, "once") : grpc::Status::OK, {}, false};
    });
    make();
    const Resolution resolution = send(batch(0, 10));
    if (retryable.contains(code)) {
        EXPECT_EQ(resolution.outcome, Outcome::kSpooled) << "the ring is not held";
        ASSERT_TRUE(ledger_.wait_for_total(10));
        EXPECT_EQ(ledger_.spool(producer(1, "")->instance, "otlp").exported, 10u);
        EXPECT_EQ(backend_.received().size(), 2u);
        EXPECT_EQ(backend_.received()[0].span_ids(), backend_.received()[1].span_ids());
    } else {
        EXPECT_EQ(resolution.outcome, Outcome::kRejected);
        EXPECT_EQ(send(batch(10, 1)).outcome, Outcome::kExported) << "the next one is sent";
        EXPECT_EQ(backend_.received().size(), 2u);
        EXPECT_EQ(exporter_->status().rejected, 10u);
    }
}

INSTANTIATE_TEST_SUITE_P(Grpc, EveryCodeTest, testing::Range(1, 17),
                         [](const auto& info) { return "code_" + std::to_string(info.param); });

TEST_F(OtlpGrpcExporterTest, HonoursRetryInfo) {
    // Without it the next attempt would be in milliseconds.
    options_.endpoint = backend_.start("127.0.0.1:0");
    const std::string delay = number(1, 8) + bytes(3, bytes(1, "type.googleapis.com/google.rpc.RetryInfo") +
                                                          bytes(2, bytes(1, number(1, 600))));
    backend_.answer_with([delay, first = true](const Received&) mutable {
        return Reply{
            std::exchange(first, false) ? grpc::Status(grpc::RESOURCE_EXHAUSTED, "slow down", delay) : grpc::Status::OK,
            {},
            false};
    });
    make();
    for (uint64_t i = 0; i < 20; ++i) EXPECT_EQ(send(batch(i * 10, 10)).outcome, Outcome::kSpooled);
    EXPECT_EQ(backend_.received().size(), 1u);
}

TEST_F(OtlpGrpcExporterTest, ReadsAnAnswerThatCameCompressed) {
    options_.endpoint = backend_.start("127.0.0.1:0");
    backend_.answer_with([](const Received&) {
        return Reply{.response = bytes(1, number(1, 3) + bytes(2, std::string(1000, 'x'))), .gzip = true};
    });
    for (const char* compression : {"none", "gzip"}) {
        options_.compression = compression;
        make();
        const Resolution resolution = send(batch(0, 10));
        EXPECT_EQ(resolution.outcome, Outcome::kExported);
        EXPECT_EQ(resolution.rejected, 3u);
    }
}

TEST_F(OtlpGrpcExporterTest, TakesNoAnswerThatGrowsWithoutABoundWhenItIsDecompressed) {
    options_.endpoint = backend_.start("127.0.0.1:0");
    backend_.answer_with([bomb = bytes(1, bytes(2, std::string(size_t{64} << 20, 'x')))](const Received&) {
        return Reply{.response = bomb, .gzip = true};
    });
    make();
    EXPECT_EQ(send(batch(0, 10)).outcome, Outcome::kRejected);
    EXPECT_EQ(exporter_->status().rejected, 10u);
    EXPECT_THAT(exporter_->status().last_error, HasSubstr("not an ExportTraceServiceResponse"));
    EXPECT_EQ(backend_.received().size(), 1u) << "it was taken, so it is not sent again";
}

TEST_F(OtlpGrpcExporterTest, TakesNoAnswerThatIsTooLarge) {
    options_.endpoint = backend_.start("127.0.0.1:0");
    // More than kMostAnswer, and less than gRPC may hold of what arrives: beyond that it would be tried again.
    backend_.answer_with(response(bytes(1, bytes(2, std::string(size_t{512} << 10, 'x')))));
    make();
    EXPECT_EQ(send(batch(0, 10)).outcome, Outcome::kRejected);
    EXPECT_EQ(backend_.received().size(), 1u);
}

TEST_F(OtlpGrpcExporterTest, BooksPartialSuccess) {
    options_.endpoint = backend_.start("127.0.0.1:0");
    backend_.answer_with(response(bytes(1, number(1, 3) + bytes(2, "three are too old"))));
    make();
    const Resolution resolution = send(batch(0, 10));
    EXPECT_EQ(resolution.outcome, Outcome::kExported);
    EXPECT_EQ(resolution.rejected, 3u);
    EXPECT_EQ(exporter_->status().exported, 7u);
    EXPECT_EQ(exporter_->status().rejected, 3u);
    EXPECT_THAT(exporter_->status().last_error, HasSubstr("three are too old"));

    backend_.answer_with(response(bytes(1, bytes(2, "a warning only"))));
    EXPECT_EQ(send(batch(10, 10)).rejected, 0u);
    EXPECT_EQ(exporter_->status().exported, 17u);
    EXPECT_THAT(exporter_->status().last_error, HasSubstr("a warning only"));
    EXPECT_EQ(backend_.received().size(), 2u) << "partial success is never sent again";
}

TEST_F(OtlpGrpcExporterTest, EndsAnAttemptAtItsDeadline) {
    options_.endpoint = backend_.start("127.0.0.1:0");
    options_.timeout = 100ms;
    backend_.answer_with(silence());
    make();
    EXPECT_EQ(send(batch(0, 10)).outcome, Outcome::kSpooled);
    backend_.answer_with(response(""));
    ASSERT_TRUE(ledger_.wait_for_total(10)) << "delivered out of the spool once the backend answers";
    EXPECT_EQ(exporter_->status().spool_exported, 10u);
}

TEST_F(OtlpGrpcExporterTest, FlushSaysWhenItsDeadlineCameFirst) {
    options_.endpoint = backend_.start("127.0.0.1:0");
    backend_.answer_with(silence());
    make();
    exporter_->submit(batch(0, 10));
    EXPECT_FALSE(exporter_->flush(Clock::now() + 1ms));
    exporter_->shutdown(Clock::now());
    EXPECT_TRUE(exporter_->flush(watchdog()));
}

TEST_F(OtlpGrpcExporterTest, SaysWhatIsWrongWithItsOptions) {
    const auto complaint = [this](auto change) {
        const OtlpGrpcOptions before = options_;
        change(options_);
        std::string text = "(none)";
        try {
            make();
            exporter_.reset();
        } catch (const std::exception& error) {
            text = error.what();
        }
        options_ = before;
        return text;
    };
    using Options = OtlpGrpcOptions;
    EXPECT_THAT(complaint([](Options& o) { o.endpoint = "ftp://x"; }), HasSubstr("ftp"));
    EXPECT_THAT(complaint([](Options& o) { o.compression = "brotli"; }), HasSubstr("brotli"));
    EXPECT_THAT(complaint([](Options& o) { o.headers = {{"Bad Key", "x"}}; }), HasSubstr("\"Bad...\""));
    EXPECT_THAT(complaint([](Options& o) { o.headers = {{"key", "new\nline"}}; }), HasSubstr("\"key\""));
    EXPECT_THAT(complaint([](Options& o) { o.timeout = 0ms; }), HasSubstr("timeout"));
    EXPECT_THAT(complaint([](Options& o) {
                    o.endpoint = "https://x";
                    o.ca_file = "/no/such/ca.pem";
                }),
                HasSubstr("/no/such/ca.pem"));
    EXPECT_THAT(complaint([](Options& o) {
                    o.endpoint = "https://x";
                    o.cert_file = "/tmp/c";
                }),
                HasSubstr("cert_file and key_file"));
    EXPECT_THAT(complaint([](Options& o) { o.spool.directory = "relative"; }), HasSubstr("relative"));
}

}  // namespace
}  // namespace spanring::agent::test
