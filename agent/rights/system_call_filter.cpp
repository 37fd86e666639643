// SPDX-License-Identifier: Apache-2.0
#include "rights/system_call_filter.hpp"

#include <cerrno>
#include <memory>
#include <stdexcept>
#include <system_error>
#include <type_traits>

#include <linux/netlink.h>
#include <linux/prctl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

namespace spanring::agent {

namespace {

// Grouped by purpose. A name that the architecture does not have is skipped.
// clang-format off: a list to be read by groups
constexpr const char* kAllowed[] = {
    // memory (mmap, mprotect: below)
    "brk",
    "madvise",
    "mincore",
    "mremap",
    "munmap",
    // threads and time (clone, tgkill: below)
    "clock_getres",
    "clock_gettime",
    "clock_nanosleep",
    "exit",
    "exit_group",
    "futex",
    "futex_waitv",
    "get_robust_list",
    "getcpu",
    "getpid",
    "getppid",
    "gettid",
    "gettimeofday",
    "membarrier",
    "nanosleep",
    "restart_syscall",
    "rseq",
    "sched_getaffinity",
    "sched_getparam",
    "sched_getscheduler",
    "sched_yield",
    "set_robust_list",
    "time",
    "wait4",  // for the opener
    // signals
    "rt_sigaction",
    "rt_sigpending",
    "rt_sigprocmask",
    "rt_sigreturn",
    "rt_sigsuspend",
    "rt_sigtimedwait",
    "sigaltstack",
    // who and where it is
    "getegid",
    "geteuid",
    "getgid",
    "getrandom",
    "getrlimit",
    "getrusage",
    "getuid",
    "sysinfo",
    "times",
    "uname",
    // files: segments, ledger, spools, store, certificates, names of hosts
    "access",
    "close",
    "close_range",
    "creat",
    "dup",
    "dup2",
    "dup3",
    "faccessat",
    "faccessat2",
    "fadvise64",
    "fallocate",
    "fchmod",
    "fchown",
    "fcntl",
    "fdatasync",
    "flock",
    "fstat",
    "fstatfs",
    "fsync",
    "ftruncate",
    "getcwd",
    "getdents",
    "getdents64",
    "link",
    "linkat",
    "lseek",
    "lstat",
    "mkdir",
    "mkdirat",
    "msync",
    "newfstatat",
    "open",
    "openat",
    "openat2",
    "pread64",
    "preadv",
    "preadv2",
    "pwrite64",
    "pwritev",
    "pwritev2",
    "read",
    "readlink",
    "readlinkat",
    "readv",
    "rename",
    "renameat",
    "renameat2",
    "rmdir",
    "stat",
    "statfs",
    "statx",
    "sync_file_range",
    "umask",
    "unlink",
    "unlinkat",
    "write",
    "writev",
    // waiting
    "epoll_create",
    "epoll_create1",
    "epoll_ctl",
    "epoll_pwait",
    "epoll_pwait2",
    "epoll_wait",
    "eventfd",
    "eventfd2",
    "inotify_add_watch",
    "inotify_init",
    "inotify_init1",
    "inotify_rm_watch",
    "pipe",
    "pipe2",
    "poll",
    "ppoll",
    "pselect6",
    "select",
    "timerfd_create",
    "timerfd_settime",
    // sockets (socket, socketpair, accept: below); it never begins to listen
    "bind",
    "connect",
    "getpeername",
    "getsockname",
    "getsockopt",
    "recvfrom",
    "recvmmsg",
    "recvmsg",
    "sendmmsg",
    "sendmsg",
    "sendto",
    "setsockopt",
    "shutdown",
};
// clang-format on

class Rules {
public:
    explicit Rules(uint32_t otherwise) : context_(seccomp_init(otherwise), &seccomp_release) {
        if (context_ == nullptr) throw std::runtime_error("out of memory");
    }

    template <class... Arguments>
    void add(uint32_t action, const char* name, Arguments... arguments) {
        const int number = seccomp_syscall_resolve_name(name);
        if (number < 0) return;  // not on this architecture
        const scmp_arg_cmp all[sizeof...(arguments) + 1] = {arguments...};
        const int error = seccomp_rule_add_array(context_.get(), action, number, sizeof...(arguments), all);
        if (error != 0) throw std::system_error(-error, std::generic_category(), name);
    }
    template <class... Arguments>
    void allow(const char* name, Arguments... arguments) {
        add(SCMP_ACT_ALLOW, name, arguments...);
    }
    void set(scmp_filter_attr attribute, uint32_t value, const char* what) {
        const int error = seccomp_attr_set(context_.get(), attribute, value);
        if (error != 0) throw std::system_error(-error, std::generic_category(), what);
    }
    void load() {
        const int error = seccomp_load(context_.get());
        if (error != 0) throw std::system_error(-error, std::generic_category(), "the kernel refuses the filter");
    }

private:
    std::unique_ptr<std::remove_pointer_t<scmp_filter_ctx>, void (*)(scmp_filter_ctx)> context_;
};

template <class Value>
scmp_arg_cmp equal(unsigned argument, Value value) {
    return SCMP_CMP(argument, SCMP_CMP_EQ, static_cast<scmp_datum_t>(value), 0);
}
scmp_arg_cmp masked(unsigned argument, uint64_t mask, uint64_t value) {
    return SCMP_CMP(argument, SCMP_CMP_MASKED_EQ, mask, value);
}

// The agent's own metrics, where they are asked for.
void allow_to_serve(Rules& rules) {
    for (const char* name : {"accept", "accept4"}) rules.allow(name);
}

void allow_by_arguments(Rules& rules) {
    // A thread, not a process. clone3() hides its flags behind a pointer; libc falls back to clone().
    rules.allow("clone", masked(0, CLONE_THREAD, CLONE_THREAD));
    rules.add(SCMP_ACT_ERRNO(ENOSYS), "clone3");

    // Memory is written or executed, never both, and none becomes executable later. Libraries may still be loaded:
    // those that resolve names of hosts are, at the first name.
    constexpr uint64_t kBoth = PROT_WRITE | PROT_EXEC;
    for (const uint64_t protection : {uint64_t{0}, uint64_t{PROT_WRITE}, uint64_t{PROT_EXEC}}) {
        rules.allow("mmap", masked(2, kBoth, protection));
    }
    rules.allow("mprotect", masked(2, PROT_EXEC, 0));

    for (const int family : {AF_UNIX, AF_INET, AF_INET6}) rules.allow("socket", equal(0, family));
    rules.allow("socket", equal(0, AF_NETLINK), equal(2, NETLINK_ROUTE));      // which addresses the host has
    rules.allow("socket", equal(0, AF_NETLINK), equal(2, NETLINK_SOCK_DIAG));  // who has the other end of a connection
    rules.allow("socketpair", equal(0, AF_UNIX));

    for (const unsigned long request :
         {(unsigned long)FIONREAD, (unsigned long)FIONBIO, (unsigned long)TCGETS, (unsigned long)TIOCGWINSZ}) {
        rules.allow("ioctl", equal(1, request));
    }
    rules.allow("prctl", equal(0, PR_SET_NAME));
    rules.allow("prctl", equal(0, PR_GET_NAME));
    rules.allow("prlimit64", equal(0, 0), equal(2, 0));   // its own limits, and only to read them
    rules.allow("tgkill", equal(0, getpid()));            // abort()
    rules.allow("process_vm_readv", equal(0, getpid()));  // a copy of its own memory that may be gone (copy_runs())
}

}  // namespace

bool has_system_call_filter() { return true; }

std::string confine(SystemCallFilter filter, bool serves) {
    if (filter == SystemCallFilter::kOff) return {};
    try {
        Rules rules(filter == SystemCallFilter::kKill ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ERRNO(EPERM));
        rules.set(SCMP_FLTATR_CTL_NNP, 1, "no new privileges");
        rules.set(SCMP_FLTATR_CTL_TSYNC, 1, "all threads");
        if (seccomp_api_get() >= 3) rules.set(SCMP_FLTATR_CTL_LOG, 1, "the kernel's log");
        for (const char* name : kAllowed) rules.allow(name);
        allow_by_arguments(rules);
        if (serves) allow_to_serve(rules);
        rules.load();
    } catch (const std::exception& error) {
        return error.what();
    }
    return {};
}

}  // namespace spanring::agent
