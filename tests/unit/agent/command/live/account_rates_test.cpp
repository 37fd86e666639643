// SPDX-License-Identifier: Apache-2.0
#include "command/live/account_rates.hpp"

#include <gtest/gtest.h>

namespace spanring::agent {
namespace {

using std::chrono::seconds;

constexpr uint64_t kSecond = 1'000'000'000;

ProcessAccount process(uint8_t instance, uint64_t born, uint64_t ended) {
    ProcessAccount account;
    account.instance[0] = instance;
    account.pid = 4711;
    account.since_unix_nano = born;
    account.writer[static_cast<size_t>(ring::Counter::kEnded)] = ended;
    return account;
}

ExporterAccount exporter(const std::string& name, uint64_t exported, uint64_t rejected = 0) {
    ExporterAccount account;
    account.name = name;
    account.exported = exported;
    account.rejected = rejected;
    return account;
}

class AccountRatesTest : public testing::Test {
protected:
    Rates look(int second, std::vector<ProcessAccount> processes) {
        return rates_.update(AccountRates::Clock::time_point{} + seconds{second}, uint64_t(second) * kSecond,
                             std::move(processes));
    }

    AccountRates rates_;
};

TEST_F(AccountRatesTest, DividesWhatRoseByTheTimeBetweenTwoLooks) {
    EXPECT_EQ(look(100, {process(1, 0, 1000)}).ended, 0) << "one look alone says nothing";
    const Rates rates = look(102, {process(1, 0, 1300)});
    EXPECT_EQ(rates.processes[0].ended, 150);
    EXPECT_EQ(rates.ended, 150);
}

TEST_F(AccountRatesTest, OfASenderWhatWasReceivedCounts) {
    ProcessAccount sender = process(1, 0, 0);
    sender.state = ProcessState::kSender;
    sender.received = 1000;
    look(100, {sender});
    sender.received = 1300;
    EXPECT_EQ(look(102, {sender}).processes[0].ended, 150);
}

TEST_F(AccountRatesTest, CountsAProcessThatWasBornSinceFromNothing) {
    look(100, {});
    const Rates rates = look(101, {process(1, 100 * kSecond + 1, 50), process(2, 99 * kSecond, 5000)});
    EXPECT_EQ(rates.processes[0].ended, 50);
    EXPECT_EQ(rates.processes[1].ended, 0) << "it was there before, and was not seen";
}

TEST_F(AccountRatesTest, KnowsARestartedProcessOfTheSameNumberByItsInstance) {
    look(100, {process(1, 0, 1000)});
    const Rates rates = look(101, {process(2, 100 * kSecond + 1, 7)});
    ASSERT_EQ(rates.processes.size(), 1u);
    EXPECT_EQ(rates.processes[0].ended, 7);
}

TEST_F(AccountRatesTest, CountsFromNothingWhereACountHasGoneBack) {
    look(100, {process(1, 0, 1000)});
    EXPECT_EQ(look(101, {process(1, 0, 30)}).ended, 30);
    EXPECT_EQ(look(102, {process(1, 0, 40)}).ended, 10);
}

TEST_F(AccountRatesTest, SumsExportersOverTheProcesses) {
    auto first = process(1, 0, 10), second = process(2, 0, 10);
    first.exporters = {exporter("otlp_grpc", 5), exporter("store", 9)};
    second.exporters = {exporter("otlp_grpc", 1)};
    first.exporters[0].pending_ring = 3;
    second.exporters[0].pending_ring = 4;
    second.exporters[0].pending_spool = 40;
    look(100, {first, second});
    first.exporters[0].exported += 10;
    second.exporters[0].exported += 20;
    second.exporters[0].rejected += 2;
    second.exporters[0].dropped_queue += 4;
    const Rates rates = look(102, {first, second});
    ASSERT_EQ(rates.exporters.size(), 2u);
    const ExporterRates& grpc = rates.exporters[0];
    EXPECT_EQ(grpc.name, "otlp_grpc");
    EXPECT_EQ(grpc.exported, 15);
    EXPECT_EQ(grpc.lost, 3);
    EXPECT_EQ(grpc.lost_sum, 6u);
    EXPECT_EQ(grpc.ring, 7u);
    EXPECT_EQ(grpc.spool, 40u);
    EXPECT_EQ(rates.processes[1].dropped_sum, 4u);
    EXPECT_EQ(rates.processes[1].dropped, 2);
    EXPECT_EQ(rates.processes[1].pending, 44u);
}

TEST_F(AccountRatesTest, BelievesNoNumberOfAQuarantinedProcess) {
    auto one = process(1, 0, 1000);
    look(100, {one});
    one.credible = false;
    one.writer[static_cast<size_t>(ring::Counter::kEnded)] = 1'000'000;
    EXPECT_EQ(look(101, {one}).ended, 0);
}

TEST_F(AccountRatesTest, HasWhatAgentsSayOfTheirExporters) {
    ExporterReport well{"store", "ok", 1, "an old error", 1, 0, 25, 100};
    ExporterReport down{"far", "retrying", 1, "connection refused", 1, 0, 50, 100};
    ExporterReport refused{"far", "refused", 1, "400", 1, 0, 90, 100};
    const Rates rates = rates_.update({}, 1, {}, {well, down, refused});
    ASSERT_EQ(rates.exporters.size(), 2u) << "also of what has no account yet";
    EXPECT_EQ(rates.exporters[0].state, "ok");
    EXPECT_EQ(rates.exporters[0].last_error, "") << "it is over";
    EXPECT_EQ(rates.exporters[0].queue_fill, 0.25);
    EXPECT_EQ(rates.exporters[1].state, "refused") << "the worst of two agents";
    EXPECT_EQ(rates.exporters[1].last_error, "400");
    EXPECT_EQ(rates.exporters[1].queue_fill, 0.9);
    EXPECT_EQ(rates_.update({}, 2, {}).exporters.size(), 0u);
}

}  // namespace
}  // namespace spanring::agent
