// SPDX-License-Identifier: Apache-2.0
//
// A directory of segments for this test program alone, gone when it ends. One object, in one of its files.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

class PrivateDirectory : public ::testing::Environment {
public:
    void SetUp() override {
        std::string name = std::filesystem::temp_directory_path() / "spanring-test-XXXXXX";
        ASSERT_NE(mkdtemp(name.data()), nullptr);  // of mode 0700
        path_ = name;
        for (const char* variable : {"SPANRING_DISABLED", "OTEL_SDK_DISABLED", "OTEL_TRACES_SAMPLER"}) {
            unsetenv(variable);
        }
        setenv("SPANRING_DIR", path_.c_str(), 1);
    }
    void TearDown() override { std::filesystem::remove_all(path_); }

private:
    std::filesystem::path path_;
};
