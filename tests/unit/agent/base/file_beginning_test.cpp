// SPDX-License-Identifier: Apache-2.0
#include "base/file_beginning.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "export/tls_files.hpp"
#include "support/temporary_directory.hpp"

namespace spanring::agent {
namespace {

using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;

class FileBeginningTest : public testing::Test {
protected:
    std::string read(const std::string& path, size_t most = 1 << 20) {
        fault_.clear();
        return read_beginning(path, most, fault_);
    }

    spanring::test::TemporaryDirectory directory_;
    const std::string file_ = directory_.file("file");
    std::string fault_;
};

TEST_F(FileBeginningTest, IsTheWholeFileOrSoMuchOfIt) {
    const std::string bytes(10'000, 'x');
    std::ofstream(file_) << bytes;
    EXPECT_EQ(read(file_), bytes);
    EXPECT_EQ(read(file_, 5000), bytes.substr(0, 5000));
    EXPECT_EQ(fault_, "");
}

TEST_F(FileBeginningTest, SaysWhyThereIsNone) {
    EXPECT_EQ(read(file_), "");
    EXPECT_THAT(fault_, HasSubstr(file_ + ": No such file"));
    std::ofstream(file_).close();
    read(file_);
    EXPECT_THAT(fault_, HasSubstr("it is empty"));
    read("/dev/zero");
    EXPECT_THAT(fault_, HasSubstr("is not a regular file"));
}

TEST_F(FileBeginningTest, NobodyWaitsForWhoWritesIntoAPipe) {
    ASSERT_EQ(::mkfifo(file_.c_str(), 0600), 0);
    read(file_);
    EXPECT_THAT(fault_, HasSubstr("is not a regular file"));
    OtlpOptions options;
    options.ca_file = file_;
    EXPECT_THAT(tls_faults(options), ElementsAre(Field(&OptionFault::what, HasSubstr("is not a regular file"))));
}

}  // namespace
}  // namespace spanring::agent
