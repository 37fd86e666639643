// SPDX-License-Identifier: Apache-2.0
#include "command/open/user_frames.hpp"

#include <cxxabi.h>
#include <elfutils/libdwfl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <memory>

#include "base/error_text.hpp"

namespace spanring::agent {
namespace {

constexpr size_t kMostFrames = 128;
constexpr size_t kMostName = 1024;

int add_frame(Dwfl_Frame* frame, void* to) {
    auto& addresses = *static_cast<std::vector<uint64_t>*>(to);
    Dwarf_Addr address = 0;
    bool exact = false;
    if (!dwfl_frame_pc(frame, &address, &exact)) return DWARF_CB_ABORT;
    // A return address is behind the call, perhaps in the next function.
    addresses.push_back(exact ? address : address - 1);
    return addresses.size() < kMostFrames ? DWARF_CB_OK : DWARF_CB_ABORT;
}

std::string demangled(const char* name) {
    if (name == nullptr) return {};
    int status = 0;
    const std::unique_ptr<char, void (*)(void*)> text(abi::__cxa_demangle(name, nullptr, nullptr, &status), std::free);
    return std::string(text != nullptr ? text.get() : name).substr(0, kMostName);
}

// Attached and stopped, for as long as it lives; runs on afterwards as if nothing had been.
class StoppedThread {
public:
    explicit StoppedThread(pid_t thread) : thread_(thread), since_(std::chrono::steady_clock::now()) {
        int status = 0;
        if (::ptrace(PTRACE_INTERRUPT, thread, nullptr, nullptr) != 0) return;
        while (::waitpid(thread, &status, __WALL) < 0) {
            if (errno != EINTR) return;
        }
        stopped_ = WIFSTOPPED(status);
        // It may have stopped for a signal that was on its way; it gets it when it goes on.
        if (stopped_ && status >> 16 != PTRACE_EVENT_STOP) signal_ = WSTOPSIG(status);
    }
    ~StoppedThread() { go_on(); }
    StoppedThread(const StoppedThread&) = delete;
    StoppedThread& operator=(const StoppedThread&) = delete;

    explicit operator bool() const { return stopped_; }

    // How long it stood.
    uint64_t go_on() {
        if (!stopped_) return 0;
        stopped_ = false;
        ::ptrace(PTRACE_DETACH, thread_, nullptr, static_cast<long>(signal_));
        return static_cast<uint64_t>(std::chrono::nanoseconds(std::chrono::steady_clock::now() - since_).count());
    }

private:
    const pid_t thread_;
    const std::chrono::steady_clock::time_point since_;
    bool stopped_ = false;
    int signal_ = 0;
};

constexpr Dwfl_Callbacks kCallbacks = {dwfl_linux_proc_find_elf, dwfl_standard_find_debuginfo, nullptr, nullptr};

using Modules = std::unique_ptr<Dwfl, void (*)(Dwfl*)>;

Modules modules_of(pid_t process) {
    Modules modules(dwfl_begin(&kCallbacks), dwfl_end);
    if (modules == nullptr || dwfl_linux_proc_report(modules.get(), process) != 0 ||
        dwfl_report_end(modules.get(), nullptr, nullptr) != 0 ||
        dwfl_linux_proc_attach(modules.get(), process, true) != 0)
        modules.reset();
    return modules;
}

UserFrame name(Dwfl* modules, uint64_t address) {
    UserFrame frame;
    frame.address = address;
    Dwfl_Module* module = dwfl_addrmodule(modules, address);
    if (module == nullptr) return frame;
    GElf_Off offset = 0;
    GElf_Sym symbol;
    frame.function = demangled(dwfl_module_addrinfo(module, address, &offset, &symbol, nullptr, nullptr, nullptr));
    const char* file = dwfl_module_info(module, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr);
    if (file != nullptr) frame.module = std::string(file).substr(0, kMostName);
    return frame;
}

}  // namespace

bool can_walk_user_frames() { return true; }

int attach_to_thread(pid_t thread) { return ::ptrace(PTRACE_SEIZE, thread, nullptr, nullptr) == 0 ? 0 : -errno; }

ThreadFrames walk_user_frames(pid_t process, pid_t thread) {
    ThreadFrames result;
    ::unsetenv("DEBUGINFOD_URLS");  // nothing is asked of a network
    const Modules modules = modules_of(process);
    if (modules == nullptr) {
        result.problem = "what it has mapped cannot be read";
        return result;
    }
    std::vector<uint64_t> addresses;
    {
        StoppedThread stopped(thread);
        if (!stopped) {
            result.problem = "it cannot be stopped: " + error_text(errno);
            return result;
        }
        // An error is an end as well: what came before it is right.
        dwfl_getthread_frames(modules.get(), thread, add_frame, &addresses);
        result.stopped_nano = stopped.go_on();
    }
    for (const uint64_t address : addresses) result.frames.push_back(name(modules.get(), address));
    if (addresses.empty()) result.problem = "its stack cannot be walked";
    return result;
}

}  // namespace spanring::agent
