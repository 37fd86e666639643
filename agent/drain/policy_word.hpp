// SPDX-License-Identifier: Apache-2.0
//
// The word by which the agent tells a process what to do: what to sample, whether to record at all, and to stop where
// its segment is quarantined. Written by the thread of the agent that holds the segment; the process reads it by
// itself, at its next start, so every access is relaxed: nothing else is published with it. The process writes to it
// once for each sleep of the agent: it takes the sign back. So every write of the agent's is one of some bits.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include <sys/stat.h>
#include <unistd.h>

#include "ring/atomics.hpp"
#include "ring/sampling_directive.hpp"
#include "ring/segment_view.hpp"

namespace spanring::agent {

class PolicyWord {
public:
    explicit PolicyWord(ring::SegmentView segment) : word_(segment.control().policy) {}

    bool retired() const { return (load() & ring::PolicyBits::kRetired) != 0; }
    void retire() { add(ring::PolicyBits::kRetired); }

    // The sign that the agent looks again late, unless it is woken.
    bool shows_sleep() const { return (load() & ring::PolicyBits::kAsleep) != 0; }
    void show_sleep() { add(ring::PolicyBits::kAsleep); }
    // False: the process has taken it back, and rung.
    bool take_back_sleep() {
        return (ring::StdAtomics::fetch_and(word_, ~ring::PolicyBits::kAsleep, std::memory_order_relaxed) &
                ring::PolicyBits::kAsleep) != 0;
    }

    void direct_sampling(ring::SamplingDirective directive, bool enabled) {
        const uint64_t present = load();
        const uint64_t switched =
            enabled ? present & ~ring::PolicyBits::kDisabled : present | ring::PolicyBits::kDisabled;
        const uint64_t wanted = directive.pack(switched);
        ring::StdAtomics::fetch_xor(word_, wanted ^ present, std::memory_order_relaxed);
    }

    // Where the memory is not the file's any more, but zeros (FaultGuard): what there is of the file is told.
    static void retire_in_file(int file) {
        constexpr off_t kPlace = ring::kControlOffset + offsetof(ring::Control, policy);
        uint64_t word = 0;
        struct stat status;
        if (fstat(file, &status) != 0 || status.st_size < static_cast<off_t>(kPlace + sizeof word)) return;
        if (pread(file, &word, sizeof word, kPlace) != sizeof word) return;
        word |= ring::PolicyBits::kRetired;
        if (pwrite(file, &word, sizeof word, kPlace) != sizeof word) return;  // no memory for it: it stays unseen
    }

private:
    uint64_t load() const { return ring::StdAtomics::load(word_, std::memory_order_relaxed); }
    void add(uint64_t bits) { ring::StdAtomics::fetch_or(word_, bits, std::memory_order_relaxed); }

    uint64_t& word_;
};

}  // namespace spanring::agent
