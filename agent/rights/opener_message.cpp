// SPDX-License-Identifier: Apache-2.0
#include "rights/opener_message.hpp"

#include <cerrno>
#include <cstring>

#include <sys/socket.h>

namespace spanring::agent {

namespace {

union Control {
    cmsghdr header;  // for its alignment
    char bytes[CMSG_SPACE(sizeof(int))];
};

}  // namespace

int send_message(int socket, const void* message, size_t size, int file) {
    iovec part = {const_cast<void*>(message), size};
    Control control = {};
    msghdr header = {};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    if (file >= 0) {
        header.msg_control = &control;
        header.msg_controllen = sizeof control;
        cmsghdr* rights = CMSG_FIRSTHDR(&header);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof file);
        memcpy(CMSG_DATA(rights), &file, sizeof file);
    }
    ssize_t sent;
    do sent = sendmsg(socket, &header, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : 0;
}

int receive_message(int socket, void* ret_message, size_t size, Descriptor& ret_file) {
    iovec part = {ret_message, size};
    Control control = {};
    msghdr header = {};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = &control;
    header.msg_controllen = sizeof control;
    ssize_t got;
    do got = recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got < 0) return -errno;
    const cmsghdr* rights = CMSG_FIRSTHDR(&header);
    if (rights != nullptr && rights->cmsg_level == SOL_SOCKET && rights->cmsg_type == SCM_RIGHTS &&
        rights->cmsg_len == CMSG_LEN(sizeof(int))) {
        int file = -1;
        memcpy(&file, CMSG_DATA(rights), sizeof file);
        ret_file = Descriptor(file);
    }
    if (got == 0) return 0;
    return static_cast<size_t>(got) == size && (header.msg_flags & MSG_TRUNC) == 0 ? 1 : -EPROTO;
}

}  // namespace spanring::agent
