// SPDX-License-Identifier: Apache-2.0
#include "receive/kept_requests.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <span>

#include "support/temporary_directory.hpp"

namespace spanring::agent::test {
namespace {

using spanring::test::TemporaryDirectory;

namespace fs = std::filesystem;

TEST(KeptRequestsTest, WhatAKilledAgentHadHalfWrittenIsRemoved) {
    const TemporaryDirectory folder;
    const KeptOptions options{folder.path() + "/received"};
    const uint8_t bytes[] = {1, 2, 3};
    const std::span<const uint8_t> request(bytes);
    std::optional<uint64_t> number;
    {
        KeptRequests kept(options);
        number = kept.keep(KeptRequests::Stage::kToSend, {}, {&request, 1});
        ASSERT_TRUE(number);
    }
    std::ofstream(options.directory + "/request.new") << "half";
    KeptRequests kept(options);
    EXPECT_FALSE(fs::exists(options.directory + "/request.new"));
    EXPECT_EQ(kept.numbers(), std::vector<uint64_t>{*number});
    const auto read = kept.read(*number);
    ASSERT_TRUE(read);
    EXPECT_EQ(std::vector<uint8_t>(read->bytes.get(), read->bytes.get() + read->size), (std::vector<uint8_t>{1, 2, 3}));
}

}  // namespace
}  // namespace spanring::agent::test
