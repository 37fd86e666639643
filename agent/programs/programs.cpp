// SPDX-License-Identifier: Apache-2.0
#include "programs/programs.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "programs/starter.hpp"

namespace spanring::agent {
namespace {

constexpr int kPatience = 30'000;  // milliseconds, for a process that has nothing else to do

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

// Of this process nothing but these is left: not its sockets, which others would find in use.
void keep_alone(const std::vector<Descriptor>& kept) {
    std::vector<unsigned> numbers;
    for (const Descriptor& each : kept) numbers.push_back(static_cast<unsigned>(each.get()));
    std::sort(numbers.begin(), numbers.end());
    unsigned from = 3;
    for (const unsigned number : numbers) {
        if (number > from) ::syscall(SYS_close_range, from, number - 1, 0u);
        from = number + 1;
    }
    ::syscall(SYS_close_range, from, ~0u, 0u);
}

// The other process, to its end.
[[noreturn]] void be_starter(const std::vector<Program>& programs, std::vector<Descriptor> lines,
                             const std::function<void()>& give_up_rights) {
    int code = 0;
    try {
        keep_alone(lines);
        const int nothing = ::open("/dev/null", O_RDWR);
        for (const int stream : {0, 1})
            if (nothing >= 0) ::dup2(nothing, stream);
        if (nothing > 2) ::close(nothing);
        give_up_rights();
        ::prctl(PR_SET_DUMPABLE, 0);
        ::prctl(PR_SET_NAME, "spanring-starter");
        // It ends with the agent.
        for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGUSR1}) ::signal(number, SIG_IGN);
        Starter(programs, std::move(lines)).run();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "spanring-agent: starter: %s\n", error.what());
        code = 1;
    }
    ::_exit(code);
}

}  // namespace

uint32_t ProgramLine::start() {
    send({StarterOrder::Task::kStart, ++last_run_});
    return last_run_;
}

void ProgramLine::end(uint32_t run) { send({StarterOrder::Task::kEnd, run}); }

// A few bytes, which are read at once: there is room, or nobody reads any more.
void ProgramLine::send(const StarterOrder& order) {
    if (::send(socket_.get(), &order, sizeof order, MSG_DONTWAIT | MSG_NOSIGNAL) != sizeof order) closed_ = true;
}

std::optional<ProgramLine::Report> ProgramLine::next_report() {
    Report report;
    iovec bytes = {static_cast<StarterReport*>(&report), sizeof(StarterReport)};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * StarterReport::kDescriptors)] = {};
    msghdr message{};
    message.msg_iov = &bytes;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    const ssize_t size = ::recvmsg(socket_.get(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return std::nullopt;
    const cmsghdr* const header = CMSG_FIRSTHDR(&message);
    if (header != nullptr && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) {
        int numbers[StarterReport::kDescriptors];
        const size_t count = std::min((header->cmsg_len - CMSG_LEN(0)) / sizeof(int), std::size(numbers));
        std::memcpy(numbers, CMSG_DATA(header), count * sizeof(int));
        for (size_t i = 0; i < count; ++i) report.descriptors[i] = Descriptor(numbers[i]);
    }
    if (size == sizeof(StarterReport)) return report;
    closed_ = true;
    return std::nullopt;
}

Programs::Programs(std::vector<Program> programs, const std::function<void()>& give_up_rights) {
    std::vector<Descriptor> theirs;
    for (const Program& each : programs) {
        int ends[2];
        if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) fail("socketpair");
        lines_.emplace(each.id, Descriptor(ends[0]));
        theirs.emplace_back(ends[1]);
    }
    starter_ = ::fork();
    if (starter_ < 0) fail("fork");
    if (starter_ == 0) be_starter(programs, std::move(theirs), give_up_rights);
    theirs.clear();
    ProgramLine& first = *line(programs.front().id);
    pollfd waits = {first.descriptor(), POLLIN, 0};
    if (::poll(&waits, 1, kPatience) != 1 || !first.next_report())
        throw std::runtime_error("the process that starts programs did not start");
}

Programs::~Programs() {
    lines_.clear();
    while (::waitpid(starter_, nullptr, 0) < 0 && errno == EINTR) {
    }
}

ProgramLine* Programs::line(const std::string& id) {
    const auto found = lines_.find(id);
    return found != lines_.end() ? &found->second : nullptr;
}

}  // namespace spanring::agent
