// SPDX-License-Identifier: Apache-2.0
#include "rights/opener.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <stdexcept>

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/error_text.hpp"
#include "base/file_lock.hpp"
#include "base/foreign_file.hpp"
#include "directory/directory_watch.hpp"
#include "ring/runtime_directory.hpp"
#include "segment/segment_lock.hpp"

namespace spanring::agent {

namespace {

constexpr std::chrono::seconds kLeastAge{10};  // of a temporary file that may go

int check_folder(int fd, uid_t user, bool any_file_system) {
    struct stat status;
    if (fstat(fd, &status) < 0) return -errno;
    if (status.st_uid != user) return -EPERM;
    if ((status.st_mode & 077) != 0) return -EACCES;
    struct statfs file_system;
    if (any_file_system) return 0;
    if (fstatfs(fd, &file_system) < 0) return -errno;
    return file_system.f_type == TMPFS_MAGIC ? 0 : -EMEDIUMTYPE;
}

}  // namespace

Opener::Opener(std::string parent, bool any_file_system)
    : any_file_system_(any_file_system),
      parent_(open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) {
    struct stat status;
    if (!parent_ || fstat(parent_.get(), &status) < 0) throw std::runtime_error(parent + ": " + error_text(errno));
    // Whoever may rename in it could put one user's directory in another's place.
    if (status.st_uid != 0 || (status.st_mode & 022) != 0) {
        throw std::runtime_error(parent + ": must belong to root, and nobody else may write to it");
    }
}

void Opener::serve(int socket) {
    for (;;) {
        OpenerRequest request;
        Descriptor file, result;
        if (receive_message(socket, &request, sizeof request, file) != 1) return;
        const OpenerReply reply = answer(request, file, result);
        if (send_message(socket, &reply, sizeof reply, result.get()) != 0) return;
    }
}

int Opener::open_folder(uid_t user, Descriptor& ret_file) {
    const auto known = users_.find(user);
    if (known == users_.end() && users_.size() >= kMostUsers) return -EMFILE;
    users_.erase(user);  // it may be another directory by now
    char name[16];
    snprintf(name, sizeof name, "%u", user);
    User opened;
    opened.directory = open_foreign(parent_.get(), name, O_RDONLY | O_DIRECTORY);
    if (!opened.directory) return -errno;
    if (const int error = check_folder(opened.directory.get(), user, any_file_system_); error != 0) return error;
    // Never made here: it would be this process's, and the user's own agent could not open it any more. Without it the
    // locks of the segments keep two agents apart.
    opened.lock = open_foreign(opened.directory.get(), "agent.lock", O_RDWR);
    if (opened.lock && lock_file(opened.lock.get()) == -EAGAIN) return -EBUSY;
    ret_file = Descriptor(fcntl(opened.directory.get(), F_DUPFD_CLOEXEC, 0));
    if (!ret_file) return -errno;
    users_[user] = std::move(opened);
    return 0;
}

int Opener::remove_dead(int directory, const char* name, uid_t user, const OpenerRequest& request) {
    const SegmentFile segment = open_segment_file(directory, name, user);
    if (!segment.file) return -ENOENT;
    if (segment.device != request.device || segment.inode != request.inode) return -ESTALE;
    if (process_liveness(segment.file.get()) != Liveness::kDead) return -EBUSY;
    return remove_segment_file(directory, name, segment.device, segment.inode) ? 0 : -ESTALE;
}

OpenerReply Opener::answer(const OpenerRequest& request, const Descriptor& file, Descriptor& ret_file) {
    OpenerReply reply = {};
    if (request.task == OpenerTask::kFolder) {
        reply.error = open_folder(request.user, ret_file);
        return reply;
    }
    const auto user = users_.find(request.user);
    if (user == users_.end()) {
        reply.error = -ENOENT;
        return reply;
    }
    const int directory = user->second.directory.get();
    if (request.task == OpenerTask::kWatch) {
        char path[32];
        snprintf(path, sizeof path, "/proc/self/fd/%d", directory);
        reply.watch = inotify_add_watch(file.get(), path, DirectoryWatch::kFolderEvents | IN_MASK_ADD);
        reply.error = reply.watch < 0 ? -errno : 0;
        return reply;
    }
    // Whatever the drainer has become: no other name than that of a segment, or of one that is being made.
    char name[sizeof request.name];
    memcpy(name, request.name, sizeof name);
    name[sizeof name - 1] = '\0';
    const bool temporary = request.task == OpenerTask::kClean;
    if (!(temporary ? ring::parse_temporary_name(name, nullptr) : ring::parse_segment_name(name, nullptr))) {
        reply.error = -EINVAL;
        return reply;
    }
    switch (request.task) {
        case OpenerTask::kSegment: {
            SegmentFile segment = open_segment_file(directory, name, request.user);
            reply.report = segment.report;
            reply.size = segment.size;
            reply.device = segment.device;
            reply.inode = segment.inode;
            ret_file = std::move(segment.file);
            break;
        }
        case OpenerTask::kUnlink: reply.error = remove_dead(directory, name, request.user, request); break;
        case OpenerTask::kClean:
            // Not sooner than the library needs, whatever was asked.
            if (!remove_if_abandoned(directory, name, request.user,
                                     std::max(std::chrono::seconds(request.age), kLeastAge))) {
                reply.error = -EBUSY;
            }
            break;
        default: reply.error = -EINVAL;
    }
    return reply;
}

}  // namespace spanring::agent
