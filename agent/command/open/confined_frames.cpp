// SPDX-License-Identifier: Apache-2.0
#include "command/open/confined_frames.hpp"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <string>

#include <nlohmann/json.hpp>

#include "base/descriptor.hpp"
#include "base/error_text.hpp"
#include "command/proc.hpp"

namespace spanring::agent {
namespace {

using Clock = std::chrono::steady_clock;
using Json = nlohmann::json;

[[maybe_unused]] constexpr rlim_t kMostMemory = rlim_t{4} << 30;  // large programs are mapped, not read
constexpr rlim_t kMostSeconds = 10;
constexpr size_t kMostAnswer = 1 << 20;

ThreadFrames problem(std::string what) {
    ThreadFrames frames;
    frames.problem = std::move(what);
    return frames;
}

// False: it would go on with rights that the other process's user does not have.
bool become(const proc::Owner& owner) {
    if (::geteuid() != 0 || owner.user == 0) return true;
    return ::setgroups(0, nullptr) == 0 && ::setresgid(owner.group, owner.group, owner.group) == 0 &&
           ::setresuid(owner.user, owner.user, owner.user) == 0;
}

// A sanitizer's runtime takes far more than it uses.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SPR_HAS_SHADOW_MEMORY
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SPR_HAS_SHADOW_MEMORY
#endif

void bound(int resource, rlim_t most) {
    const rlimit limit = {most, most};
    ::setrlimit(static_cast<__rlimit_resource_t>(resource), &limit);
}

ThreadFrames walk(pid_t process, pid_t thread, const proc::Owner& owner) {
    if (const int error = attach_to_thread(thread); error != 0)
        return problem(error_text(-error) + (error == -EPERM ? " (kernel.yama.ptrace_scope? root may)" : ""));
    if (!become(owner)) return problem(error_text(errno));
#ifndef SPR_HAS_SHADOW_MEMORY
    bound(RLIMIT_AS, kMostMemory);
#endif
    bound(RLIMIT_CPU, kMostSeconds);
    bound(RLIMIT_CORE, 0);
    return walk_user_frames(process, thread);
}

std::string written(const ThreadFrames& frames) {
    Json json = {{"stopped", frames.stopped_nano}, {"problem", frames.problem}, {"frames", Json::array()}};
    for (const UserFrame& frame : frames.frames)
        json["frames"].push_back({frame.address, frame.function, frame.module});
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// Whoever wrote it may have been taken over by what it read.
ThreadFrames read(const std::string& text) {
    ThreadFrames frames;
    try {
        const Json json = Json::parse(text);
        frames.stopped_nano = json.at("stopped").get<uint64_t>();
        frames.problem = json.at("problem").get<std::string>();
        for (const Json& frame : json.at("frames"))
            frames.frames.push_back(
                {frame.at(0).get<uint64_t>(), frame.at(1).get<std::string>(), frame.at(2).get<std::string>()});
    } catch (const Json::exception&) {
        return problem("its files break whoever reads them");
    }
    return frames;
}

// Until it is closed, or the time is over.
std::string answer(int pipe, Clock::time_point until) {
    std::string text;
    char part[4096];
    while (text.size() < kMostAnswer) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()).count();
        pollfd ready = {pipe, POLLIN, 0};
        const int there = left <= 0 ? 0 : ::poll(&ready, 1, static_cast<int>(left));
        if (there < 0 && errno == EINTR) continue;
        if (there <= 0) break;
        const ssize_t size = ::read(pipe, part, sizeof part);
        if (size <= 0) break;
        text.append(part, static_cast<size_t>(size));
    }
    return text;
}

}  // namespace

ThreadFrames confined_frames(pid_t process, pid_t thread, uid_t owner, std::chrono::milliseconds patience) {
    if (!can_walk_user_frames()) return problem("this program was built without libdw");
    // Whose process does not let itself be dumped has taken on rights, or wants to be alone.
    const auto found = proc::owner(process);
    if (!found || found->user != owner) return problem("its process does not let others look");
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return problem(error_text(errno));
    const Descriptor from(ends[0]);
    Descriptor to(ends[1]);
    const auto until = Clock::now() + patience;
    const pid_t child = ::fork();
    if (child < 0) return problem(error_text(errno));
    if (child == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        const std::string text = written(walk(process, thread, *found));
        for (size_t done = 0; done < text.size();) {
            const ssize_t size = ::write(to.get(), text.data() + done, text.size() - done);
            if (size <= 0) break;
            done += static_cast<size_t>(size);
        }
        ::_exit(0);
    }
    to = Descriptor();
    const std::string text = answer(from.get(), until);
    // Whatever it does by now: with its end the thread runs on.
    ::kill(child, SIGKILL);
    while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) continue;
    if (text.empty()) return problem("it took too long, or its files break whoever reads them");
    return read(text);
}

}  // namespace spanring::agent
