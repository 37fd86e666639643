// SPDX-License-Identifier: Apache-2.0
#include "export/stream/program_peer.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include <spdlog/spdlog.h>

#include "base/error_text.hpp"
#include "programs/programs.hpp"

namespace spanring::agent {
namespace {

constexpr int kReport = 50;               // milliseconds, that how it ended may come after it
constexpr size_t kMostErrors = 64 << 10;  // bytes of them, before the sender has another look at the rest

std::string text_of(int status) {
    if (WIFSIGNALED(status)) return "it was ended by signal " + std::to_string(WTERMSIG(status));
    return "it ended with exit code " + std::to_string(WEXITSTATUS(status));
}

}  // namespace

ProgramPeer::ProgramPeer(const std::string& who, std::string name, ProgramLine& line)
    : name_(std::move(name)),
      line_(line),
      log_([what = who + ": " + name_](const std::string& text) { spdlog::info("{}: {}", what, text); }) {}

std::string ProgramPeer::open() {
    end_.clear();
    run_ = line_.start();
    return line_.is_closed() ? "the process that starts programs is gone, until the agent is started again" : "";
}

void ProgramPeer::close() {
    if (run_ == 0) return;
    read_errors();
    log_.end(std::chrono::steady_clock::now());
    for (Descriptor* const each : {&requests_, &answers_, &errors_}) each->reset();
    line_.end(std::exchange(run_, 0));
}

void ProgramPeer::add_others(std::vector<pollfd>& waits) const {
    if (!line_.is_closed()) waits.push_back({line_.descriptor(), POLLIN, 0});
    if (errors_) waits.push_back({errors_.get(), POLLIN, 0});
}

void ProgramPeer::look_at_others() {
    while (auto report = line_.next_report()) {
        if (report->run != run_) continue;  // of an earlier one
        using enum StarterReport::What;
        switch (report->what) {
            case kReady: break;
            case kStarted:
                requests_ = std::move(report->descriptors[0]);
                answers_ = std::move(report->descriptors[1]);
                errors_ = std::move(report->descriptors[2]);
                break;
            case kFailed: end_ = std::string("it cannot be started: ") + error_text(report->value); break;
            case kEnded: end_ = text_of(report->value); break;
        }
    }
    if (line_.is_closed() && end_.empty()) end_ = "the process that starts programs is gone";
    read_errors();
}

void ProgramPeer::read_errors() {
    std::array<char, 4096> bytes;
    for (size_t total = 0; errors_ && total < kMostErrors;) {
        const ssize_t size = ::read(errors_.get(), bytes.data(), bytes.size());
        if (size < 0 && errno == EINTR) continue;
        if (size < 0 && errno == EAGAIN) return;
        if (size <= 0) return errors_.reset();
        total += static_cast<size_t>(size);
        log_.take({bytes.data(), static_cast<size_t>(size)}, std::chrono::steady_clock::now());
    }
}

// Where its output ended, how it did is about to be told.
std::string ProgramPeer::end() {
    pollfd wait = {line_.descriptor(), POLLIN, 0};
    if (end_.empty() && run_ != 0 && !line_.is_closed() && ::poll(&wait, 1, kReport) == 1) look_at_others();
    if (end_.empty()) return {};
    read_errors();
    log_.end(std::chrono::steady_clock::now());
    return log_.last().empty() ? end_ : end_ + ", and said last: " + log_.last();
}

}  // namespace spanring::agent
