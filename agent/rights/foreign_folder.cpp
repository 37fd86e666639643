// SPDX-License-Identifier: Apache-2.0
#include "rights/foreign_folder.hpp"

#include <cerrno>
#include <cstring>

#include <spdlog/spdlog.h>

#include "base/directory.hpp"
#include "base/error_text.hpp"
#include "ring/runtime_directory.hpp"

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

std::vector<std::string> ForeignFolder::scan(std::chrono::seconds temporary_age) {
    std::vector<std::string> names;
    if (!is_open()) return names;
    std::vector<std::string> temporary;
    const bool listed = each_name(directory_.get(), [&](const char* name) {
        if (ring::parse_segment_name(name, nullptr)) names.emplace_back(name);
        if (ring::parse_temporary_name(name, nullptr)) temporary.emplace_back(name);
    });
    if (!listed) spdlog::warn("{}: cannot be listed: {}", path_, error_text(errno));
    for (const std::string& name : temporary) {
        OpenerRequest clean = request(OpenerTask::kClean, name);
        clean.age = temporary_age.count();
        if (ask(clean).error == 0) {
            spdlog::info("{}/{}: removed, its process died while it was being made", path_, name);
        }
    }
    return names;
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

bool ForeignFolder::identify(const std::string& name, dev_t& ret_device, ino_t& ret_inode) const {
    const OpenerReply reply = ask(request(OpenerTask::kIdentify, name));
    ret_device = reply.device;
    ret_inode = reply.inode;
    return reply.error == 0;
}

}  // namespace spanring::agent
