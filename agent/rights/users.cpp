// SPDX-License-Identifier: Apache-2.0
#include "rights/users.hpp"

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <system_error>

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/directory.hpp"
#include "base/error_text.hpp"
#include "rights/foreign_folder.hpp"
#include "rights/opener.hpp"
#include "rights/privileges.hpp"
#include "rights/system_call_filter.hpp"

namespace spanring::agent {

namespace {

// The opener's process, to its end.
[[noreturn]] void be_opener(Opener& opener, int socket) {
    int code = 0;
    try {
        keep_rights(kOverrideRights);
        prctl(PR_SET_DUMPABLE, 0);
        prctl(PR_SET_NAME, "spanring-opener");
        // It ends with the drainer, whose last requests it still serves.
        for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGUSR1}) signal(number, SIG_IGN);
        if (has_system_call_filter()) confine(SystemCallFilter::kRefuse);
        const OpenerReply ready = {};
        if (send_message(socket, &ready, sizeof ready, -1) == 0) opener.serve(socket);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "spanring-agent: opener: %s\n", error.what());
        code = 1;
    }
    _exit(code);
}

}  // namespace

Users::Users(std::string parent, bool any_file_system) : parent_(std::move(parent)) {
    if (geteuid() == 0) {
        throw std::runtime_error(
            "all users: run the agent as a user of its own that has CAP_DAC_OVERRIDE, not as root");
    }
    if (!has_rights(kOverrideRights)) {
        throw std::runtime_error("all users: without CAP_DAC_OVERRIDE their segments cannot be opened");
    }
    Opener opener(parent_, any_file_system);
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) {
        throw std::system_error(errno, std::generic_category(), "socketpair");
    }
    Descriptor mine(ends[0]), its(ends[1]);
    opener_ = fork();
    if (opener_ < 0) throw std::system_error(errno, std::generic_category(), "fork");
    if (opener_ == 0) {
        mine.reset();
        be_opener(opener, its.get());
    }
    client_.emplace(std::move(mine));
    its.reset();
    keep_rights(kNoRights);
    if (!client_->started()) throw std::runtime_error("all users: the opener did not start");
}

Users::~Users() {
    client_->close();
    waitpid(opener_, nullptr, 0);
}

OpenerReply Users::ask(const OpenerRequest& request, int file, Descriptor& ret_file) {
    const OpenerReply reply = client_->ask(request, file, ret_file);
    if (client_->ended()) end_with_opener();
    return reply;
}

void Users::end_with_opener() const {
    spdlog::critical("the opener ended, so the agent ends too; as with any kill, nothing is lost");
    spdlog::shutdown();
    _exit(1);
}

std::vector<std::unique_ptr<Folder>> Users::appeared() {
    if (client_->ended()) end_with_opener();
    std::vector<std::unique_ptr<Folder>> found;
    const Descriptor directory(open(parent_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const bool listed = directory && each_name(directory.get(), [&](const char* name) {
                            const char* end = name + strlen(name);
                            uid_t user = 0;
                            const auto [stop, error] = std::from_chars(name, end, user);
                            if (error != std::errc() || stop != end || std::to_string(user) != name) return;
                            if (!known_.insert(user).second) return;
                            found.push_back(std::make_unique<ForeignFolder>(*this, parent_ + "/" + name, user));
                        });
    if (!listed) spdlog::warn("{}: cannot be listed: {}", parent_, error_text(errno));
    return found;
}

}  // namespace spanring::agent
