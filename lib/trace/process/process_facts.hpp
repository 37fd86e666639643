// SPDX-License-Identifier: Apache-2.0
//
// What a process can find out about itself, from files that may be missing, be long, or say nonsense. COLD, libc alone,
// no allocation, no name service: what takes more than a few reads is left out. Each returns the size of the text, 0:
// not known. The paths are the tests' to change.
#pragma once

#include <cstddef>
#include <cstdint>

namespace spanring::trace {

// The target of the link /proc/self/exe.
size_t executable_path(char* ret, size_t room, const char* link = "/proc/self/exe");

// The name of the user, as the passwd file has it.
size_t user_name(uint32_t uid, char* ret, size_t room, const char* passwd = "/etc/passwd");

inline constexpr size_t kContainerIdSize = 64;
// The container that the process is in: 64 hexadecimal digits in the path of its cgroup (v1, and v2 without a cgroup
// namespace), else in the source of what the engine mounted from its folder of containers.
size_t container_id(char (&ret)[kContainerIdSize], const char* cgroup = "/proc/self/cgroup",
                    const char* mountinfo = "/proc/self/mountinfo");

}  // namespace spanring::trace
