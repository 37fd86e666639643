// SPDX-License-Identifier: Apache-2.0
#include "command/doctor/subject.hpp"

#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <stdexcept>

#include "base/error_text.hpp"
#include "command/proc.hpp"

namespace spanring::agent {
namespace {

// Those by which the library finds its directories and is set up.
bool is_read(const std::string& name) {
    return name.starts_with("SPANRING_") || name.starts_with("OTEL_") || name == "XDG_RUNTIME_DIR";
}

}  // namespace

Subject Subject::of(pid_t pid) {
    const std::string folder = "/proc/" + std::to_string(pid);
    struct stat status {};
    if (::stat(folder.c_str(), &status) != 0)
        throw std::runtime_error("there is no process " + std::to_string(pid) + " here");
    Subject subject;
    subject.pid = pid;
    subject.user = status.st_uid;
    subject.group = status.st_gid;
    std::ifstream(folder + "/comm") >> subject.program;
    const auto variables = proc::variables(pid);
    if (!variables) {
        throw std::runtime_error("process " + std::to_string(pid) + " of user " + std::to_string(status.st_uid) +
                                 " cannot be examined: " + error_text(errno) + "; ask as that user, or as root");
    }
    subject.variables = *variables;
    subject.mappings = proc::mappings(pid).value_or("");
    return subject;
}

Subject Subject::self() {
    Subject subject;
    subject.pid = ::getpid();
    subject.user = ::geteuid();
    subject.group = ::getegid();
    subject.variables = proc::variables(subject.pid).value_or(Variables{});
    return subject;
}

void Subject::take_variables() const {
    for (const auto& [name, value] : proc::variables(::getpid()).value_or(Variables{})) {
        if (is_read(name)) ::unsetenv(name.c_str());
    }
    for (const auto& [name, value] : variables) {
        if (is_read(name)) ::setenv(name.c_str(), value.c_str(), 1);
    }
}

void Subject::take_user() const {
    if (::geteuid() != 0 || user == 0) return;
    if (::setgroups(0, nullptr) != 0 || ::setresgid(group, group, group) != 0 || ::setresuid(user, user, user) != 0)
        throw std::runtime_error("cannot become user " + std::to_string(user) + ": " + error_text(errno));
}

Findings Subject::look() const {
    if (pid == ::getpid()) return {};
    const std::string who = std::to_string(pid) + " (" + program + "), user " + std::to_string(user);
    const auto its = proc::link(pid, "ns/mnt"), own = proc::link(::getpid(), "ns/mnt");
    if (its && own && *its != *own) {
        return {{Health::kWarning, "process",
                 who + ", has another mount namespace (a container?): its directories are not those that are seen here",
                 "run the doctor in there: nsenter --target " + std::to_string(pid) + " --mount spanring doctor"}};
    }
    Finding finding{Health::kOk, "process", who, ""};
    if (mappings.find("/libspanring.so") == std::string::npos && mappings.find(".spr") == std::string::npos) {
        finding.health = Health::kWarning;
        finding.found += ": libspanring.so is not loaded, and there is no segment";
        finding.advice =
            "if it is linked to libspanring.a, it has not opened a provider; else nothing in it makes spans";
    }
    return {finding};
}

}  // namespace spanring::agent
