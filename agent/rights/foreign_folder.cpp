// SPDX-License-Identifier: Apache-2.0
#include "rights/foreign_folder.hpp"

#include <cerrno>
#include <cstring>

#include "base/directory.hpp"

namespace spanring::agent {

OpenerRequest ForeignFolder::request(OpenerTask task, const std::string& name) const {
    OpenerRequest request = {};
    request.task = task;
    request.user = owner_;
    strncpy(request.name, name.c_str(), sizeof request.name - 1);
    return request;
}

OpenerReply ForeignFolder::ask(const OpenerRequest& request) const {
    Descriptor none;
    return users_.ask(request, -1, none);
}

int ForeignFolder::open(bool) {
    if (is_open()) return 0;
    Descriptor directory;
    const OpenerReply reply = users_.ask(request(OpenerTask::kFolder), -1, directory);
    if (reply.error == 0) directory_ = std::move(directory);
    return reply.error;
}

void ForeignFolder::watch(DirectoryWatch& watch, size_t number) {
    Descriptor none;
    const OpenerReply reply = users_.ask(request(OpenerTask::kWatch), watch.fd(), none);
    if (reply.error == 0) watch.adopt(number, reply.watch);  // else the scan finds everything, later
}

bool ForeignFolder::gone() const { return !is_at(directory_.get(), path_); }

void ForeignFolder::close() {
    listing_.close();
    directory_.reset();
}

Listing ForeignFolder::scan(size_t most, std::chrono::seconds temporary_age) {
    if (!is_open()) return {};
    return listing_.next(directory_.get(), path_, most, [&](const char* name) {
        OpenerRequest clean = request(OpenerTask::kClean, name);
        clean.age = temporary_age.count();
        return ask(clean).error == 0;
    });
}

SegmentFile ForeignFolder::open_segment(const std::string& name) const {
    SegmentFile segment;
    const OpenerReply reply = users_.ask(request(OpenerTask::kSegment, name), -1, segment.file);
    segment.report = reply.report;
    if (reply.error != 0) segment.report = {ring::AttachResult::kSystem, -reply.error};
    if (segment.report.ok() && !segment.file) segment.report = {ring::AttachResult::kSystem, EMFILE};
    segment.size = reply.size;
    segment.device = reply.device;
    segment.inode = reply.inode;
    return segment;
}

bool ForeignFolder::unlink(const std::string& name, dev_t device, ino_t inode) {
    OpenerRequest unlink = request(OpenerTask::kUnlink, name);
    unlink.device = device;
    unlink.inode = inode;
    return is_open() && ask(unlink).error == 0;
}

}  // namespace spanring::agent
