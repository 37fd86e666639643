// SPDX-License-Identifier: Apache-2.0
#include "programs/starter.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <limits>
#include <string>
#include <system_error>
#include <utility>

namespace spanring::agent {
namespace {

constexpr std::chrono::seconds kGrace{1};  // between two steps to a program's end
constexpr rlim_t kDescriptors = 1024;      // what programs are used to; the agent has more

struct Pipe {
    Descriptor read, write;

    bool open() {
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) != 0) return false;
        read = Descriptor(ends[0]);
        write = Descriptor(ends[1]);
        return true;
    }
};

void unblock(int descriptor) { ::fcntl(descriptor, F_SETFL, ::fcntl(descriptor, F_GETFL) | O_NONBLOCK); }

std::vector<char*> pointers(const std::vector<std::string>& texts) {
    std::vector<char*> all;
    for (const std::string& text : texts) all.push_back(const_cast<char*>(text.c_str()));  // execve() only reads
    all.push_back(nullptr);
    return all;
}

// In the child, to the program's first instruction.
[[noreturn]] void become(const Program& program, char* const* arguments, char* const* environment, pid_t parent,
                         const int (&streams)[3]) {
    ::setsid();
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(127);
    for (int i = 0; i < 3; ++i) ::dup2(streams[i], i);  // which are above 2, all of them
    ::syscall(SYS_close_range, 3u, ~0u, 0u);
    for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = std::min(files.rlim_cur, kDescriptors);
        ::setrlimit(RLIMIT_NOFILE, &files);
    }
    if (::chdir(program.directory.c_str()) != 0)
        ::dprintf(2, "%s: %s\n", program.directory.c_str(), std::strerror(errno));
    else
        ::execve(arguments[0], arguments, environment);
    ::dprintf(2, "cannot be started: %s\n", std::strerror(errno));
    ::_exit(127);
}

}  // namespace

Starter::Starter(const std::vector<Program>& programs, std::vector<Descriptor> lines) {
    for (size_t i = 0; i < programs.size(); ++i) {
        Line& line = lines_.emplace_back();
        line.program = &programs[i];
        line.socket = std::move(lines[i]);
    }
    sigset_t deaths;
    ::sigemptyset(&deaths);
    ::sigaddset(&deaths, SIGCHLD);
    ::sigprocmask(SIG_BLOCK, &deaths, nullptr);
    children_ = Descriptor(::signalfd(-1, &deaths, SFD_NONBLOCK | SFD_CLOEXEC));
    if (!children_) throw std::system_error(errno, std::generic_category(), "signalfd");
}

void Starter::run() {
    report(lines_.front(), {});
    for (;;) {
        const bool over =
            std::all_of(lines_.begin(), lines_.end(), [](const Line& line) { return !line.socket && line.pid == 0; });
        if (over) return;
        std::vector<pollfd> waits = {{children_.get(), POLLIN, 0}};
        for (const Line& line : lines_)
            if (line.socket) waits.push_back({line.socket.get(), POLLIN, 0});
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(next_event() - Clock::now()).count();
        ::poll(waits.data(), waits.size(), static_cast<int>(std::clamp<int64_t>(left, 0, 60'000)));
        signalfd_siginfo deaths[16];
        while (::read(children_.get(), deaths, sizeof deaths) > 0) {
        }
        for (Line& line : lines_) look(line);
    }
}

Starter::Clock::time_point Starter::next_event() const {
    Clock::time_point next = Clock::now() + std::chrono::minutes(1);
    for (const Line& line : lines_)
        if (line.pid != 0 && line.ending) next = std::min(next, line.at);
    return next;
}

void Starter::look(Line& line) {
    reap(line);
    if (line.socket) take_orders(line);
    if (line.pid != 0 && line.ending) press(line, Clock::now());
    if (line.pid == 0 && line.next_run != 0) start(line, std::exchange(line.next_run, 0));
}

void Starter::take_orders(Line& line) {
    for (;;) {
        StarterOrder order;
        const ssize_t size = ::recv(line.socket.get(), &order, sizeof order, MSG_DONTWAIT);
        if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (size != sizeof order) {  // the agent went
            line.socket.reset();
            line.next_run = 0;
            return begin_end(line);
        }
        if (order.task == StarterOrder::Task::kStart) {
            begin_end(line);
            line.next_run = order.run;
        } else if (order.run == line.run) {
            begin_end(line);
        } else if (order.run == line.next_run) {
            line.next_run = 0;
        }
    }
}

// Its input has ended, or does now.
void Starter::begin_end(Line& line) {
    if (line.pid == 0 || line.ending) return;
    line.ending = true;
    line.told = false;
    line.at = Clock::now() + kGrace;
}

void Starter::press(Line& line, Clock::time_point now) {
    if (now < line.at) return;
    ::kill(-line.pid, line.told ? SIGKILL : SIGTERM);
    line.told = true;
    line.at = now + kGrace;
}

void Starter::reap(Line& line) {
    if (line.pid == 0) return;
    siginfo_t info{};
    if (::waitid(P_PID, static_cast<id_t>(line.pid), &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0)
        return;
    ::kill(-line.pid, SIGKILL);  // what it left behind; the number is its own until it is reaped
    int status = 0;
    ::waitpid(line.pid, &status, 0);
    line.pid = 0;
    line.ending = false;
    report(line, {StarterReport::What::kEnded, line.run, status});
}

void Starter::start(Line& line, uint32_t run) {
    line.run = run;
    const auto fail = [&] { report(line, {StarterReport::What::kFailed, run, errno}); };
    Pipe in, out, errors;
    if (!in.open() || !out.open() || !errors.open()) return fail();
    std::vector<std::string> variables;
    for (const auto& [name, value] : line.program->environment) variables.push_back(name + "=" + value);
    const std::vector<char*> arguments = pointers(line.program->command), environment = pointers(variables);
    const int streams[3] = {in.read.get(), out.write.get(), errors.write.get()};
    const pid_t starter = ::getpid(), pid = ::fork();
    if (pid < 0) return fail();
    if (pid == 0) become(*line.program, arguments.data(), environment.data(), starter, streams);
    line.pid = pid;
    line.ending = false;
    const int descriptors[StarterReport::kDescriptors] = {in.write.get(), out.read.get(), errors.read.get()};
    for (const int each : descriptors) unblock(each);
    if (!report(line, {StarterReport::What::kStarted, run, pid}, descriptors)) begin_end(line);
}

bool Starter::report(Line& line, const StarterReport& report, const int* descriptors) {
    if (!line.socket) return false;
    StarterReport copy = report;
    iovec bytes = {&copy, sizeof copy};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * StarterReport::kDescriptors)] = {};
    msghdr message{};
    message.msg_iov = &bytes;
    message.msg_iovlen = 1;
    if (descriptors != nullptr) {
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        cmsghdr* const header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int) * StarterReport::kDescriptors);
        std::memcpy(CMSG_DATA(header), descriptors, sizeof(int) * StarterReport::kDescriptors);
    }
    return ::sendmsg(line.socket.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL) == sizeof copy;
}

}  // namespace spanring::agent
