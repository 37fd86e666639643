// SPDX-License-Identifier: Apache-2.0
#include "command/flare/program_output.hpp"

#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/descriptor.hpp"
#include "base/error_text.hpp"

namespace spanring::agent {
namespace {

using Clock = std::chrono::steady_clock;

struct Pipe {
    Descriptor reader, writer;
};

bool make(Pipe& pipe) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return false;
    pipe.reader = Descriptor(ends[0]);
    pipe.writer = Descriptor(ends[1]);
    return true;
}

pid_t start(const std::vector<std::string>& arguments, const Pipe& out, const Pipe& err) {
    std::vector<char*> words;
    for (const std::string& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
    words.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&actions, out.writer.get(), STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, err.writer.get(), STDERR_FILENO);
    pid_t pid = -1;
    errno = ::posix_spawnp(&pid, words.front(), &actions, nullptr, words.data(), environ);
    if (errno != 0) pid = -1;
    ::posix_spawn_file_actions_destroy(&actions);
    return pid;
}

// False: that is its end.
bool read_some(const Descriptor& from, std::string& to) {
    char piece[16 << 10];
    const ssize_t size = ::read(from.get(), piece, sizeof piece);
    if (size > 0) to.append(piece, static_cast<size_t>(size));
    return size > 0 || (size < 0 && errno == EINTR);
}

// Empty: both have come to their end.
std::string listen(const Pipe& out, const Pipe& err, size_t most, Clock::time_point until, ProgramOutput& heard) {
    pollfd ears[] = {{out.reader.get(), POLLIN, 0}, {err.reader.get(), POLLIN, 0}};
    while (ears[0].fd >= 0 || ears[1].fd >= 0) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now());
        if (left.count() <= 0) return "it takes too long";
        if (::poll(ears, 2, static_cast<int>(left.count())) < 0 && errno != EINTR) return error_text(errno);
        if (ears[0].revents != 0 && !read_some(out.reader, heard.out)) ears[0].fd = -1;
        if (ears[1].revents != 0 && !read_some(err.reader, heard.err)) ears[1].fd = -1;
        if (heard.out.size() + heard.err.size() > most) return "it says more than there is room for";
        for (pollfd& ear : ears) ear.revents = 0;
    }
    return {};
}

}  // namespace

ProgramOutput output_of(const std::vector<std::string>& arguments, size_t most, std::chrono::seconds patience) {
    ProgramOutput heard;
    Pipe out, err;
    const pid_t pid = make(out) && make(err) ? start(arguments, out, err) : -1;
    if (pid < 0) {
        heard.problem = error_text(errno);
        return heard;
    }
    out.writer.reset();
    err.writer.reset();
    heard.problem = listen(out, err, most, Clock::now() + patience, heard);
    if (!heard.problem.empty()) ::kill(pid, SIGKILL);
    if (heard.out.size() > most) heard.out.resize(most);
    if (heard.err.size() > most) heard.err.resize(most);
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (heard.problem.empty() && WIFEXITED(status)) heard.code = WEXITSTATUS(status);
    if (heard.problem.empty() && WIFSIGNALED(status))
        heard.problem = "it ended by signal " + std::to_string(WTERMSIG(status));
    return heard;
}

}  // namespace spanring::agent
