// SPDX-License-Identifier: Apache-2.0
//
// What an exporter tells of its backend and of its requests; over gRPC.
#include <future>
#include <optional>

#include "base/wall_clock.hpp"
#include "export/otlp_sender.hpp"
#include "support/grpc_exporter_test.hpp"

namespace spanring::agent::test {
namespace {

using Clock = std::chrono::steady_clock;

class SenderMeasuresTest : public OtlpGrpcExporterTest {};

TEST_F(SenderMeasuresTest, MeasuresWhatItSends) {
    options_.endpoint = backend_.start("127.0.0.1:0");
    std::promise<void> release;
    backend_.answer_with([gate = release.get_future().share()](const Received&) {
        gate.wait();
        return Reply{};
    });
    make();
    const auto made = batch(0, 100);
    made->opened = Clock::now();
    exporter_->submit(made);
    ASSERT_TRUE(eventually([&] { return exporter_->measures()->spans.count() == 1; }));
    EXPECT_EQ(exporter_->measures()->duration.count(), 0u) << "it has no answer yet";
    release.set_value();
    ASSERT_TRUE(exporter_->flush(watchdog()));
    const std::optional<ExportMeasures> measures = exporter_->measures();
    EXPECT_EQ(measures->duration.count(), 1u);
    EXPECT_EQ(measures->age.count(), 1u);
    EXPECT_GT(measures->duration.sum(), 0);
    EXPECT_EQ(measures->spans.sum(), 100);
    EXPECT_GE(measures->bytes.sum(), static_cast<double>(made->bytes));
}

TEST_F(SenderMeasuresTest, TellsSinceWhenItsBackendIsAway) {
    options_.endpoint = "unix:" + directory_.file("nobody");
    make();
    EXPECT_EQ(exporter_->status().circuit, CircuitState::kClosed);
    EXPECT_EQ(exporter_->status().unhealthy_since_unix_nano, 0u);
    const uint64_t before = unix_nano();
    EXPECT_EQ(send(batch(0, 10)).outcome, Outcome::kSpooled);
    const ExporterStatus status = exporter_->status();
    EXPECT_NE(status.circuit, CircuitState::kClosed);
    EXPECT_GE(status.unhealthy_since_unix_nano, before);
    EXPECT_GE(status.last_error_unix_nano, before);
    ASSERT_FALSE(backend_.start(options_.endpoint).empty());
    EXPECT_TRUE(eventually([&] { return exporter_->status().circuit == CircuitState::kClosed; }));
    EXPECT_EQ(exporter_->status().unhealthy_since_unix_nano, 0u);
    EXPECT_EQ(exporter_->status().last_error_unix_nano, status.last_error_unix_nano) << "what was, is still told";
}

}  // namespace
}  // namespace spanring::agent::test
