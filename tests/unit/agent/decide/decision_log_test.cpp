// SPDX-License-Identifier: Apache-2.0
//
// What was decided is there again when the next agent reads it, whatever the file looks like.
#include "decide/decision_log.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include <sys/resource.h>
#include <sys/stat.h>

#include "base/wall_clock.hpp"
#include "support/temporary_directory.hpp"

namespace spanring::agent {
namespace {

using std::chrono::milliseconds;

constexpr DecisionMemory::Time kNow{std::chrono::hours(1000)};
constexpr milliseconds kKeptFor{600'000};
const std::vector<std::string> kRules = {"errors", "share", "no_policy"};

class DecisionLogTest : public ::testing::Test {
protected:
    // What an agent finds that begins now, and the log that it goes on with.
    DecisionLog next(const std::vector<std::string>& rules = kRules, milliseconds kept_for = kKeptFor) {
        memory.emplace(1000, 1000, kKeptFor);
        DecisionLog log(directory.path(), names_of(rules), rules, kMost);
        log.read_into(*memory, kept_for, kNow);
        return log;
    }
    // A rule's name is a word here, and what it means beside follows it.
    static std::vector<std::string> names_of(std::vector<std::string> rules) {
        for (std::string& rule : rules) rule = rule.substr(0, rule.find(' '));
        return rules;
    }
    // Without its time, of which all say that an earlier agent made it.
    std::optional<Decision> find(uint64_t trace) {
        std::optional<Decision> found = memory->find({trace, 0}, kNow);
        if (found) {
            EXPECT_NE(std::exchange(found->made_before, 0), 0u) << trace;
        }
        return found;
    }
    std::string file() const { return directory.path() + "/decisions"; }

    static constexpr size_t kMost = 10;
    test::TemporaryDirectory directory;
    std::optional<DecisionMemory> memory;
};

TEST_F(DecisionLogTest, TheNextAgentDecidesAlike) {
    {
        DecisionLog log = next();
        log.add({1, 0}, {true, 0, 0, 2});
        log.add({2, 0}, {false, 1});
        log.write();
        log.add({3, 0}, {true, 0});  // and not written
    }
    next();
    EXPECT_EQ(find(1), (Decision{true, 0, 0, 2}));
    EXPECT_EQ(find(2), (Decision{false, 1}));
    EXPECT_EQ(find(3), std::nullopt);
    {
        DecisionLog log = next();
        log.add({4, 0}, {true, 0});
        log.write();
    }
    next();
    for (const uint64_t trace : {1, 2, 4}) EXPECT_TRUE(find(trace)) << trace;
}

TEST_F(DecisionLogTest, TheNextAgentKnowsWhatCameLater) {
    const Decision own{false, 0};
    EXPECT_TRUE(own.is_late(0)) << "whatever this agent meets after its own decision is late";
    const uint64_t before = unix_nano();
    {
        DecisionLog log = next();
        log.add({1, 0}, own);
        log.write();
    }
    const uint64_t after = unix_nano();
    next();
    const Decision found = *memory->find({1, 0}, kNow);
    EXPECT_FALSE(found.is_late(before)) << "it may have been in that agent's hands";
    EXPECT_TRUE(found.is_late(after + 1'000'000));
    EXPECT_TRUE(found.is_late(after + 500'000'000));
    EXPECT_FALSE(found.is_late(before - 500'000'000));
}

TEST_F(DecisionLogTest, OfOtherRulesTheFateAloneIsKnown) {
    {
        DecisionLog log = next();
        log.add({1, 0}, {true, 0});
        log.write();
    }
    next({"another", "no_policy"});
    EXPECT_EQ(find(1), (Decision{true, 1}));
}

// As what comes late is counted by.
TEST_F(DecisionLogTest, ARuleKeepsItsNameWhereverItStandsNow) {
    {
        DecisionLog log = next({"errors", "share 10", "share_of_others 20", "no_policy"});
        log.add({1, 0}, {false, 0});
        log.add({2, 0}, {true, 1, 0, 2});
        log.add({3, 0}, {true, 2, 0, 3});
        log.add({4, 0}, {false, 3});
        log.add({5, 0}, {false, 4 + 5});  // of a slot
        log.add({6, 0}, {true, 4 + 6, 0, 4 + 7});
        log.write();
    }
    for (int agents = 0; agents < 2; ++agents) {  // the next one but one finds what the next one wrote
        next({"new", "share_of_others 20", "errors", "share 11", "no_policy"});
        EXPECT_EQ(find(1), (Decision{false, 2}));
        EXPECT_EQ(find(2), (Decision{true, 3})) << "how likely it was is not known any more";
        EXPECT_EQ(find(3), (Decision{true, 1, 0, 2}));
        EXPECT_EQ(find(4), (Decision{false, 4}));
        EXPECT_EQ(find(5), (Decision{false, 5 + 5}));
        EXPECT_EQ(find(6), (Decision{true, 5 + 6, 0, 5 + 7}));
    }
}

TEST_F(DecisionLogTest, WhatIsOldIsForgotten) {
    {
        DecisionLog log = next();
        log.add({1, 0}, {true, 0});
        log.write();
    }
    next(kRules, milliseconds(0));
    EXPECT_EQ(find(1), std::nullopt);
}

TEST_F(DecisionLogTest, FilesAreBounded) {
    DecisionLog log = next();
    for (uint64_t trace = 0; trace < 10 * kMost; ++trace) {
        log.add({trace, 0}, {true, 0});
        log.write();
    }
    uintmax_t bytes = 0;
    for (const auto& entry : std::filesystem::directory_iterator(directory.path())) bytes += entry.file_size();
    EXPECT_LE(bytes, 2 * (kMost * 24 + 16 + 3 * 16));
    next();
    EXPECT_TRUE(find(10 * kMost - 1));
    EXPECT_TRUE(find(9 * kMost));
    EXPECT_FALSE(find(0));
}

// Each agent finds what the one before it found, the newest above all.
TEST_F(DecisionLogTest, SeveralStartsForgetNothingThatIsRemembered) {
    {
        DecisionLog log = next();
        for (uint64_t trace = 0; trace < 2 * kMost; ++trace) {
            log.add({trace, 0}, {true, 0});
            log.write();
        }
    }
    for (uint64_t start = 0; start < 3; ++start) {
        DecisionLog log = next();
        for (uint64_t trace = kMost; trace < 2 * kMost + start; ++trace) EXPECT_TRUE(find(trace)) << start << trace;
        log.add({2 * kMost + start, 0}, {true, 0});
        log.write();
    }
}

// A limit stands in for a full disk.
TEST_F(DecisionLogTest, AFullDiskTakesNothingFromWhatIsThere) {
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
    auto* const handler = ::signal(SIGXFSZ, SIG_IGN);
    DecisionLog log = next();
    log.add({1, 0}, {true, 0});
    log.write();
    for (const rlim_t bytes : {rlim_t{50}, rlim_t{0}}) {
        const rlimit low = {bytes, before.rlim_max};
        ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &low), 0);
        for (uint64_t trace = 10; trace < 20; ++trace) {
            log.add({trace, 0}, {true, 0});
            log.write();
        }
    }
    ::setrlimit(RLIMIT_FSIZE, &before);
    ::signal(SIGXFSZ, handler);
    log.add({2, 0}, {false, 0});
    log.write();
    next();
    EXPECT_TRUE(find(1));
    EXPECT_EQ(find(2), (Decision{false, 0}));
    EXPECT_FALSE(find(15));
}

TEST_F(DecisionLogTest, ARecordThatWasCutIsNone) {
    {
        DecisionLog log = next();
        log.add({1, 0}, {true, 0});
        log.add({2, 0}, {true, 0});
        log.write();
    }
    std::filesystem::resize_file(file(), std::filesystem::file_size(file()) - 1);
    {
        DecisionLog log = next();
        EXPECT_TRUE(find(1));
        EXPECT_FALSE(find(2));
        log.add({3, 0}, {false, 0});
        log.write();
    }
    next();
    EXPECT_TRUE(find(1));
    EXPECT_EQ(find(3), (Decision{false, 0}));
}

TEST_F(DecisionLogTest, WhatIsNoLogIsNotBelieved) {
    const auto check = [this](const char* what) {
        {
            DecisionLog log = next();
            EXPECT_EQ(memory->size(), 0u) << what;
            log.add({1, 0}, {true, 0});
            log.write();
        }
        next();
        EXPECT_TRUE(find(1)) << what;
        std::filesystem::remove_all(file());
    };
    std::ofstream(file()) << "";
    check("empty");
    std::ofstream(file()) << std::string(1000, 'x');
    check("text");
    std::filesystem::create_symlink("/etc/passwd", file());
    check("link");
    ASSERT_EQ(::mkfifo(file().c_str(), 0600), 0);
    check("FIFO");
}

TEST_F(DecisionLogTest, WhereNothingCanBeWrittenDecisionsGoOn) {
    std::filesystem::create_directory(file());
    std::filesystem::create_directory(file() + ".next");
    std::ofstream(file() + "/in_it") << "x";
    std::ofstream(file() + ".next/in_it") << "x";
    DecisionLog log = next();
    log.add({1, 0}, {true, 0});
    log.write();
    DecisionLog nowhere("", kRules, kRules, kMost);
    nowhere.read_into(*memory, kKeptFor, kNow);
    nowhere.add({1, 0}, {true, 0});
    nowhere.write();
}

}  // namespace
}  // namespace spanring::agent
