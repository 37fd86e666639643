// SPDX-License-Identifier: Apache-2.0
#include "command/doctor/kernel_facts.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <functional>

#include "base/descriptor.hpp"
#include "base/directory.hpp"
#include "base/error_text.hpp"
#include "base/file_lock.hpp"
#include "segment/segment_lock.hpp"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

namespace spanring::agent {
namespace {

using std::chrono::steady_clock;

constexpr size_t kBytes = 65536;
constexpr char kElsewhere[] = "see the lines of the directory and the limits";
constexpr std::chrono::seconds kWatchdog{10};  // for events that come at once or never

// Linux versions: the manual pages (madvise(2), mmap(2), fcntl(2), fallocate(2), getrandom(2), inotify(7)).
struct Feature {
    const char* name;
    int major, minor;
    bool needed;
    const char* without;  // what is different where it is missing
};
constexpr std::array kFeatures = {
    Feature{"inotify", 2, 6, false, "new segments and deaths are found by a scan"},
    Feature{"MADV_DONTFORK", 2, 6, true, ""},
    Feature{"fallocate() on tmpfs", 3, 5, true, ""},
    Feature{"F_OFD_SETLK", 3, 15, true, ""},
    Feature{"getrandom()", 3, 17, true, ""},
    Feature{"MADV_WIPEONFORK", 4, 14, true, ""},
    Feature{"MAP_FIXED_NOREPLACE", 4, 17, false, "a fork while another library maps memory is less safe"},
    Feature{"MADV_POPULATE_WRITE", 5, 14, false, "a segment takes up to 2 MiB at its birth and does not grow"},
};

Finding ok(const char* check, std::string found) { return {Health::kOk, check, std::move(found), ""}; }

Finding failed(
    const char* check, std::string found,
    const char* advice = "spanring cannot work on this kernel or file system: report it with the output of uname -a") {
    return {Health::kError, check, std::move(found), advice};
}

// A folder of its own that goes with it.
class Folder {
public:
    explicit Folder(const std::string& directory) : path_(directory + "/.spanring-doctor-XXXXXX") {
        if (::mkdtemp(path_.data()) == nullptr) error_ = errno;
    }
    ~Folder() {
        if (error_ != 0) return;
        const Descriptor directory(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        each_name(directory.get(), [&](const char* name) { ::unlinkat(directory.get(), name, 0); });
        ::rmdir(path_.c_str());
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;

    int error() const { return error_; }
    const std::string& path() const { return path_; }
    std::string file(const char* name) const { return path_ + "/" + name; }

private:
    std::string path_;
    int error_ = 0;
};

// Does to a file what a process does to its segment: mapped, not inherited, locked, closed. nullptr: errno says why.
void* lock_by_mapping(const std::string& file) {
    const Descriptor made(::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!made) return nullptr;
    const int fd = made.get();
    void* memory = MAP_FAILED;
    if (::ftruncate(fd, kBytes) == 0) memory = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    const bool done =
        memory != MAP_FAILED && ::madvise(memory, kBytes, MADV_DONTFORK) == 0 && lock_bytes(fd, 0, 1) == 0;
    return done ? memory : nullptr;
}

bool is_locked(const std::string& file) {
    const Descriptor opened(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    return opened && process_liveness(opened.get()) == Liveness::kAlive;  // a stray close: it must release nothing
}

bool comes_free(const std::string& file) {
    const auto deadline = steady_clock::now() + kWatchdog;
    while (is_locked(file)) {
        if (steady_clock::now() > deadline) return false;
        ::poll(nullptr, 0, 1);
    }
    return true;
}

// A child that does `work`, says so, and then waits until it is killed; `end` sees to that.
class Child {
public:
    // `work` returns 0 where it succeeded.
    explicit Child(const std::function<int()>& work) {
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) != 0) return;
        Descriptor reading(ends[0]), writing(ends[1]);
        pid_ = ::fork();
        if (pid_ == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // it must not outlive a doctor that is killed
            reading.reset();
            const int code = work();
            if (::write(writing.get(), code == 0 ? "y" : "n", 1) == 1 && code == 0) {
                for (;;) ::pause();
            }
            ::_exit(1);
        }
        writing.reset();
        char byte = 0;
        const ssize_t got = pid_ > 0 ? ::read(reading.get(), &byte, 1) : -1;
        ready_ = got == 1 && byte == 'y';
        executed_ = got == 0;  // exec closed the pipe; a child that fails says so first
    }
    ~Child() { reap(); }
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;

    bool ready() const { return ready_; }
    bool executed() const { return executed_; }
    void kill() const { ::kill(pid_, SIGKILL); }
    void reap() {
        if (pid_ <= 0) return;
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        pid_ = -1;
    }

private:
    pid_t pid_ = -1;
    bool ready_ = false;
    bool executed_ = false;
};

// Waits for one of these events on `name`.
bool hear(int inotify, uint32_t events, const char* name) {
    const auto deadline = steady_clock::now() + kWatchdog;
    for (;;) {
        alignas(inotify_event) char buffer[4096];
        const ssize_t got = ::read(inotify, buffer, sizeof buffer);
        for (ssize_t at = 0; got > 0 && at < got;) {
            const auto* event = reinterpret_cast<const inotify_event*>(buffer + at);
            if ((event->mask & events) != 0 && event->len != 0 && std::strcmp(event->name, name) == 0) return true;
            at += static_cast<ssize_t>(sizeof *event + event->len);
        }
        if (steady_clock::now() > deadline) return false;
        pollfd file = {inotify, POLLIN, 0};
        ::poll(&file, 1, 100);
    }
}

void look_at_lock(const Folder& folder, Findings& findings) {
    constexpr char kCheck[] = "lock";
    const std::string file = folder.file("lock");
    void* memory = lock_by_mapping(file);
    if (memory == nullptr)
        return findings.push_back(
            failed(kCheck, "a segment cannot be made and locked: " + error_text(errno), kElsewhere));
    const bool held = is_locked(file);
    const bool again = is_locked(file);  // after the close in the look before
    {
        const Child heir([] { return 0; });
        ::munmap(memory, kBytes);
        const bool inherited = !comes_free(file);
        if (!heir.ready())
            return findings.push_back(
                failed(kCheck, "no process can be forked: " + error_text(errno), "see ulimit -u"));
        if (!held) {
            findings.push_back(failed(kCheck,
                                      "an open-file-description lock is lost with its descriptor, although a mapping "
                                      "holds the file: every process would count as dead"));
        } else if (!again) {
            findings.push_back(failed(kCheck, "closing another descriptor of the file releases the lock"));
        } else if (inherited) {
            findings.push_back(failed(kCheck, "a child without exec keeps the lock of its parent (MADV_DONTFORK)"));
        } else {
            findings.push_back(
                ok(kCheck, "held by the mapping alone: after close, after a stray close, not by a child"));
        }
    }
}

void look_at_death(const Folder& folder, Findings& findings) {
    const Descriptor inotify(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
    const bool watched =
        inotify && ::inotify_add_watch(inotify.get(), folder.path().c_str(), IN_CLOSE_WRITE | IN_MOVED_TO) >= 0;
    const int error = errno;
    const std::string made = folder.file("made"), placed = folder.file("placed");
    Child process(
        [&] { return lock_by_mapping(made) != nullptr && ::rename(made.c_str(), placed.c_str()) == 0 ? 0 : 1; });
    if (!process.ready()) {
        findings.push_back(failed("death", "a process that makes a segment cannot be started", kElsewhere));
    } else {
        const bool appeared = watched && hear(inotify.get(), IN_MOVED_TO, "placed");
        const bool alive = is_locked(placed);
        process.kill();
        const bool told = watched && hear(inotify.get(), IN_CLOSE_WRITE, "placed");
        const bool free = comes_free(placed);  // it is not reaped yet
        if (!alive || !free) {
            findings.push_back(failed("death", alive ? "the lock of a killed process that nobody has waited for stays"
                                                     : "the lock of a living process is not seen"));
        } else {
            findings.push_back(ok("death", "the lock is released at SIGKILL, before the process is reaped"));
        }
        if (!watched) {
            findings.push_back({Health::kWarning, "inotify",
                                "cannot be used (" + error_text(error) +
                                    "): the agent finds new "
                                    "segments and deaths by its scan, up to a second late",
                                "raise fs.inotify.max_user_watches and fs.inotify.max_user_instances"});
        } else if (!appeared || !told) {
            findings.push_back({Health::kWarning, "inotify",
                                std::string("does not report ") +
                                    (appeared ? "the death of a process" : "a rename into place") +
                                    ": the agent finds it by its scan, up to a second late",
                                ""});
        } else {
            findings.push_back(ok("inotify", "reports a rename into place and the death of a process"));
        }
    }
}

void look_at_exec(const Folder& folder, Findings& findings) {
    const std::string file = folder.file("exec");
    int input[2];
    if (::pipe2(input, O_CLOEXEC) != 0) return;
    const Descriptor reading(input[0]), writing(input[1]);
    {
        const Child process([&] {
            if (lock_by_mapping(file) == nullptr || ::dup2(reading.get(), STDIN_FILENO) < 0) return 1;
            ::execlp("cat", "cat", static_cast<char*>(nullptr));  // waits for its input, which never comes
            return 2;
        });
        if (!process.executed()) {
            findings.push_back({Health::kWarning, "exec", "not tried: there is no program 'cat' to be executed", ""});
        } else if (comes_free(file)) {
            findings.push_back(ok("exec", "the lock is released, and the process lives on"));
        } else {
            findings.push_back(failed("exec", "a program that was executed keeps the lock of the one before"));
        }
    }
}

void look_at_fork(Findings& findings) {
    void* page = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) return findings.push_back(failed("fork", "no memory: " + error_text(errno)));
    auto* const byte = static_cast<volatile char*>(page);
    *byte = 1;
    if (::madvise(page, kBytes, MADV_WIPEONFORK) != 0) {
        findings.push_back(
            failed("fork", "MADV_WIPEONFORK: " + error_text(errno) + "; tracing is off", "Linux 4.14 or newer"));
    } else {
        const Child child([&] { return *byte == 0 ? 0 : 1; });
        findings.push_back(child.ready() ? ok("fork", "a guard page is wiped in the child (MADV_WIPEONFORK)")
                                         : failed("fork", "a page that must be wiped in a child is not"));
    }
    void* other = ::mmap(page, kBytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (other != MAP_FAILED) {
        findings.push_back({Health::kWarning, "fork",
                            "MAP_FIXED_NOREPLACE is not known: the hole in a child may be covered "
                            "in another place",
                            "Linux 4.17 or newer"});
        ::munmap(other, kBytes);
    }
    ::munmap(page, kBytes);
}

void look_at_memory(const Folder& folder, Findings& findings) {
    constexpr char kCheck[] = "memory";
    const Descriptor made(::open(folder.file("memory").c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    const int fd = made.get();
    if (!made || ::ftruncate(fd, 2 * kBytes) != 0) {
        findings.push_back(failed(kCheck, "a file cannot be made: " + error_text(errno), kElsewhere));
        return;
    }
    if (::fallocate(fd, 0, 0, kBytes) != 0) {
        const int error = errno;
        findings.push_back(
            error == EOPNOTSUPP
                ? Finding{Health::kWarning, kCheck,
                          "the file system cannot reserve (fallocate): libc writes "
                          "zeros instead, which is slower",
                          "use a tmpfs"}
                : failed(kCheck, "nothing can be reserved (fallocate): " + error_text(error) + "; tracing is off",
                         "make room, or use another directory"));
    } else {
        findings.push_back(ok(kCheck, "is reserved before it is used (fallocate)"));
    }
    void* memory = ::mmap(nullptr, 2 * kBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    struct stat before {
    }, after{};
    ::fstat(fd, &before);
    if (memory == MAP_FAILED) {
        findings.push_back(failed(kCheck, "the file cannot be mapped: " + error_text(errno)));
    } else if (::madvise(static_cast<char*>(memory) + kBytes, kBytes, MADV_POPULATE_WRITE) != 0) {
        const int error = errno;
        findings.push_back(error == EINVAL ? Finding{Health::kWarning, "growth",
                                                     "MADV_POPULATE_WRITE is not known: a segment takes up to "
                                                     "2 MiB at its birth, and does not grow",
                                                     "Linux 5.14 or newer"}
                                           : failed("growth", "MADV_POPULATE_WRITE: " + error_text(error),
                                                    "make room, or use another directory"));
    } else {
        ::fstat(fd, &after);
        findings.push_back(after.st_blocks > before.st_blocks ||
                                   before.st_blocks >= static_cast<blkcnt_t>(2 * kBytes / 512)
                               ? ok("growth", "segments grow as they are needed (MADV_POPULATE_WRITE)")
                               : failed("growth", "MADV_POPULATE_WRITE says yes, and populates nothing"));
    }
    if (memory != MAP_FAILED) ::munmap(memory, 2 * kBytes);
}

}  // namespace

Finding judge_kernel(const std::string& release) {
    const Feature* last = nullptr;
    int major = 0, minor = 0;
    const bool known = std::sscanf(release.c_str(), "%d.%d", &major, &minor) == 2;
    const auto older = [](int a_major, int a_minor, const Feature& b) {
        return a_major != b.major ? a_major < b.major : a_minor < b.minor;
    };
    std::string missing;
    for (const Feature& feature : kFeatures) {
        if (feature.needed && (last == nullptr || !older(feature.major, feature.minor, *last))) last = &feature;
        if (!known || !older(major, minor, feature)) continue;
        if (!feature.needed) missing += std::string("; without ") + feature.name + " " + feature.without;
    }
    const std::string oldest = std::to_string(last->major) + "." + std::to_string(last->minor);
    Finding finding = {Health::kOk, "kernel",
                       "Linux " + release + "; the oldest that will do is " + oldest + ", for " + last->name + missing,
                       ""};
    if (known && older(major, minor, *last)) {
        finding.health = Health::kError;
        finding.advice = "Linux " + oldest + " or newer; 5.14 or newer has everything";
    } else if (!missing.empty()) {
        finding.health = Health::kWarning;
        finding.advice = "Linux 5.14 or newer has everything";
    }
    return finding;
}

Findings look_at_kernel(const std::string& directory) {
    Findings findings;
    const Folder folder(directory);
    if (folder.error() != 0) {
        const std::string reason = error_text(folder.error());
        findings.push_back(
            failed("kernel facts", "not tried: no folder can be made in " + directory + ": " + reason, kElsewhere));
        return findings;
    }
    look_at_lock(folder, findings);
    look_at_death(folder, findings);
    look_at_exec(folder, findings);
    look_at_fork(findings);
    look_at_memory(folder, findings);
    return findings;
}

}  // namespace spanring::agent
