// SPDX-License-Identifier: Apache-2.0
//
// Spool files that were torn, or changed by others.
#include "spool/spool.hpp"

#include <fstream>
#include <iterator>

#include "support/spool_test.hpp"

namespace spanring::agent::test {
namespace {

namespace fs = std::filesystem;

class SpoolDamageTest : public SpoolTest {};

TEST_F(SpoolDamageTest, CutsATornEndWhereverItTears) {
    {
        const auto spool = open();
        for (int n = 0; n < 3; ++n) ASSERT_TRUE(append(*spool, n, 100));
    }
    const fs::path file = files().at(0);
    const auto whole = fs::file_size(file);
    ASSERT_EQ(whole % 3, 0u);
    const fs::path copy = directory_.file("copy");
    fs::copy_file(file, copy);
    for (uint64_t size = whole / 3 * 2; size < whole; ++size) {
        fs::copy_file(copy, file, fs::copy_options::overwrite_existing);
        fs::resize_file(file, size);
        const auto spool = open();
        EXPECT_EQ(spool->bytes(), whole / 3 * 2) << size;
        EXPECT_EQ(spool->damaged(), 0u);
        EXPECT_EQ(drain(*spool, 100), numbers(0, 2)) << size;
    }
    EXPECT_TRUE(lost_.empty());
}

TEST_F(SpoolDamageTest, AFlippedBitCostsOneEntryAtMostAndThatIsCounted) {
    {
        const auto spool = open();
        for (int n = 0; n < 3; ++n) ASSERT_TRUE(append(*spool, n, 40));
    }
    const fs::path file = files().at(0);
    std::string whole(fs::file_size(file), '\0');
    std::ifstream(file, std::ios::binary).read(whole.data(), static_cast<std::streamsize>(whole.size()));
    const size_t record = whole.size() / 3;
    size_t costly = 0;
    for (size_t bit = 0; bit < whole.size() * 8; ++bit) {
        std::string damaged = whole;
        damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ 1 << bit % 8);
        std::ofstream(file, std::ios::binary | std::ios::trunc) << damaged;
        lost_.clear();
        const auto spool = open();
        std::vector<int> expected = numbers(0, 3);
        const std::vector<int> left = drain(*spool, 40);
        if (left == expected) {
            EXPECT_EQ(spool->damaged(), 0u) << "bit " << bit;
            EXPECT_EQ(lost_[1], 0u) << "bit " << bit;
            continue;
        }
        ++costly;
        expected.erase(expected.begin() + static_cast<int>(bit / 8 / record));
        EXPECT_EQ(left, expected) << "bit " << bit;
        EXPECT_EQ(spool->damaged(), 1u) << "bit " << bit;
        EXPECT_EQ(lost_[1], 10u) << "bit " << bit << ": it is known whose spans are lost";
    }
    EXPECT_EQ(costly, 3 * request(0, 40).size() * 8) << "those of the requests; a header is mended from the tail";
}

TEST_F(SpoolDamageTest, MendsAHeaderAndKeepsWhatWasFinished) {
    {
        const auto spool = open();
        for (int n = 0; n < 3; ++n) ASSERT_TRUE(append(*spool, n));
        spool->finish(spool->take()->ticket);
    }
    std::fstream stream(files().at(0), std::ios::binary | std::ios::in | std::ios::out);
    stream.put('?');
    stream.close();
    const auto spool = open();
    EXPECT_EQ(drain(*spool), numbers(1, 3));
    EXPECT_EQ(spool->damaged(), 0u);
}

TEST_F(SpoolDamageTest, StepsOverAnEntryWhoseHeaderAndTailAreDamaged) {
    {
        const auto spool = open();
        for (int n = 0; n < 3; ++n) ASSERT_TRUE(append(*spool, n));
    }
    const fs::path file = files().at(0);
    const auto record = static_cast<std::streamoff>(fs::file_size(file) / 3);
    std::fstream stream(file, std::ios::binary | std::ios::in | std::ios::out);
    stream.seekp(record).put('?');
    stream.seekp(2 * record - 1).put('?');  // in the last share of its tail
    stream.close();
    const auto spool = open();
    EXPECT_EQ(drain(*spool), (std::vector<int>{0, 2}));
    EXPECT_EQ(spool->damaged(), 1u);
    EXPECT_TRUE(lost_.empty()) << "whose spans they were nobody knows any more";
}

TEST_F(SpoolDamageTest, SetsAsideAFileInWhichNothingIsSound) {
    const auto set_aside = [&] {
        size_t count = 0;
        for (const auto& entry : fs::directory_iterator(options_.directory)) {
            count += entry.path().filename().string().find(".damaged-") != std::string::npos;
        }
        return count;
    };
    {
        const auto spool = open();
        for (int n = 0; n < 3; ++n) ASSERT_TRUE(append(*spool, n));
    }
    const fs::path file = files().at(0);
    const auto size = fs::file_size(file);
    fs::resize_file(file, 0);
    fs::resize_file(file, size);  // zeros
    EXPECT_EQ(open()->damaged(), 1u);
    EXPECT_EQ(set_aside(), 1u);
    {
        const auto spool = open();
        ASSERT_TRUE(append(*spool, 1));
        EXPECT_EQ(spool->damaged(), 0u);
    }
    fs::rename(files().at(0), fs::path(options_.directory) / spool::FileName{77}.text());
    EXPECT_EQ(open()->damaged(), 1u) << "its entries name another file";
    EXPECT_EQ(set_aside(), 2u);
    fs::create_directory(fs::path(options_.directory) / spool::FileName{78}.text());
    EXPECT_EQ(open()->damaged(), 1u);
    EXPECT_EQ(set_aside(), 3u);
    std::ofstream(fs::path(options_.directory) / spool::FileName{79}.text()) << "x";
    fs::resize_file(fs::path(options_.directory) / spool::FileName{79}.text(), uint64_t{1} << 40);
    EXPECT_EQ(open()->damaged(), 1u) << "and it is not read for hours";
    const auto spool = open();
    EXPECT_TRUE(append(*spool, 1));
}

TEST_F(SpoolDamageTest, FindsNoEntryInsideARequest) {
    // A process may write what looks like a record into an attribute.
    std::string forged;
    {
        const auto spool = open();
        ASSERT_TRUE(append(*spool, 1, 100));
        std::ifstream in(files().at(0), std::ios::binary);
        forged.assign(std::istreambuf_iterator<char>(in), {});
        drain(*spool, 100);
    }
    {
        const auto spool = open();
        const Spool::Share share{{1}, 1};
        const std::string padded = std::string(8, 'x') + forged;
        const std::span<const uint8_t> slice = readable(padded);
        ASSERT_TRUE(spool->append(::geteuid(), {&share, 1}, {&slice, 1}));
        ASSERT_TRUE(append(*spool, 2, 100));
    }
    const fs::path path = files().at(0);
    const auto second = static_cast<std::streamoff>(spool::entry_size(1, request(2, 100).size()));
    std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
    file.put('?');  // the magic of the record that holds it, and its tail
    file.seekp(static_cast<std::streamoff>(fs::file_size(path)) - second - 1).put('?');
    file.close();
    const auto spool = open();
    EXPECT_EQ(drain(*spool, 100), (std::vector<int>{2}));
    EXPECT_EQ(spool->damaged(), 1u);
}

}  // namespace
}  // namespace spanring::agent::test
