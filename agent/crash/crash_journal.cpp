// SPDX-License-Identifier: Apache-2.0
#include "crash/crash_journal.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <system_error>

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error_text.hpp"
#include "base/replace_file.hpp"
#include "base/set_aside.hpp"
#include "base/state_file.hpp"
#include "crash/crash_scope.hpp"

namespace spanring::agent {

namespace {

constexpr size_t kMostCrashes = 256;  // kept; the oldest go first
constexpr off_t kReserved = 4096;     // so that a disk that is full later does not stop the handler
constexpr size_t kLongestPath = 4096;
constexpr size_t kLongestLine = 64 + kLongestPath;
constexpr off_t kMostRead = kMostCrashes * kLongestLine;
constexpr int kSignals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

std::atomic<int> journal{-1};  // the descriptor, a number alone: for the handler
struct sigaction previous[NSIG];

// Decimal digits without anything that a signal handler must not call. Returns the end.
char* put_number(char* to, uint64_t number) {
    char digits[20];
    size_t count = 0;
    do digits[count++] = static_cast<char>('0' + number % 10);
    while ((number /= 10) != 0);
    while (count != 0) *to++ = digits[--count];
    return to;
}

void write_line(int fd, int signal, const char* place) {
    char line[kLongestLine];
    timespec now = {};
    clock_gettime(CLOCK_REALTIME, &now);
    char* at = put_number(line, static_cast<uint64_t>(signal));
    *at++ = ' ';
    at = put_number(at, static_cast<uint64_t>(now.tv_sec));
    *at++ = ' ';
    const size_t size = strnlen(place, kLongestPath);
    memcpy(at, place, size);
    at += size;
    *at++ = '\n';
    // One write, after what is there (O_APPEND): whole, or the reader passes over it.
    if (write(fd, line, static_cast<size_t>(at - line)) < 0) return;
}

// A fault of this thread or an abort() of its own; not what somebody else sent.
bool is_own(int signal, const siginfo_t* info) {
    if (signal == SIGABRT) return info->si_code == SI_TKILL && info->si_pid == getpid();
    return info->si_code > 0;
}

void on_crash(int signal, siginfo_t* info, void*) {
    const int saved = errno;
    const int fd = journal.load(std::memory_order_relaxed);  // relaxed: set before any segment is read, by a thread
                                                             // that made this one or is this one
    if (fd >= 0 && crash_place != nullptr && is_own(signal, info)) write_line(fd, signal, crash_place);
    sigaction(signal, &previous[signal], nullptr);
    errno = saved;
    // A fault comes again when its instruction is repeated. What was sent must be sent again; it waits for the return.
    if (info->si_code <= 0) raise(signal);
}

bool parse(const std::string& line, CrashJournal::Crash& ret_crash) {
    std::istringstream words(line);
    if (!(words >> ret_crash.signal >> ret_crash.unix_seconds) || words.get() != ' ') return false;
    if (!std::getline(words, ret_crash.place)) return false;
    return ret_crash.place.starts_with('/') || ret_crash.place.starts_with(kCrashInExporter);
}

// As much of a file as this journal may be.
std::string end_of(int fd, off_t file_size) {
    const off_t size = std::min(file_size, kMostRead);
    std::string text(static_cast<size_t>(size), '\0');
    const ssize_t got = pread(fd, text.data(), text.size(), file_size - size);
    text.resize(got > 0 ? static_cast<size_t>(got) : 0);
    return text;
}

}  // namespace

std::string signal_name(int signal) {
    const char* name = sigabbrev_np(signal);
    return name != nullptr ? std::string("SIG") + name : "signal " + std::to_string(signal);
}

template <class Wanted>
void CrashJournal::keep(Wanted&& wanted) {
    std::vector<Crash> kept;  // a copy: `wanted` may look at all of them
    std::copy_if(crashes_.begin(), crashes_.end(), std::back_inserter(kept), wanted);
    crashes_ = std::move(kept);
}

CrashJournal::CrashJournal(std::string file) : file_(std::move(file)) {
    try {
        open();
    } catch (const std::system_error& error) {
        spdlog::error("{}; a crash would not be noted", error.what());
    }
}

void CrashJournal::open() {
    appended_ = open_state_file(file_);
    struct stat status = {};
    fstat(appended_.get(), &status);
    std::istringstream lines(end_of(appended_.get(), status.st_size));
    bool damaged = status.st_size > kMostRead;
    size_t read = 0;
    for (std::string line; std::getline(lines, line); ++read) {
        Crash crash;
        const bool begins = !line.empty() && line.size() <= kLongestLine && line[0] >= '1' && line[0] <= '9';
        const bool torn = lines.eof() && begins;
        if (torn) continue;
        if (!lines.eof() && parse(line, crash))
            crashes_.push_back(std::move(crash));
        else
            damaged = true;
    }
    if (damaged) set_aside(file_, "has lines that no agent wrote");
    // Old crashes do not count any more; a quarantine stays.
    const int64_t recent = time(nullptr) - std::chrono::seconds(kCrashMemory).count();
    keep([&](const Crash& crash) { return crash.unix_seconds >= recent || is_quarantined(crash.place); });
    if (crashes_.size() > kMostCrashes) crashes_.erase(crashes_.begin(), crashes_.end() - kMostCrashes);
    if (damaged || crashes_.size() != read) {
        rewrite();
        appended_ = open_state_file(file_);
    }
    if (fcntl(appended_.get(), F_SETFL, O_APPEND) != 0) spdlog::warn("{}: {}", file_, error_text(errno));
    const off_t reserved = kReserved + static_cast<off_t>(crashes_.size() * 64);
    fallocate(appended_.get(), FALLOC_FL_KEEP_SIZE, 0, reserved);  // as well as it can
}

CrashJournal::~CrashJournal() {
    int mine = appended_.get();
    if (journal.compare_exchange_strong(mine, -1, std::memory_order_relaxed)) {  // no thread reads segments any more
        for (const int signal : kSignals) sigaction(signal, &previous[signal], nullptr);
    }
}

void CrashJournal::arm() {
    journal.store(appended_.get(), std::memory_order_relaxed);
    struct sigaction action = {};
    action.sa_sigaction = on_crash;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    for (const int signal : kSignals) sigaction(signal, &action, &previous[signal]);
}

bool CrashJournal::is_quarantined(const std::string& segment) const {
    const Crash* before = nullptr;
    for (const Crash& crash : crashes_) {
        if (crash.place != segment) continue;
        if (before != nullptr &&
            crash.unix_seconds - before->unix_seconds <= std::chrono::seconds(kCrashMemory).count()) {
            return true;
        }
        before = &crash;
    }
    return false;
}

std::string CrashJournal::reason_to_quarantine(const std::string& segment) const {
    if (!is_quarantined(segment)) return {};
    const auto last =
        std::find_if(crashes_.rbegin(), crashes_.rend(), [&](const Crash& crash) { return crash.place == segment; });
    return "the agent crashed twice while reading it, the last time with " + signal_name(last->signal);
}

void CrashJournal::forget() {
    const size_t before = crashes_.size();
    keep([this](const Crash& crash) { return is_quarantined(crash.place); });
    if (crashes_.size() != before) rewrite();
}

void CrashJournal::rewrite() {
    std::string text;
    for (const Crash& crash : crashes_) {
        text += std::to_string(crash.signal) + ' ' + std::to_string(crash.unix_seconds) + ' ' + crash.place + '\n';
    }
    try {
        replace_file(file_, text);
    } catch (const std::exception& error) {
        spdlog::warn("{}", error.what());  // what is there goes on being true
    }
}

}  // namespace spanring::agent
