// SPDX-License-Identifier: Apache-2.0
//
// The service as a whole, with gRPC's own client. What it answers to what is no request, and what it does to floods:
// tests/integration/receive_grpc_test.py.
#include "receive/grpc_server.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <sys/resource.h>

#include "batch/acknowledgements.hpp"
#include "drain/export_plan.hpp"
#include "ledger/ledger.hpp"
#include "receive/receive_service.hpp"
#include "support/fake_exporter.hpp"
#include "support/otlp_bytes.hpp"
#include "support/temporary_directory.hpp"

namespace spanring::agent::test {
namespace {

using namespace std::chrono_literals;
using grpc::StatusCode;
using spanring::test::FakeExporter;
using spanring::test::TemporaryDirectory;

constexpr char kExport[] = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
constexpr auto kWatchdog = 30s;

std::string request(uint64_t number) { return bytes(1, bytes(2, bytes(2, typical_span(number)))); }

// One call at a time.
class Client {
public:
    explicit Client(const std::string& target) {
        grpc::ChannelArguments arguments;
        arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // a connection of its own
        arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 100);
        channel_ = grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), arguments);
    }

    void begin(const std::string& body) {
        context_ = std::make_unique<grpc::ClientContext>();
        context_->set_wait_for_ready(true);
        context_->set_deadline(std::chrono::system_clock::now() + kWatchdog);
        const grpc::Slice slice(body);
        grpc::GenericStub stub(channel_);
        call_ = stub.PrepareUnaryCall(context_.get(), kExport, grpc::ByteBuffer(&slice, 1), &queue_);
        call_->StartCall();
        call_->Finish(&response_, &status_, this);
    }
    grpc::Status end() {
        void* tag = nullptr;
        bool ok = false;
        EXPECT_TRUE(queue_.Next(&tag, &ok));
        return status_;
    }
    grpc::Status send(const std::string& body) {
        begin(body);
        return end();
    }

private:
    std::shared_ptr<grpc::Channel> channel_;
    grpc::CompletionQueue queue_;
    std::unique_ptr<grpc::ClientContext> context_;
    std::unique_ptr<grpc::GenericClientAsyncResponseReader> call_;
    grpc::ByteBuffer response_;
    grpc::Status status_;
};

class GrpcServerTest : public testing::Test {
protected:
    void start() {
        options_.grpc.enabled = true;
        options_.grpc.endpoint.port = 0;
        options_.kept.directory = directory_.file("received");
        service_ = std::make_unique<ReceiveService>(options_, make_plan({&exporter_}, {}), *ledger_,
                                                    ReceiveService::Helpers());
        target_ = service_->addresses().at(0).substr(std::string("grpc://").size());
    }
    void stop() {
        service_->close();
        exporter_.shutdown({});
        service_->stop(ReceiveService::Clock::now() + kWatchdog);
    }

    TemporaryDirectory directory_;
    std::unique_ptr<Ledger> ledger_ = Ledger::open(directory_.file("ledger.db"));
    FakeExporter exporter_;
    ReceiverOptions options_;
    std::unique_ptr<ReceiveService> service_;
    std::string target_;
};

TEST_F(GrpcServerTest, AnswersWhatIsDelivered) {
    start();
    Client client(target_);
    for (uint64_t number = 0; number < 20; ++number) EXPECT_TRUE(client.send(request(number)).ok());
    stop();
    EXPECT_EQ(exporter_.spans.size(), 20u);
}

TEST_F(GrpcServerTest, AnswersWhatIsKept) {
    options_.answer_after = 1ms;
    exporter_.answers = false;
    start();
    EXPECT_TRUE(Client(target_).send(request(1)).ok());
    while (service_->status()->kept_requests == 0) std::this_thread::sleep_for(1ms);  // told a little after the answer
    EXPECT_EQ(service_->status()->kept_requests, 1u);
    stop();
}

// Its message is on its way when the receiver ends: it is told to come again, and when.
TEST_F(GrpcServerTest, WhoseMessageIsNotThereAtTheEndIsAskedToSendItAgain) {
    start();
    auto channel = grpc::CreateChannel(target_, grpc::InsecureChannelCredentials());
    grpc::ClientContext context;
    context.set_wait_for_ready(true);
    context.set_deadline(std::chrono::system_clock::now() + kWatchdog);
    grpc::CompletionQueue queue;
    grpc::GenericStub stub(channel);
    const auto call = stub.PrepareCall(&context, kExport, &queue);
    grpc::Status status;
    grpc::ByteBuffer response;
    void* tag = nullptr;
    bool ok = false;
    call->StartCall(&context);
    ASSERT_TRUE(queue.Next(&tag, &ok));
    EXPECT_TRUE(ok);
    // Another connection's request comes after it, and is answered.
    EXPECT_TRUE(Client(target_).send(request(1)).ok());
    while (service_->status()->accepted_by_grpc == 0)
        std::this_thread::sleep_for(1ms);  // told a little after the answer
    call->Finish(&status, &status);
    service_->close();
    exporter_.shutdown({});
    service_->stop(ReceiveService::Clock::now() + kWatchdog);
    ASSERT_TRUE(queue.Next(&tag, &ok));
    EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE) << status.error_message();
    EXPECT_EQ(status.error_message(), "the agent ends");
    EXPECT_FALSE(status.error_details().empty()) << "no retry time";
}

TEST_F(GrpcServerTest, AnIdleConnectionGivesWay) {
    options_.grpc.entrance.max_connections = 1;
    start();
    Client one(target_), other(target_);
    for (uint64_t number = 0; number < 3; ++number) {
        // The one that is shut down may notice only by its next call, which it is to make again.
        while (one.send(request(2 * number)).error_code() == StatusCode::UNAVAILABLE) {
        }
        while (other.send(request(2 * number + 1)).error_code() == StatusCode::UNAVAILABLE) {
        }
    }
    EXPECT_LE(service_->status()->connections, 1u);
    stop();
    EXPECT_GE(exporter_.spans.size(), 6u);
}

TEST_F(GrpcServerTest, AtTheEndWhoeverWaitsIsToComeBack) {
    options_.answer_after = 1h;
    exporter_.answers = false;
    start();
    Client client(target_);
    client.begin(request(1));
    while (service_->status()->queued_bytes == 0) std::this_thread::sleep_for(1ms);
    stop();
    const grpc::Status status = client.end();
    EXPECT_EQ(status.error_code(), StatusCode::UNAVAILABLE);
    EXPECT_NE(status.error_details().find("google.rpc.RetryInfo"), std::string::npos);
}

TEST_F(GrpcServerTest, ACallThatNobodyAnswersEndsWithTheService) {
    options_.answer_after = 1h;
    exporter_.answers = false;
    start();
    Client client(target_);
    client.begin(request(1));
    while (service_->status()->queued_bytes == 0) std::this_thread::sleep_for(1ms);
    service_.reset();
    EXPECT_EQ(client.end().error_code(), StatusCode::UNAVAILABLE);
    Acknowledgements nobody;
    for (auto& batch : exporter_.waiting) batch->acknowledgements = &nobody;
    exporter_.shutdown({});
}

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // which have another heap
TEST_F(GrpcServerTest, WhatItAsksOfTheHeapDoesNotHaveLargePiecesMappedEachTime) {
    start();
    constexpr size_t kPiece = 1 << 20, kPages = kPiece >> 12;
    const auto faults_of_ten = [] {
        rusage before{}, after{};
        ::getrusage(RUSAGE_THREAD, &before);
        for (int i = 0; i < 10; ++i) {
            const std::unique_ptr<uint8_t[]> piece(new uint8_t[kPiece]);
            for (size_t at = 0; at < kPiece; at += 4096) static_cast<volatile uint8_t*>(piece.get())[at] = 1;
        }
        ::getrusage(RUSAGE_THREAD, &after);
        return static_cast<size_t>(after.ru_minflt - before.ru_minflt);
    };
    faults_of_ten();
    EXPECT_LT(faults_of_ten(), 5 * kPages);
    stop();
}
#endif

}  // namespace
}  // namespace spanring::agent::test
