// SPDX-License-Identifier: Apache-2.0
//
// A runtime directory for one test: on tmpfs where there is one, named by $SPANRING_DIR while it lives, gone
// afterwards.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

namespace spanring::test {

class PrivateDirectory {
public:
    PrivateDirectory() : path_(make()) { setenv("SPANRING_DIR", path_.c_str(), 1); }
    ~PrivateDirectory() {
        unsetenv("SPANRING_DIR");
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    PrivateDirectory(const PrivateDirectory&) = delete;
    PrivateDirectory& operator=(const PrivateDirectory&) = delete;

    const std::string& path() const { return path_; }

    // Names of the files in it, hidden ones too, sorted.
    std::vector<std::string> files() const {
        std::vector<std::string> names;
        for (const auto& entry : std::filesystem::directory_iterator(path_)) names.push_back(entry.path().filename());
        std::sort(names.begin(), names.end());
        return names;
    }

private:
    static std::string make() {
        for (std::string path : {"/dev/shm/spanring-test-XXXXXX", "/tmp/spanring-test-XXXXXX"})
            if (mkdtemp(path.data()) != nullptr) return path;
        throw std::runtime_error("no directory for a test can be made in /dev/shm or /tmp");
    }

    const std::string path_;
};

}  // namespace spanring::test
