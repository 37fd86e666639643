// SPDX-License-Identifier: Apache-2.0
//
// The agent's side of the line to the program that publishes, whose place the test takes: whichever allocation fails,
// each message that was handed over is done once, and nobody waits for one for ever.
#include "export/tap/helper.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <functional>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "programs/programs.hpp"
#include "support/scarce_memory.hpp"

namespace spanring::agent {
namespace {

using spanring::test::allocations_left;
using spanring::test::kPlenty;

struct Pipe {
    Pipe() {
        int ends[2];
        if (::pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
        out = Descriptor(ends[0]);
        in = Descriptor(ends[1]);
    }
    Descriptor out, in;
};

struct Line {
    Line() {
        int ends[2];
        if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) throw std::runtime_error("socketpair");
        agents = ends[0];
        starters = Descriptor(ends[1]);
    }
    int agents = -1;
    Descriptor starters;
};

class TapHelperTest : public ::testing::Test {
protected:
    // As a thread goes on that had no memory for something.
    template <class Work>
    void again_and_again(Work&& work) {
        for (;;) {
            try {
                return work();
            } catch (const std::bad_alloc&) {
                ++failures_;
            }
        }
    }

    void look() {
        again_and_again([this] { helper_.look(now_); });
    }

    // The program is there, and somebody subscribes.
    void attach() {
        look();
        StarterOrder order;
        ASSERT_EQ(::recv(line_.starters.get(), &order, sizeof order, 0), static_cast<ssize_t>(sizeof order));
        StarterReport report{StarterReport::What::kStarted, order.run, 1};
        const int files[] = {orders_.in.get(), words_.out.get(), errors_.out.get()};
        iovec bytes = {&report, sizeof report};
        alignas(cmsghdr) char control[CMSG_SPACE(sizeof files)] = {};
        msghdr message{};
        message.msg_iov = &bytes;
        message.msg_iovlen = 1;
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        cmsghdr* const head = CMSG_FIRSTHDR(&message);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(sizeof files);
        std::memcpy(CMSG_DATA(head), files, sizeof files);
        ASSERT_EQ(::sendmsg(line_.starters.get(), &message, 0), static_cast<ssize_t>(sizeof report));
        look();
        say({TapWord::What::kAttached, 0, 1 << 16});
        say({TapWord::What::kSubscribers, 0, 1});
        look();
        ASSERT_TRUE(helper_.is_wanted(0));
        EXPECT_EQ(take_orders(), 0u);
    }

    void say(const TapWord& word) {
        ASSERT_EQ(::write(words_.in.get(), &word, sizeof word), static_cast<ssize_t>(sizeof word));
    }

    // How many of them were messages.
    size_t take_orders() {
        size_t messages = 0;
        TapOrder order;
        while (::read(orders_.out.get(), &order, sizeof order) == sizeof order) {
            std::string text(order.bytes, '\0');
            EXPECT_EQ(::read(orders_.out.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
            messages += order.task == TapOrder::Task::kPublish;
        }
        return messages;
    }

    // As many messages as were handed over.
    size_t publish(int count) {
        size_t handed_over = 0;
        for (int i = 0; i < count; ++i) {
            try {
                Request message;
                message.slices.emplace_back(reinterpret_cast<const uint8_t*>("bytes"), 5);
                message.bytes = 5;
                helper_.publish(0, std::move(message), 1, 0, std::make_shared<int>(i));
                ++handed_over;
            } catch (const std::bad_alloc&) {
                ++failures_;
            }
        }
        return handed_over;
    }

    // Every other one is refused.
    void answer(size_t messages) {
        for (size_t i = 0; i < messages; ++i) say({TapWord::What::kPublished, 0, i % 2});
    }

    // Of all that is done by now: how many were published, and how many not.
    void take_done() {
        for (const TapHelper::Done& each : helper_.take_done()) {
            ASSERT_NE(each.owner, nullptr);
            ++(each.published ? published_ : lost_);
        }
    }

    Line line_;
    Pipe orders_, words_, errors_;
    ProgramLine program_{Descriptor(line_.agents)};
    TapHelper helper_{"exporter tap", "spanring-tap-test", {}, program_};
    TapHelper::Clock::time_point now_ = TapHelper::Clock::now();
    size_t failures_ = 0, published_ = 0, lost_ = 0;
};

// True: no allocation was left to fail.
bool end_to_end(const std::function<bool(int fails_at)>& run) {
    for (int fails_at = 0; fails_at < 1000; ++fails_at)
        if (run(fails_at)) return fails_at > 3;
    return false;
}

class Published : public TapHelperTest {
public:
    void TestBody() override {}
    bool run(int fails_at) {
        attach();
        allocations_left = fails_at;
        const size_t handed_over = publish(100);
        again_and_again([this] { helper_.write(now_); });
        EXPECT_EQ(take_orders(), handed_over);
        answer(handed_over);
        look();
        say({TapWord::What::kAlive});
        look();
        allocations_left = kPlenty;
        take_done();
        EXPECT_EQ(published_ + lost_, handed_over) << "allocation " << fails_at;
        EXPECT_EQ(lost_, handed_over / 2) << "allocation " << fails_at;
        EXPECT_EQ(helper_.status().subscriptions.at(0).unpublished, lost_);
        return failures_ == 0;
    }
};

TEST(TapHelper, EachMessageIsDoneOnceWhateverMemoryThereIs) {
    EXPECT_TRUE(end_to_end([](int fails_at) { return Published().run(fails_at); }));
}

class Abandoned : public TapHelperTest {
public:
    void TestBody() override {}
    bool run(int fails_at) {
        attach();
        const size_t handed_over = publish(50);
        helper_.write(now_);
        const size_t more = publish(50);  // which are not written
        allocations_left = fails_at;
        again_and_again([this] { helper_.abandon(); });
        allocations_left = kPlenty;
        take_done();
        EXPECT_EQ(lost_, handed_over + more) << "allocation " << fails_at;
        EXPECT_EQ(helper_.status().subscriptions.at(0).unpublished, lost_);
        return failures_ == 0;
    }
};

TEST(TapHelper, WhatIsGivenUpIsDoneOnceAsWell) {
    EXPECT_TRUE(end_to_end([](int fails_at) { return Abandoned().run(fails_at); }));
}

class Silent : public TapHelperTest {
public:
    void TestBody() override {}
    // The program stood still for longer than it may, and goes on where there was no memory to give it up.
    bool run(int fails_at) {
        attach();
        const size_t handed_over = publish(50);
        helper_.write(now_);
        EXPECT_EQ(take_orders(), handed_over);
        now_ += 2 * TapOptions().timeout;
        allocations_left = fails_at;
        again_and_again([this, handed_over, failed = false]() mutable {
            if (failures_ != 0 && !std::exchange(failed, true)) answer(handed_over);
            helper_.look(now_);
        });
        allocations_left = kPlenty;
        take_done();
        EXPECT_EQ(published_ + lost_, handed_over) << "allocation " << fails_at;
        EXPECT_EQ(helper_.status().subscriptions.at(0).unpublished, lost_);
        return failures_ == 0;
    }
};

TEST(TapHelper, WhatWasGivenUpIsNotAnswered) {
    EXPECT_TRUE(end_to_end([](int fails_at) { return Silent().run(fails_at); }));
}

}  // namespace
}  // namespace spanring::agent
