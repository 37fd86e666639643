// SPDX-License-Identifier: Apache-2.0
#include "command/doctor/library_copies.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <sstream>

#include "base/descriptor.hpp"
#include "base/text.hpp"

namespace spanring::agent {
namespace {

constexpr off_t kLargest = off_t{1} << 30;
constexpr size_t kPiece = size_t{1} << 20;

// A text that every copy reads a variable by, also a stripped one whose functions have no names. Not in one piece: the
// command is no copy.
std::string mark() { return std::string("SPANRING_DIRECTORY") + "_LIMIT"; }

// Read piece by piece, for a mapping of a file that its owner truncates ends who looks.
bool has_copy(const std::string& path) {
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    struct stat status {};
    if (!file || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode) || status.st_size > kLargest)
        return false;
    const std::string wanted = mark();
    std::string piece;
    for (;;) {
        piece.erase(0, piece.size() - std::min(piece.size(), wanted.size() - 1));  // it may begin in the last one
        const size_t kept = piece.size();
        piece.resize(kept + kPiece);
        const ssize_t got = ::read(file.get(), piece.data() + kept, kPiece);
        if (got <= 0) return false;
        piece.resize(kept + static_cast<size_t>(got));
        if (piece.find(wanted) != std::string::npos) return true;
    }
}

// "begin-end r-xp offset device inode path": of those with code.
std::set<std::string> files_with_code(const std::string& mappings) {
    std::set<std::string> files;
    std::istringstream lines(mappings);
    for (std::string line; std::getline(lines, line);) {
        const size_t rights = line.find(' '), path = line.find('/');
        if (rights == std::string::npos || path == std::string::npos || rights + 3 >= line.size()) continue;
        if (line[rights + 3] == 'x') files.insert(line.substr(path));
    }
    return files;
}

}  // namespace

std::vector<std::string> library_copies(pid_t pid, const std::string& mappings) {
    std::vector<std::string> copies;
    for (const std::string& file : files_with_code(mappings)) {
        // As the process sees it: it may have another root.
        if (has_copy("/proc/" + std::to_string(pid) + "/root" + file)) copies.push_back(file);
    }
    return copies;
}

Findings look_at_library_copies(pid_t pid, const std::string& mappings) {
    const std::vector<std::string> copies = library_copies(pid, mappings);
    if (copies.size() < 2) return {};
    std::string where;
    for (const std::string& copy : copies) append(where, copy);
    return {
        {Health::kWarning, "process",
         "libspanring is in it " + std::to_string(copies.size()) + " times (" + where +
             "): all spans arrive, but the current span of one copy is not that of another, so traces are in pieces",
         "link one shared library: where it is installed Rust takes it by itself, Go by the tag spanring_pkgconfig, "
         "Python by "
         "SPANRING_VENDORED=0 when its package is built"}};
}

}  // namespace spanring::agent
