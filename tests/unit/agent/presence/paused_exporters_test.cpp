// SPDX-License-Identifier: Apache-2.0
#include "presence/paused_exporters.hpp"

#include <fstream>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/temporary_directory.hpp"

namespace spanring::agent {
namespace {

class PausedTest : public ::testing::Test {
protected:
    std::optional<PausedExporters> read(uid_t user = geteuid()) {
        return PausedExporters::read(directory.path(), user);
    }
    std::string path() { return directory.path() + "/" + PausedExporters::kName; }

    test::TemporaryDirectory directory;
};

TEST_F(PausedTest, AreThoseThatWereWritten) {
    const PausedExporters paused{{"otlp_grpc", "file/copy"}};
    paused.write(directory.path());
    EXPECT_EQ(read(), paused);
}

TEST_F(PausedTest, AreNoneWhereThereIsNoFile) { EXPECT_EQ(read(), PausedExporters()); }

TEST_F(PausedTest, AreNotKnownWhereItCannotBeRead) {
    ASSERT_EQ(mkdir(path().c_str(), 0700), 0);
    EXPECT_EQ(read(), std::nullopt) << "whoever is paused stays so";
}

TEST_F(PausedTest, AreNotKnownWhereItSaysSomethingElse) {
    for (const char* text : {"", "{}", "[1]", "[\"a\""}) {
        std::ofstream(path()) << text;
        EXPECT_EQ(read(), std::nullopt) << text;
    }
}

TEST_F(PausedTest, AreNotKnownByAFileOfAnotherUser) {
    PausedExporters{{"otlp_grpc"}}.write(directory.path());
    EXPECT_EQ(read(geteuid() + 1), std::nullopt);
}

TEST_F(PausedTest, AreChangedBySeveralAtOnce) {
    constexpr int kThreads = 8, kTimes = 20;
    std::vector<std::thread> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
        threads.emplace_back([&, thread] {
            const auto name = [&](int i) { return std::to_string(thread) + "/" + std::to_string(i); };
            for (int i = 0; i < kTimes; ++i) {
                PausedExporters::change(directory.path(), geteuid(), name(i), true);
                if (i % 2 == 0) PausedExporters::change(directory.path(), geteuid(), name(i), false);
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(read().value().names.size(), size_t{kThreads} * kTimes / 2);
    EXPECT_THROW(PausedExporters::change(directory.path() + "/none", geteuid(), "x", true), std::runtime_error);
}

}  // namespace
}  // namespace spanring::agent
