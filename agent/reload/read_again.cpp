// SPDX-License-Identifier: Apache-2.0
#include "reload/read_again.hpp"

#include <exception>
#include <string>
#include <utility>
#include <vector>

#include <sys/stat.h>

#include "base/text.hpp"
#include "config/config.hpp"

namespace spanring::agent {
namespace {

// Of what is told; whoever reads the report reads no more than a mebibyte of it.
constexpr size_t kMostProblems = 50;
constexpr size_t kLongestProblem = 1000;

// Of what is not there, a directory, or too large, the reader says it.
std::string reason_not_to_read(const std::string& file) {
    struct stat status {};
    if (::stat(file.c_str(), &status) != 0 || S_ISDIR(status.st_mode) || S_ISREG(status.st_mode)) return {};
    return file + ": no regular file, so it cannot be read a second time";
}

void shorten(std::vector<std::string>& problems) {
    const size_t all = problems.size();
    if (all > kMostProblems) problems.resize(kMostProblems);
    for (std::string& problem : problems)
        if (problem.size() > kLongestProblem) problem = problem.substr(0, kLongestProblem) + "...";
    if (all > kMostProblems) problems.push_back("and " + std::to_string(all - kMostProblems) + " more");
}

LoadedConfig try_to_load(const Flags& flags, const Environment& environment) {
    try {
        return load_and_check(flags, environment);
    } catch (const std::exception& error) {
        LoadedConfig none;
        none.problems.push_back(join(flags.config_files) + ": " + error.what());
        return none;
    }
}

}  // namespace

LoadedConfig read_again(const Flags& flags, const Environment& environment) {
    LoadedConfig loaded;
    for (const std::string& file : flags.config_files) {
        if (std::string reason = reason_not_to_read(file); !reason.empty())
            loaded.problems.push_back(std::move(reason));
    }
    if (!loaded.problems.empty()) return loaded;
    loaded = try_to_load(flags, environment);
    shorten(loaded.problems);
    return loaded;
}

}  // namespace spanring::agent
