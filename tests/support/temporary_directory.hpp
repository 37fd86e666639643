// SPDX-License-Identifier: Apache-2.0
//
// A directory for one test, for its user alone (0700), gone with all that is in it. On tmpfs where there is one: a
// runtime directory must be there.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

namespace spanring::test {

class TemporaryDirectory {
public:
    TemporaryDirectory() : path_(make()) {}
    ~TemporaryDirectory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

    const std::string& path() const { return path_; }
    std::string file(const std::string& name) const { return path_ + "/" + name; }
    bool has(const std::string& name) const { return std::filesystem::exists(file(name)); }

    // Names of the files in it, hidden ones too, sorted.
    std::vector<std::string> files() const {
        std::vector<std::string> names;
        for (const auto& entry : std::filesystem::directory_iterator(path_)) names.push_back(entry.path().filename());
        std::sort(names.begin(), names.end());
        return names;
    }
    std::vector<std::string> paths() const {
        std::vector<std::string> paths;
        for (const std::string& name : files()) paths.push_back(file(name));
        return paths;
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
