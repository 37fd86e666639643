// SPDX-License-Identifier: Apache-2.0
#include "trace/process/mapping_names.hpp"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "trace/base/scratch.hpp"

namespace spanring::trace {
namespace {

// `line` ends at a NUL and may have been cut after its first few hundred bytes.
bool is_named(const char* line, const char* name) {
    // Five fields without such bytes come first: addresses, rights, offset, device, inode.
    const char* const begin = strpbrk(line, "[/");
    if (begin == nullptr) return false;
    constexpr const char* kBefore[] = {"[anon_shmem:", "[anon:", "/memfd:"};
    for (const char* before : kBefore) {
        const size_t size = strlen(before);
        if (strncmp(begin, before, size) == 0 && strncmp(begin + size, name, strlen(name)) == 0) return true;
    }
    return false;
}

}  // namespace

bool has_mapping_named(const char* maps, const char* name) {
    const int file = open(maps, O_RDONLY | O_CLOEXEC);
    if (file < 0) return false;
    char line[256];
    size_t used = 0;
    bool found = false;
    const Scratch scratch(4096);  // as much as the kernel gives at once
    const char* const bytes = scratch.text();
    for (ssize_t size; scratch && !found && (size = read(file, scratch.bytes(), scratch.size())) > 0;)
        for (ssize_t i = 0; i < size && !found; ++i) {
            if (bytes[i] != '\n') {
                if (used < sizeof line - 1) line[used++] = bytes[i];
                continue;
            }
            line[used] = 0;
            found = is_named(line, name);
            used = 0;
        }
    close(file);
    return found;
}

}  // namespace spanring::trace
