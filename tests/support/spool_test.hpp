// SPDX-License-Identifier: Apache-2.0
//
// A spool in a directory of its own, with requests that name themselves.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <unistd.h>

#include "spool/spool.hpp"
#include "support/otlp_bytes.hpp"
#include "support/temporary_directory.hpp"

namespace spanring::agent::test {

class SpoolTest : public testing::Test {
protected:
    SpoolTest() { options_.directory = directory_.file("spool"); }

    std::unique_ptr<Spool> open() {
        return std::make_unique<Spool>(options_, [this](std::span<const Spool::Share> shares) {
            for (const Spool::Share& share : shares) lost_[share.account[0]] += share.spans;
        });
    }

    static std::string request(int n, size_t size = 1000) {
        return std::to_string(n) + ":" + std::string(size, static_cast<char>('a' + n % 26));
    }

    static bool append(Spool& spool, int n, size_t size = 1000, uint8_t process = 1, uint64_t spans = 10,
                       uid_t owner = ::geteuid()) {
        const std::string bytes = request(n, size);
        const Spool::Share share{{process}, spans};
        // In two slices, as a batch has them.
        const std::span<const uint8_t> whole = readable(bytes);
        const std::span<const uint8_t> slices[] = {whole.first(3), whole.subspan(3)};
        return spool.append(owner, {&share, 1}, slices);
    }

    // Takes, checks and finishes everything.
    static std::vector<int> drain(Spool& spool, size_t size = 1000) {
        std::vector<int> seen;
        while (const auto record = spool.take()) {
            const int n = std::stoi(record->request);
            EXPECT_EQ(record->request, request(n, size));
            seen.push_back(n);
            spool.finish(record->ticket);
        }
        return seen;
    }

    static std::vector<int> numbers(int first, int end) {
        std::vector<int> all;
        for (int n = first; n < end; ++n) all.push_back(n);
        return all;
    }

    std::vector<std::filesystem::path> files() const {
        std::vector<std::filesystem::path> found;
        for (const auto& entry : std::filesystem::directory_iterator(options_.directory)) {
            if (entry.path().extension() == ".spool") found.push_back(entry.path());
        }
        std::sort(found.begin(), found.end());
        return found;
    }

    spanring::test::TemporaryDirectory directory_;
    SpoolOptions options_;
    std::map<uint8_t, uint64_t> lost_;
};

}  // namespace spanring::agent::test
