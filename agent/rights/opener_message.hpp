// SPDX-License-Identifier: Apache-2.0
//
// What drainer and opener say to each other over a SOCK_SEQPACKET socket: one request, one reply, each a fixed struct
// with at most one descriptor. The opener trusts the drainer no more than it must, and the drainer's files come from
// it.
#pragma once

#include <cstdint>
#include <type_traits>

#include "base/descriptor.hpp"
#include "segment/segment_file.hpp"

namespace spanring::agent {

enum class OpenerTask : uint32_t {
    kFolder,   // the directory of a user, for listing only
    kWatch,    // adds a watch of it to the inotify descriptor that comes along
    kSegment,  // a segment in it
    kUnlink,   // removes the segment of a dead process, if it is still this file
    kClean,    // removes a temporary file, if it is abandoned
};

struct OpenerRequest {
    OpenerTask task;
    uint32_t user;
    char name[40];  // with its NUL
    uint64_t device;
    uint64_t inode;
    int64_t age;  // seconds
};

struct OpenerReply {
    int32_t error;  // 0 or -errno
    int32_t watch;  // descriptor of inotify
    ring::AttachReport report;
    uint64_t size;
    uint64_t device;
    uint64_t inode;
};
static_assert(std::is_trivially_copyable_v<OpenerRequest> && std::is_trivially_copyable_v<OpenerReply>);

// `file` < 0: none goes along. 0 or -errno.
int send_message(int socket, const void* message, size_t size, int file);

// 1: received, with or without a descriptor; 0: the other side has ended; -errno, -EPROTO for another size.
int receive_message(int socket, void* ret_message, size_t size, Descriptor& ret_file);

}  // namespace spanring::agent
