// SPDX-License-Identifier: Apache-2.0
//
// Each cause for which a file is not attached, one by one.
#include <gtest/gtest.h>

#include <functional>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "drain/segment_attach.hpp"
#include "ring/attach.hpp"
#include "support/segment_image.hpp"

namespace spanring::ring {
namespace {

using test::FileImage;
using test::TemporaryDirectory;

class AttachTest : public ::testing::Test {
protected:
    AttachReport attach(uid_t owner = geteuid()) {
        const int fd = open(image.path().c_str(), O_RDONLY);
        uint64_t size = 0;
        AttachReport report = check_segment_file(fd, owner, size);
        Header header;
        if (report.ok()) report = read_segment_header(fd, size, image.instance().data(), header);
        close(fd);
        return report;
    }
    Header& header() { return image.view().header(); }

    TemporaryDirectory directory;
    FileImage image{directory};
};

TEST_F(AttachTest, AcceptsASoundSegment) { EXPECT_EQ(attach(), AttachResult::kOk); }

TEST_F(AttachTest, NamesEachRefusal) {
    std::set<std::string> sentences;
    const auto refused = [&](AttachResult result, const std::function<void()>& spoil,
                             const std::function<void()>& repair) {
        spoil();
        const AttachReport report = attach();
        EXPECT_EQ(report.result, result) << describe(report);
        EXPECT_TRUE(sentences.insert(describe(report)).second) << describe(report);
        repair();
        EXPECT_EQ(attach(), AttachResult::kOk);
    };
    const auto field = [&](AttachResult result, auto& place, auto wrong) {
        const auto right = place;
        refused(
            result, [&] { place = static_cast<std::decay_t<decltype(place)>>(wrong); }, [&] { place = right; });
    };
    const char* path = image.path().c_str();
    const std::string link = image.path() + ".link";
    refused(
        AttachResult::kWrongMode, [&] { chmod(path, 0640); }, [&] { chmod(path, 0600); });
    refused(
        AttachResult::kHardLinks, [&] { ASSERT_EQ(::link(path, link.c_str()), 0); }, [&] { unlink(link.c_str()); });
    field(AttachResult::kBadMagic, header().magic, 1);
    field(AttachResult::kByteOrder, header().byte_order, 0x04030201);
    field(AttachResult::kFutureMajor, header().layout_major, kLayoutMajor + 1);
    field(AttachResult::kPastMajor, header().layout_major, 1);
    field(AttachResult::kPastMajor, header().layout_major, 2);
    field(AttachResult::kIncompatible, header().incompatible, 4);
    field(AttachResult::kNotReady, header().ready, 0);
    field(AttachResult::kBadGeometry, header().header_size, 8);
    field(AttachResult::kBadGeometry, header().extent_limit, 0);
    field(AttachResult::kBadGeometry, header().extent_limit, kMaxExtents + 1);
    field(AttachResult::kBadGeometry, header().huge_places, 1u);
    field(AttachResult::kBadGeometry, header().huge_places, kHugePlaces);
    field(AttachResult::kBadGeometry, header().segment_size, 77);
    field(AttachResult::kBadGeometry, header().resource_size, kResourceSize + 1);
    field(AttachResult::kBadGeometry, header().schema_size, kResourceSize - header().resource_size + 1);
    field(AttachResult::kBadGeometry, header().full_policy, 9);
    field(AttachResult::kWrongName, header().instance_id[3], 9);
    const auto size = static_cast<off_t>(segment_size(header().extent_limit));
    refused(
        AttachResult::kSizeMismatch, [&] { ASSERT_EQ(truncate(path, size + 4096), 0); },
        [&] { ASSERT_EQ(truncate(path, size), 0); });
}

TEST_F(AttachTest, RefusesFilesOfOthersAndSmallOnes) {
    const AttachReport foreign = attach(geteuid() + 1);
    EXPECT_EQ(foreign.result, AttachResult::kForeignOwner);
    EXPECT_NE(describe(foreign).find(std::to_string(geteuid())), std::string::npos);
    ASSERT_EQ(truncate(image.path().c_str(), 100), 0);
    EXPECT_EQ(attach().result, AttachResult::kTooSmall);
}

TEST_F(AttachTest, IgnoresNewerMinorsAndCompatibleFeatures) {
    header().layout_minor = 99;
    header().compatible = ~uint64_t{0};
    header().reserved[0] = 5;
    EXPECT_EQ(attach(), AttachResult::kOk);
}

TEST_F(AttachTest, KnowsTheOtherByteOrderByTheSignature) {
    header().magic = __builtin_bswap64(kMagic);
    EXPECT_EQ(attach().result, AttachResult::kByteOrder);
}

// The agent's whole way, with things that are no files.
TEST_F(AttachTest, NeitherFollowsNorWaitsForWhatIsNoFile) {
    using agent::AttachOutcome;
    const int folder = open(directory.path().c_str(), O_RDONLY | O_DIRECTORY);
    const auto outcome = [&](const std::string& name) {
        return attach_segment(agent::open_segment_file(folder, name.c_str(), geteuid()), name, geteuid(), 1, {});
    };
    const std::string name = "00000000000000000000000000000000.spr", path = directory.path() + "/" + name;
    const std::function<void()> makers[] = {
        [&] { ASSERT_EQ(symlink(image.path().c_str(), path.c_str()), 0); },
        [&] { ASSERT_EQ(mkfifo(path.c_str(), 0600), 0); },
        [&] { ASSERT_EQ(mkdir(path.c_str(), 0700), 0); },
    };
    for (const auto& make : makers) {
        make();
        const AttachOutcome refused = outcome(name);
        EXPECT_EQ(refused.kind, AttachOutcome::Kind::kRefused);
        EXPECT_EQ(refused.reason, "not a regular file");
        remove(path.c_str());
    }
    EXPECT_EQ(outcome(name).kind, AttachOutcome::Kind::kGone);
    EXPECT_EQ(outcome("agent.lock").kind, AttachOutcome::Kind::kRefused);

    AttachOutcome first = outcome(image.name());
    ASSERT_EQ(first.kind, AttachOutcome::Kind::kAttached) << first.reason;
    EXPECT_EQ(outcome(image.name()).kind, AttachOutcome::Kind::kBusy) << "two agents never drain one segment";
    first.segment.reset();
    EXPECT_EQ(outcome(image.name()).kind, AttachOutcome::Kind::kAttached);
    EXPECT_EQ(image.view().control().attachments, 2u);

    image.view().resource()[0] = 0xff;
    EXPECT_EQ(outcome(image.name()).reason, "its resource is malformed");
    image.view().control().policy = PolicyBits::kRetired;
    EXPECT_EQ(outcome(image.name()).reason, "an earlier agent quarantined it");
    close(folder);
}

// Address space that is out: not now, and nothing is held against the segment. In a child, whose limit it is.
TEST_F(AttachTest, WaitsWhereItCannotBeMapped) {
    using agent::AttachOutcome;
    const pid_t child = fork();
    if (child == 0) {
        const int folder = open(directory.path().c_str(), O_RDONLY | O_DIRECTORY);
        const auto kind = [&](std::string& ret_reason) {
            AttachOutcome outcome = attach_segment(agent::open_segment_file(folder, image.name().c_str(), geteuid()),
                                                   image.name(), geteuid(), 1, {});
            ret_reason = outcome.reason;
            return outcome.kind;
        };
        std::string reason;
        rlimit before;
        getrlimit(RLIMIT_AS, &before);
        const rlimit none = {0, before.rlim_max};
        if (setrlimit(RLIMIT_AS, &none) != 0) _exit(2);
        const AttachOutcome::Kind first = kind(reason);
        setrlimit(RLIMIT_AS, &before);
        if (first != AttachOutcome::Kind::kLater) _exit(3);
        if (reason.find("cannot be mapped") == std::string::npos) _exit(4);
        _exit(kind(reason) == AttachOutcome::Kind::kAttached ? 0 : 5);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace spanring::ring
