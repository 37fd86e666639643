// SPDX-License-Identifier: Apache-2.0
#include "handover/predecessor.hpp"

#include <cerrno>
#include <chrono>
#include <ctime>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include "base/error_text.hpp"
#include "base/file_lock.hpp"
#include "base/foreign_text.hpp"
#include "base/version.hpp"
#include "handover/control_address.hpp"
#include "handover/control_socket.hpp"
#include "handover/message.hpp"
#include "handover/process_end.hpp"
#include "ring/testpoint.hpp"

namespace spanring::agent {
namespace {

using Kind = HandoverMessage::Kind;

constexpr std::chrono::milliseconds kLook{200};  // between looks for a signal
constexpr std::chrono::seconds kWelcome{30};     // it answers once a second, unless it is busy with a reload
constexpr std::chrono::milliseconds kPause{20};  // between looks at a process that ends
constexpr std::chrono::seconds kEnd{30};         // of a process that has nothing left to do

void check(const sigset_t& signals) {
    const timespec no_time{};
    if (::sigtimedwait(&signals, nullptr, &no_time) > 0) throw NotReplaced("ended by a signal before it took over");
}

// An agent that ends takes nobody's word any more, and has its lock until it has flushed. Where it keeps it for longer,
// the start says who has it.
void wait_for_lock(const std::string& state_directory, const sigset_t& signals) {
    const auto until = std::chrono::steady_clock::now() + kEnd;
    bool told = false;
    while (std::chrono::steady_clock::now() < until) {
        const Descriptor file(::open((state_directory + "/agent.lock").c_str(), O_RDWR | O_CLOEXEC));
        if (!file || lock_file(file.get()) != -EAGAIN) return;
        if (!std::exchange(told, true))
            spdlog::info("the agent of {} is about to end: it is waited for", state_directory);
        check(signals);
        std::this_thread::sleep_for(kPause);
    }
}

}  // namespace

std::unique_ptr<Predecessor> Predecessor::find(const std::string& state_directory, const sigset_t& signals) {
    const ControlAddress address(state_directory, ControlSocket::kName);
    Descriptor socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!address || !socket) return nullptr;
    if (::connect(socket.get(), address.get(), address.size()) != 0) {
        if (errno == ENOENT || errno == ECONNREFUSED) {
            wait_for_lock(state_directory, signals);
            return nullptr;
        }
        throw NotReplaced(state_directory + "/" + ControlSocket::kName + ": " + error_text(errno));
    }
    std::unique_ptr<Predecessor> found(new Predecessor(std::move(socket), signals));
    found->greet(state_directory);
    return found->socket_ ? std::move(found) : nullptr;
}

void Predecessor::check_signals() const { check(signals_); }

void Predecessor::greet(const std::string& state_directory) {
    HandoverMessage{.kind = Kind::kHello, .version = spanring::agent::version()}.send(socket_.get());
    HandoverMessage message;
    const auto until = std::chrono::steady_clock::now() + kWelcome;
    for (Received received = Received::kNothingYet; received != Received::kMessage;) {
        check_signals();
        if (std::chrono::steady_clock::now() > until)
            throw NotReplaced("the agent of " + state_directory + " does not answer");
        received = receive(socket_.get(), kLook, message);
        if (received == Received::kEnded) {
            wait_for_lock(state_directory, signals_);
            return socket_.reset();
        }
    }
    version_ = message.version;
    if (message.kind == Kind::kRefused)
        throw NotReplaced("the agent of " + state_directory + " refuses to be replaced: " + foreign(message.reason));
    pid_ = static_cast<pid_t>(message.pid);
    supervision_ = {message.supervisor, message.patience_usec};
    for (size_t i = 0; i < message.files.size(); ++i)
        sockets_.push_back({message.sockets[i], std::move(message.files[i])});
    SPR_TESTPOINT(handover_welcomed);
}

void Predecessor::take_over() {
    HandoverMessage{.kind = Kind::kTake, .version = spanring::agent::version()}.send(socket_.get());
    SPR_TESTPOINT(handover_asked);
    for (;;) {
        check_signals();
        HandoverMessage message;
        switch (receive(socket_.get(), kLook, message)) {
            case Received::kNothingYet: break;
            case Received::kMessage:
                if (message.kind != Kind::kGone) break;
                SPR_TESTPOINT(handover_place_taken);
                return;
            case Received::kEnded:
                spdlog::warn("the agent that was to be replaced has ended before it was done");
                while (pid_ > 0 && is_there(pid_)) {  // its locks are its own until it is gone
                    check_signals();
                    std::this_thread::sleep_for(kPause);
                }
                return socket_.reset();
        }
    }
}

void Predecessor::ready() {
    SPR_TESTPOINT(handover_served);
    if (!socket_) return;
    HandoverMessage{.kind = Kind::kReady, .version = spanring::agent::version()}.send(socket_.get());
    HandoverMessage message;
    const auto until = std::chrono::steady_clock::now() + kEnd;
    while (receive(socket_.get(), kLook, message) != Received::kEnded && std::chrono::steady_clock::now() < until) {
    }
    SPR_TESTPOINT(handover_alone);
    socket_.reset();
}

}  // namespace spanring::agent
