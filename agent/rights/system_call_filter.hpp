// SPDX-License-Identifier: Apache-2.0
//
// Confines the process to the system calls that a running agent makes (seccomp), so that whoever takes it over by what
// it reads from a segment or a backend cannot start a program, look into other processes, or make memory executable.
// Main only, once everything that starts up has started.
#pragma once

#include <cstdint>
#include <string>

namespace spanring::agent {

enum class SystemCallFilter : uint8_t {
    kOff,
    kRefuse,  // EPERM, and a line in the kernel's log
    kKill,    // SIGSYS, for tests: a call that was forgotten in the list must not pass unseen
};

// Built with libseccomp, and without a sanitizer, whose runtime needs more.
bool has_system_call_filter();

// For all threads, also those that already run; cannot be undone, and execve() would not get rid of it. Empty, or why
// the kernel refused. `serves`: a socket listens already, and its connections may be accepted.
std::string confine(SystemCallFilter filter, bool serves = false);

}  // namespace spanring::agent
