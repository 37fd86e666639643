// SPDX-License-Identifier: Apache-2.0
//
// Requests out of a mapping that its process can still write, and peers that do not read.
#include "export/grpc/exporter.hpp"

#include <sys/mman.h>

#include <cstring>
#include <future>

#include "support/deaf_peer.hpp"
#include "support/grpc_exporter_test.hpp"

namespace spanring::agent::test {
namespace {

using namespace std::chrono_literals;

class TestPin final : public Pin {
public:
    explicit TestPin(std::promise<void>& released) : released_(released) {}
    ~TestPin() override { released_.set_value(); }

private:
    std::promise<void>& released_;
};

class ZeroCopyTest : public OtlpGrpcExporterTest {
protected:
    static constexpr size_t kMappingSize = size_t{4} << 20;

    ZeroCopyTest() {
        options_.zero_copy = ZeroCopy::kSameUser;
        file_ = ::memfd_create("segment", MFD_CLOEXEC);
        EXPECT_EQ(::ftruncate(file_, kMappingSize), 0);
        mapping_ = static_cast<uint8_t*>(::mmap(nullptr, kMappingSize, PROT_READ | PROT_WRITE, MAP_SHARED, file_, 0));
    }
    ~ZeroCopyTest() override {
        ::munmap(mapping_, kMappingSize);
        ::close(file_);
    }

    // Its run points into the mapping; `released` is told when its pin goes.
    std::shared_ptr<Batch> pinned(uint64_t first, uint32_t count, std::promise<void>& released) {
        const auto made = batch(first, 0, producer(7, "shop"));
        std::string run;
        for (uint64_t n = first; n < first + count; ++n) run += bytes(2, typical_span(n));
        std::memcpy(mapping_ + used_, run.data(), run.size());
        made->runs = {{producer(7, "shop"), scope("test"), {mapping_ + used_, run.size()}, count}};
        used_ += run.size();
        made->spans = count;
        made->bytes = run.size();
        made->pin = std::make_shared<TestPin>(released);
        return made;
    }

    // Nobody but the exporter keeps a batch any more.
    void forget_batches() {
        acknowledged_ += acknowledgements_.take().size();
        EXPECT_EQ(acknowledged_, batches_.size());
        batches_.clear();
        acknowledged_ = 0;
    }

    bool wait_released(std::promise<void>& released) {
        forget_batches();
        return released.get_future().wait_for(kWatchdog) == std::future_status::ready;
    }

    int file_ = -1;
    uint8_t* mapping_ = nullptr;
    size_t used_ = 0;
    size_t acknowledged_ = 0;
};

TEST_F(ZeroCopyTest, DeliversOutOfTheMappingAndLetsItGo) {
    options_.endpoint = backend_.start("127.0.0.1:0");
    make([](const InstanceId&) { ADD_FAILURE() << "zero copy failed"; });
    for (uint64_t i = 0; i < 20; ++i) {
        std::promise<void> released;
        EXPECT_EQ(send(pinned(i * 100, 100, released)).outcome, Outcome::kExported);
        EXPECT_TRUE(wait_released(released));
    }
    expect_delivered_once(0, 2000);
}

TEST_F(ZeroCopyTest, UsesAConnectionOfItsOwn) {
    options_.endpoint = backend_.start("127.0.0.1:0");
    make();
    std::promise<void> released;
    EXPECT_EQ(send(batch(0, 1)).outcome, Outcome::kExported);
    EXPECT_EQ(send(pinned(1, 1, released)).outcome, Outcome::kExported);
    EXPECT_EQ(send(batch(2, 1)).outcome, Outcome::kExported);
    EXPECT_TRUE(wait_released(released));
    const auto received = backend_.received();
    EXPECT_NE(received[0].peer, received[1].peer);
    EXPECT_EQ(received[0].peer, received[2].peer);
}

TEST_F(ZeroCopyTest, WithoutTheOptionAPinnedBatchIsSentAsACopy) {
    options_.zero_copy = ZeroCopy::kOff;
    options_.endpoint = backend_.start("127.0.0.1:0");
    make();
    std::promise<void> released;
    EXPECT_EQ(send(batch(0, 1)).outcome, Outcome::kExported);
    EXPECT_EQ(send(pinned(1, 100, released)).outcome, Outcome::kExported);
    EXPECT_TRUE(wait_released(released));
    EXPECT_EQ(backend_.received()[0].peer, backend_.received()[1].peer);
    expect_delivered_once(0, 101);
}

TEST_F(ZeroCopyTest, FailureGoesToTheSpoolAndBackToCopyMode) {
    options_.endpoint = backend_.start("127.0.0.1:0");
    backend_.answer_with([first = true](const Received&) mutable {
        return Reply{
            std::exchange(first, false) ? grpc::Status(grpc::UNAVAILABLE, "once") : grpc::Status::OK, {}, false};
    });
    std::promise<InstanceId> failed;
    make([&](const InstanceId& instance) { failed.set_value(instance); });
    std::promise<void> released;
    EXPECT_EQ(send(pinned(0, 10, released)).outcome, Outcome::kSpooled);
    EXPECT_TRUE(wait_released(released));
    EXPECT_EQ(failed.get_future().get(), producer(7, "")->instance);
    ASSERT_TRUE(ledger_.wait_for_total(10));
    EXPECT_NE(backend_.received()[0].peer, backend_.received()[1].peer) << "sent again as a copy, elsewhere";
}

// The kernel itself reads the mapping: EFAULT in its send, not a signal here. Other batches are not touched by it.
TEST_F(ZeroCopyTest, SurvivesAMappingThatIsTruncatedBeforeItIsSent) {
    options_.endpoint = backend_.start("127.0.0.1:0");
    std::promise<InstanceId> failed;
    make([&](const InstanceId& instance) { failed.set_value(instance); });
    EXPECT_EQ(send(batch(0, 10)).outcome, Outcome::kExported);
    std::promise<void> released;
    auto made = pinned(100, 1000, released);
    ASSERT_EQ(::ftruncate(file_, 0), 0);
    EXPECT_EQ(send(std::move(made)).outcome, Outcome::kDroppedQueue);
    EXPECT_TRUE(wait_released(released));
    EXPECT_EQ(failed.get_future().get(), producer(7, "")->instance);
    EXPECT_NE(send(batch(10, 10)).outcome, Outcome::kDroppedQueue);
    EXPECT_TRUE(backend_.wait_for_requests(2));
    expect_delivered_once(0, 20);
}

class DeafPeerTest : public ZeroCopyTest, public testing::WithParamInterface<bool> {
protected:
    DeafPeerTest() : peer_(GetParam()) {
        options_.endpoint = peer_.address();
        options_.timeout = 1s;
        options_.retry.initial_interval = 1h;
        options_.retry.max_interval = 1h;
    }
    DeafPeer peer_;
};

TEST_P(DeafPeerTest, GivesTheSlicesBackInZeroCopy) {
    std::promise<InstanceId> failed;
    make([&](const InstanceId& instance) { failed.set_value(instance); });
    std::promise<void> released;
    EXPECT_EQ(send(pinned(0, 20'000, released)).outcome, Outcome::kSpooled);
    EXPECT_TRUE(wait_released(released));
    EXPECT_EQ(failed.get_future().get(), producer(7, "")->instance);
    EXPECT_EQ(exporter_->status().spooled, 20'000u);
}

TEST_P(DeafPeerTest, HoldsNoBatchInCopyMode) {
    make();
    EXPECT_EQ(send(batch(0, 20'000)).outcome, Outcome::kSpooled);
    Backend sound;
    options_.endpoint = sound.start("127.0.0.1:0");
    make();
    ASSERT_TRUE(ledger_.wait_for_total(20'000)) << "nothing is lost";
}

INSTANTIATE_TEST_SUITE_P(Greeting, DeafPeerTest, testing::Bool());

TEST_F(ZeroCopyTest, SurvivesAMappingThatIsTruncatedBeforeItIsSpooled) {
    options_.endpoint = "unix:" + directory_.file("nobody");
    make();
    EXPECT_EQ(send(batch(500, 1)).outcome,
              Outcome::kSpooled);  // the circuit is open: what comes now is copied to the spool
    std::promise<void> released;
    auto made = pinned(0, 100, released);
    ASSERT_EQ(::ftruncate(file_, 0), 0);
    EXPECT_EQ(send(std::move(made)).outcome, Outcome::kDroppedQueue);
    EXPECT_TRUE(wait_released(released));
}

TEST_F(ZeroCopyTest, ValidatesAgainWhatItCopiesOutOfTheMapping) {
    options_.endpoint = "unix:" + directory_.file("nobody");
    make();
    EXPECT_EQ(send(batch(500, 1)).outcome, Outcome::kSpooled);
    std::promise<void> released;
    auto made = pinned(0, 100, released);
    const size_t each = made->bytes / 100;
    std::memset(mapping_ + 10 * each + 3, 0xff, 4);  // a trace id becomes a length that runs away
    mapping_[20 * each + 3] = 0x0b;                  // a group
    EXPECT_EQ(send(std::move(made)).outcome, Outcome::kSpooled);
    EXPECT_TRUE(wait_released(released));
    backend_.start(options_.endpoint = "unix:" + directory_.file("backend"));
    make();
    ASSERT_TRUE(ledger_.wait_for_total(101));
    EXPECT_TRUE(backend_.received().at(0).parsed && backend_.received().at(1).parsed);
    const SpoolRow booked = ledger_.spool(producer(7, "")->instance, "otlp");
    EXPECT_EQ(booked.exported + booked.dropped, 100u);
    EXPECT_GE(booked.dropped, 1u);
}

}  // namespace
}  // namespace spanring::agent::test
