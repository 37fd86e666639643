// SPDX-License-Identifier: Apache-2.0
//
// A segment's file, opened by the rules (base/foreign_file.hpp): without following, without waiting, for reading only;
// checked by what the kernel says of what was opened; and only then for writing. Nothing in it is read here. libc and
// lib/ring alone: the opener, which has rights, uses it too.
#pragma once

#include <chrono>
#include <cstdint>

#include <sys/types.h>

#include "base/descriptor.hpp"
#include "ring/attach.hpp"

namespace spanring::agent {

struct SegmentFile {
    Descriptor file;            // open for reading and writing; none: `report` says why
    ring::AttachReport report;  // kSystem with ENOENT: it is gone
    uint64_t size = 0;
    dev_t device = 0;  // also of a file that was refused, as far as it is known
    ino_t inode = 0;
};

SegmentFile open_segment_file(int directory, const char* name, uid_t owner);

// Removes a file, if the name still leads to this one.
bool remove_segment_file(int directory, const char* name, dev_t device, ino_t inode);

// Removes a temporary file that nobody has locked and nobody has touched for that long. A process is between creating
// the file and locking it for some microseconds; the age makes sure that this is over.
bool remove_if_abandoned(int directory, const char* name, uid_t owner, std::chrono::seconds age);

}  // namespace spanring::agent
