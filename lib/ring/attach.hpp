// SPDX-License-Identifier: Apache-2.0
//
// Whether a file is a segment that this reader may use: one result value for each cause. The file is checked first (by
// what the kernel says of it), then its header, which is copied once into the reader's memory, by read() and not
// through a mapping, so that a file that shrinks meanwhile is an error and not a fault. The copy is never read again.
#pragma once

#include <cstdint>
#include <string>

#include <sys/types.h>

#include "ring/layout.hpp"

struct stat;

namespace spanring::ring {

enum class AttachResult : uint8_t {
    kOk,
    kNotRegular,    // a directory, device, FIFO, socket or symbolic link
    kForeignOwner,  // not the owner of its directory
    kWrongMode,     // accessible to others
    kHardLinks,     // another name leads to it
    kTooSmall,
    kBadMagic,
    kByteOrder,
    kFutureMajor,
    kPastMajor,
    kIncompatible,  // needs a feature that this code does not know
    kNotReady,      // still being made
    kBadGeometry,
    kSizeMismatch,  // the file is not as large as its header says
    kWrongName,     // not the instance that its name says
    kSystem,        // the system refused; see `error`
};

struct AttachReport {
    AttachResult result = AttachResult::kOk;
    int error = 0;       // kSystem: errno
    uint64_t found = 0;  // what was found where it was not what it must be
    uint64_t wanted = 0;

    bool ok() const { return result == AttachResult::kOk; }
    bool operator==(AttachResult other) const { return result == other; }
};

// One sentence, with the values that do not fit.
std::string describe(const AttachReport& report);

// Whether waiting may help; every other refusal is final.
bool is_transient(AttachResult result);

// `fd` was opened without following a symbolic link. instance_id: what the file's name says.
AttachReport check_segment_file(int fd, uid_t owner, uint64_t& ret_size);
AttachReport check_segment_file(const struct stat& status, uid_t owner, uint64_t& ret_size);  // what fstat() says
AttachReport read_segment_header(int fd, uint64_t size, const uint8_t instance_id[16], Header& ret_header);

// The part of it that looks at the copy alone.
AttachReport check_header(const Header& header, uint64_t size, const uint8_t instance_id[16]);

}  // namespace spanring::ring
