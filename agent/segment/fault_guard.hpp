// SPDX-License-Identifier: Apache-2.0
//
// Reading a mapping whose file somebody else may truncate, or whose holes a full tmpfs cannot fill, raises SIGBUS. A
// guarded range turns that into zeros in place of all of it and a flag that is looked at after each pass: a segment of
// zeros means "empty, free", so whoever was reading goes on without harm, on whatever thread, and the segment is
// quarantined. (Not a jump out of the handler: that would skip destructors of everything in between.)
//
// The kernel's own reads, in a send from the mapping, do not fault: they give EFAULT to the sender.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace spanring::agent {

class FaultGuard {
public:
    // The range is page-aligned and mapped; it stays so as long as the guard. Throws std::bad_alloc.
    FaultGuard(const void* begin, size_t size);
    ~FaultGuard();
    FaultGuard(const FaultGuard&) = delete;
    FaultGuard& operator=(const FaultGuard&) = delete;

    // Any thread. Once true, what was read from the range since the last time it was false means nothing.
    bool faulted() const;

    struct Range;  // for the signal handler

private:
    Range* range_;
};

}  // namespace spanring::agent
