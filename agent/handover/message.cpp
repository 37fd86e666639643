// SPDX-License-Identifier: Apache-2.0
#include "handover/message.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <nlohmann/json.hpp>
#include <poll.h>
#include <sys/socket.h>

namespace spanring::agent {
namespace {

using Json = nlohmann::json;

constexpr std::array<const char*, 6> kKinds = {"hello", "welcome", "refused", "take", "gone", "ready"};

std::string text_of(const HandoverMessage& message) {
    Json document;
    document["kind"] = kKinds[static_cast<size_t>(message.kind)];
    document["protocol"] = message.protocol;
    document["version"] = message.version;
    document["reason"] = message.reason;
    document["supervisor"] = message.supervisor;
    document["pid"] = message.pid;
    document["patience_usec"] = message.patience_usec;
    document["sockets"] = message.sockets;
    return document.dump(-1, ' ', true, Json::error_handler_t::replace);
}

// A later version may say more, and leave out nothing but what has a default.
bool parse(const std::string& text, HandoverMessage& message) {
    try {
        const Json document = Json::parse(text);
        const auto kind = std::find(kKinds.begin(), kKinds.end(), document.at("kind").get<std::string>());
        if (kind == kKinds.end()) return false;
        message.kind = static_cast<HandoverMessage::Kind>(kind - kKinds.begin());
        document.at("protocol").get_to(message.protocol);
        message.version = document.value("version", std::string());
        message.reason = document.value("reason", std::string());
        message.supervisor = document.value("supervisor", std::string());
        message.pid = document.value("pid", int64_t{0});
        message.patience_usec = document.value("patience_usec", uint64_t{0});
        message.sockets = document.value("sockets", std::vector<std::string>());
        return message.sockets.size() == message.files.size();
    } catch (const Json::exception&) {
        return false;
    }
}

}  // namespace

bool HandoverMessage::send(int socket) const {
    const std::string text = text_of(*this);
    iovec part{const_cast<char*>(text.data()), text.size()};
    alignas(cmsghdr) char control[CMSG_SPACE(kMostFiles * sizeof(int))] = {};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    if (const size_t bytes = std::min(sent.size(), kMostFiles) * sizeof(int); bytes > 0) {
        header.msg_control = control;
        header.msg_controllen = CMSG_SPACE(bytes);
        cmsghdr* const files_of = CMSG_FIRSTHDR(&header);
        files_of->cmsg_level = SOL_SOCKET;
        files_of->cmsg_type = SCM_RIGHTS;
        files_of->cmsg_len = CMSG_LEN(bytes);
        std::memcpy(CMSG_DATA(files_of), sent.data(), bytes);
    }
    return text.size() <= kMostBytes && sent.size() <= kMostFiles &&
           ::sendmsg(socket, &header, MSG_NOSIGNAL | MSG_DONTWAIT) == static_cast<ssize_t>(text.size());
}

Received receive(int socket, std::chrono::milliseconds patience, HandoverMessage& ret_message) {
    pollfd ready{socket, POLLIN, 0};
    const int found = ::poll(&ready, 1, static_cast<int>(patience.count()));
    if (found == 0 || (found < 0 && errno == EINTR)) return Received::kNothingYet;
    std::string text(HandoverMessage::kMostBytes, '\0');
    iovec part{text.data(), text.size()};
    alignas(cmsghdr) char control[CMSG_SPACE(HandoverMessage::kMostFiles * sizeof(int))];
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    const ssize_t size = ::recvmsg(socket, &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return Received::kNothingYet;
    HandoverMessage message;
    for (cmsghdr* part_of = size >= 0 ? CMSG_FIRSTHDR(&header) : nullptr; part_of != nullptr;
         part_of = CMSG_NXTHDR(&header, part_of)) {
        if (part_of->cmsg_level != SOL_SOCKET || part_of->cmsg_type != SCM_RIGHTS) continue;
        const size_t count = (part_of->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; ++i) {
            int file = -1;
            std::memcpy(&file, CMSG_DATA(part_of) + i * sizeof file, sizeof file);
            message.files.emplace_back(file);
        }
    }
    text.resize(size > 0 ? static_cast<size_t>(size) : 0);
    const bool whole = size > 0 && (header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0;
    if (!whole || !parse(text, message)) return Received::kEnded;
    ret_message = std::move(message);
    return Received::kMessage;
}

}  // namespace spanring::agent
