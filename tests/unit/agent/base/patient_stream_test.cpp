// SPDX-License-Identifier: Apache-2.0
#include "base/patient_stream.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <string>

#include "base/descriptor.hpp"

namespace spanring::agent {
namespace {

class PatientStreamTest : public testing::Test {
protected:
    PatientStreamTest() {
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) != 0) std::abort();
        reader_ = Descriptor(ends[0]);
        writer_ = Descriptor(ends[1]);
        ::fcntl(reader_.get(), F_SETFL, O_NONBLOCK);  // of this end alone
    }

    std::string read() {
        std::string all;
        char buffer[4096];
        for (ssize_t size; (size = ::read(reader_.get(), buffer, sizeof buffer)) > 0;)
            all.append(buffer, static_cast<size_t>(size));
        return all;
    }
    static void say(PatientStream& stream, const std::string& text) {
        std::fputs(text.c_str(), stream.file());
        std::fflush(stream.file());
    }

    Descriptor reader_, writer_;
};

TEST_F(PatientStreamTest, WritesWhatIsReadInOrder) {
    PatientStream stream(writer_.get());
    say(stream, "one\n");
    say(stream, "two\n");
    EXPECT_EQ(read(), "one\ntwo\n");
}

TEST_F(PatientStreamTest, LosesLinesAndNoTimeWhereNobodyReads) {
    PatientStream stream(writer_.get());
    const std::string line = std::string(1000, 'x') + "\n";
    for (int n = 0; n < 1000; ++n) say(stream, line);  // far more than a pipe holds; it would block for ever
    const size_t taken = read().size() / line.size();
    EXPECT_GT(taken, 0u);
    say(stream, "again\n");
    EXPECT_EQ(read(), "(" + std::to_string(1000 - taken) +
                          " messages are missing here: the log's reader did not read)\nagain\n");
    say(stream, "and on\n");
    EXPECT_EQ(read(), "and on\n");
}

TEST_F(PatientStreamTest, GoesOnWithoutAReader) {
    const auto before = std::signal(SIGPIPE, SIG_IGN);
    reader_.reset();
    PatientStream stream(writer_.get());
    for (int n = 0; n < 10; ++n) say(stream, "line\n");
    std::signal(SIGPIPE, before);
}

TEST_F(PatientStreamTest, SaysWhatWasNotTaken) {
    const std::string text(1 << 20, 'x');
    const std::string_view left = write_for(writer_.get(), text, 0);
    EXPECT_EQ(left.size() + read().size(), text.size());
    EXPECT_FALSE(left.empty());
    EXPECT_TRUE(write_for(writer_.get(), "y", 0).empty());
}

}  // namespace
}  // namespace spanring::agent
