// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <csignal>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "presence/announcement.hpp"
#include "presence/running_agent.hpp"
#include "rights/privileges.hpp"
#include "support/child_process.hpp"
#include "support/temporary_directory.hpp"

namespace spanring::agent {
namespace {

// An agent in a process of its own: the process's lock is no obstacle to the process itself. It lives as long as this.
class Announcer {
public:
    using Then = std::function<void(Announcement& announcement, Notice notice)>;

    // `before`: in its process, which may give up rights.
    Announcer(
        const Notice& notice, const std::string& directory, const std::function<void()>& before = [] {},
        const Then& then = [](Announcement&, const Notice&) {}) {
        int ends[2], answer[2];
        if (pipe2(ends, O_CLOEXEC) != 0 || pipe2(answer, O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
        child_ = fork();
        if (child_ == 0) {
            alarm(test::kChildWatchdog);
            close(ends[1]);
            {
                Notice own = notice;
                own.pid = getpid();
                before();
                Announcement announcement;
                const std::string problem = announcement.place_in(directory, own);
                then(announcement, own);
                if (write(answer[1], problem.c_str(), problem.size() + 1) < 0) _exit(1);
                char end = 0;
                if (read(ends[0], &end, 1) < 0) _exit(1);
            }
            _exit(0);
        }
        close(ends[0]);
        close(answer[1]);
        char text[256] = {};
        if (read(answer[0], text, sizeof text - 1) > 0) problem_ = text;
        close(answer[0]);
        life_ = ends[1];
    }
    ~Announcer() { end(); }

    void end() {
        if (child_ <= 0) return;
        close(life_);
        test::wait_status(child_);
        child_ = -1;
    }
    void kill() {
        ::kill(child_, SIGKILL);
        end();
    }
    pid_t pid() const { return child_; }
    const std::string& problem() const { return problem_; }

private:
    pid_t child_ = -1;
    int life_ = -1;
    std::string problem_;
};

class PresenceTest : public ::testing::Test {
protected:
    Notice notice(bool all_users = false) const {
        return {1,
                "1.2.3",
                directory.path(),
                {directory.path()},
                all_users,
                {"otlp_grpc", "store"},
                {directory.file("spans.db")}};
    }
    std::optional<RunningAgent> found() { return running_agent_in(directory.path(), problem); }

    test::TemporaryDirectory directory;
    std::string problem;
};

TEST_F(PresenceTest, IsKnownWhileTheAgentRuns) {
    EXPECT_FALSE(found());
    Announcer agent(notice(), directory.path());
    EXPECT_EQ(agent.problem(), "");
    const auto running = found();
    ASSERT_TRUE(running) << problem;
    EXPECT_EQ(running->pid, agent.pid());
    EXPECT_EQ(running->version, "1.2.3");
    EXPECT_EQ(running->state_directory, directory.path());
    EXPECT_EQ(running->exporters, (std::vector<std::string>{"otlp_grpc", "store"}));
    EXPECT_EQ(running->user, geteuid());
    EXPECT_EQ(directory.files(), std::vector<std::string>{"agent.json"});
    agent.end();
    EXPECT_FALSE(found());
    EXPECT_TRUE(directory.files().empty());
}

TEST_F(PresenceTest, OfAKilledAgentIsNotBelieved) {
    Announcer agent(notice(), directory.path());
    agent.kill();
    EXPECT_TRUE(directory.has("agent.json"));
    EXPECT_FALSE(found());
    EXPECT_EQ(problem, "");
    Announcer next(notice(), directory.path());
    EXPECT_EQ(next.problem(), "");
    ASSERT_TRUE(found());
    EXPECT_EQ(found()->pid, next.pid());
}

// As one of all users, which has no right to make a file there any more when a replacement has failed.
TEST_F(PresenceTest, OfAnAgentThatIsGoneBecomesThatOfOneThatMayMakeNoFiles) {
    Announcer agent(notice(), directory.path());
    agent.kill();
    ASSERT_EQ(chmod(directory.path().c_str(), 0555), 0);
    Notice other = notice();
    other.exporters = {"x"};
    Announcer next(other, directory.path(), [] { keep_rights(kNoRights); });
    EXPECT_EQ(next.problem(), "");
    ASSERT_TRUE(found()) << problem;
    EXPECT_EQ(found()->pid, next.pid());
    EXPECT_EQ(found()->exporters, other.exporters);
    Announcer third(notice(), directory.path(), [] { keep_rights(kNoRights); });
    EXPECT_EQ(third.problem(), "another agent's notice is there");
    third.end();
    EXPECT_EQ(found()->pid, next.pid());
    ASSERT_EQ(chmod(directory.path().c_str(), 0700), 0);
}

TEST_F(PresenceTest, IsChangedWhereNoFilesCanBeMadeAnyMore) {
    Announcer agent(
        notice(), directory.path(), [] {},
        [&](Announcement& announcement, Notice notice) {
            if (chmod(directory.path().c_str(), 0555) != 0) _exit(1);
            keep_rights(kNoRights);
            notice.exporters = {"x"};
            announcement.change(notice);
        });
    ASSERT_TRUE(found()) << problem;
    EXPECT_EQ(found()->pid, agent.pid());
    EXPECT_EQ(found()->exporters, std::vector<std::string>{"x"});
    ASSERT_EQ(chmod(directory.path().c_str(), 0700), 0);
}

TEST_F(PresenceTest, OfARunningAgentIsNotReplaced) {
    Announcer agent(notice(), directory.path());
    Announcer second(notice(), directory.path());
    EXPECT_EQ(second.problem(), "another agent's notice is there");
    second.end();
    ASSERT_TRUE(found());
    EXPECT_EQ(found()->pid, agent.pid());
}

TEST_F(PresenceTest, OfAllUsersIsFoundFromEachUsersDirectory) {
    const std::string user = directory.file("1000");
    ASSERT_EQ(mkdir(user.c_str(), 0700), 0);
    ASSERT_EQ(chmod(directory.path().c_str(), 0755), 0);
    Announcer agent(notice(true), directory.path());
    ASSERT_TRUE(running_agent_of(user, problem));
    EXPECT_EQ(running_agent_of(user + "/", problem)->pid, agent.pid());
    Announcer own(notice(), user);
    EXPECT_EQ(running_agent_of(user, problem)->pid, own.pid()) << "the user's own goes first";
}

TEST_F(PresenceTest, OfOneUserIsNotTakenForThatOfAll) {
    const std::string user = directory.file("1000");
    ASSERT_EQ(mkdir(user.c_str(), 0700), 0);
    Announcer agent(notice(), directory.path());
    EXPECT_FALSE(running_agent_of(user, problem));
}

TEST_F(PresenceTest, IsNotPlacedWhereOthersMayWrite) {
    ASSERT_EQ(chmod(directory.path().c_str(), 0777), 0);
    Announcer agent(notice(), directory.path());
    EXPECT_EQ(agent.problem(), "others may write there");
    EXPECT_TRUE(directory.files().empty());
}

TEST_F(PresenceTest, IsNotBelievedWhereOthersMayWrite) {
    Announcer agent(notice(), directory.path());
    ASSERT_EQ(chmod(directory.path().c_str(), 0777), 0);
    EXPECT_FALSE(found());
    EXPECT_EQ(problem, "others may have written it");
}

TEST_F(PresenceTest, WithAStateDirectoryOfSomebodyElseIsNotFollowed) {
    if (geteuid() == 0) GTEST_SKIP() << "root may name any";
    Notice lying = notice();
    lying.state_directory = "/";
    Announcer agent(lying, directory.path());
    EXPECT_FALSE(found());
    EXPECT_NE(problem.find("/ belongs to user 0"), std::string::npos) << problem;
}

TEST_F(PresenceTest, DoesNotWaitForAPipeOrFollowALink) {
    ASSERT_EQ(mkfifo(directory.file("agent.json").c_str(), 0600), 0);
    EXPECT_FALSE(found());
    ASSERT_EQ(unlink(directory.file("agent.json").c_str()), 0);
    ASSERT_EQ(symlink("/etc/passwd", directory.file("agent.json").c_str()), 0);
    EXPECT_FALSE(found());
    EXPECT_FALSE(problem.empty());
}

TEST(NoticeTest, IsReadAsItWasWritten) {
    const Notice notice{7, "1.0", "/var/lib/x", {"/run/spanring"}, true, {"store"}, {"/var/lib/x/spans.db"}};
    EXPECT_EQ(Notice::parse(notice.text()), notice);
}

TEST(NoticeTest, ThatIsNoneIsNothing) {
    const Notice notice{7, "1.0", "/var/lib/x", {"relative", "/run/spanring"}, true, {"store"}, {"x"}};
    EXPECT_EQ(Notice::parse(notice.text())->directories, std::vector<std::string>{"/run/spanring"});
    EXPECT_TRUE(Notice::parse(notice.text())->stores.empty());
    const std::string text = notice.text();
    EXPECT_FALSE(Notice::parse(""));
    EXPECT_FALSE(Notice::parse("[]"));
    EXPECT_FALSE(Notice::parse("{}"));
    EXPECT_FALSE(Notice::parse(text.substr(0, text.size() / 2)));
    EXPECT_FALSE(Notice::parse(std::string(Notice::kMostBytes + 1, ' ') + text));
    Notice relative = notice;
    relative.state_directory = "state";
    EXPECT_FALSE(Notice::parse(relative.text()));
}

}  // namespace
}  // namespace spanring::agent
