// SPDX-License-Identifier: Apache-2.0
//
// A backend behind gRPC that asks who sends.
#include <set>

#include "support/grpc_exporter_test.hpp"
#include "support/token_server.hpp"

namespace spanring::agent::test {
namespace {

class GrpcAuthTest : public OtlpGrpcExporterTest {
protected:
    void start_and_make() {
        options_.endpoint = backend_.start("127.0.0.1:0");
        make();
    }
    static std::string authorization(const Received& received) {
        const auto found = received.metadata.find("authorization");
        return found == received.metadata.end() ? "" : found->second;
    }
};

TEST_F(GrpcAuthTest, SaysItInItsMetadata) {
    options_.auth.emplace();
    options_.auth->id = "basicauth";
    options_.auth->type = AuthType::kBasic;
    options_.auth->username.text = "Aladdin";
    options_.auth->password.text = "open sesame";
    options_.headers = {{"x-shop", "7"}};
    start_and_make();
    EXPECT_EQ(send(batch(0, 10)).outcome, Outcome::kExported);
    const Received received = backend_.received().at(0);
    EXPECT_EQ(authorization(received), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    EXPECT_TRUE(received.metadata.contains("x-shop"));
}

TEST_F(GrpcAuthTest, ARefusedTokenIsReplacedAndTheCallGoesAgain) {
    TokenServer tokens;
    tokens.start();
    options_.auth = tokens.options();
    backend_.answer_with([](const Received& received) {
        const bool good = authorization(received) == "Bearer token-2";
        return good ? Reply{} : Reply{grpc::Status(grpc::StatusCode::UNAUTHENTICATED, "who are you?"), {}, false};
    });
    start_and_make();
    EXPECT_EQ(send(batch(0, 10)).outcome, Outcome::kExported);
    EXPECT_EQ(backend_.received().size(), 2u);
    EXPECT_EQ(exporter_->status().unauthorized, 1u);
    EXPECT_EQ(exporter_->status().tokens_obtained, 2u);
    backend_.answer_with(answer(grpc::StatusCode::UNAUTHENTICATED));
    EXPECT_EQ(send(batch(10, 10)).outcome, Outcome::kRejected);
    exporter_.reset();
}

TEST_F(GrpcAuthTest, WithoutAnIdentityItIsRejectedAsOtlpHasIt) {
    backend_.answer_with(answer(grpc::StatusCode::UNAUTHENTICATED));
    start_and_make();
    EXPECT_EQ(send(batch(0, 10)).outcome, Outcome::kRejected);
    EXPECT_EQ(backend_.received().size(), 1u);
}

}  // namespace
}  // namespace spanring::agent::test
