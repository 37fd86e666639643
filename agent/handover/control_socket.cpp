// SPDX-License-Identifier: Apache-2.0
#include "handover/control_socket.hpp"

#include <cerrno>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error_text.hpp"
#include "base/foreign_text.hpp"
#include "base/version.hpp"
#include "handover/control_address.hpp"
#include "handover/process_end.hpp"
#include "ring/testpoint.hpp"

namespace spanring::agent {
namespace {

using Kind = HandoverMessage::Kind;
using std::chrono::milliseconds;

constexpr std::chrono::seconds kPatience{60};  // with one that asks and does not go on: others wait for their turn
constexpr milliseconds kLook{1000};
constexpr std::chrono::seconds kEnd{5};  // of a process that is ending
constexpr milliseconds kPause{20};       // between looks at a process that ends
constexpr int kMostAtOnce = 16;          // words, and ends, at one look

Descriptor listen_in(const std::string& directory) {
    const ControlAddress address(directory, ControlSocket::kName);
    Descriptor socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    ::unlink((directory + "/" + ControlSocket::kName).c_str());  // agent.lock is held: it is a dead agent's
    // Before the bind, which makes the file so: like all files of the state, for one user, and nothing to be run.
    if (!socket || !address || ::fchmod(socket.get(), 0600) != 0 ||
        ::bind(socket.get(), address.get(), address.size()) != 0 || ::listen(socket.get(), SOMAXCONN) != 0)
        throw std::runtime_error(error_text(errno));
    return socket;
}

// SIGIO when something comes. Without it things come to be seen by the second.
void tell_by_signal(int socket) {
    ::fcntl(socket, F_SETOWN, ::getpid());
    ::fcntl(socket, F_SETFL, O_NONBLOCK | O_ASYNC);
}

std::string control_group_of(const std::string& process) {
    std::ifstream file("/proc/" + process + "/cgroup");
    return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

ControlSocket::ControlSocket(const std::string& state_directory, ListeningSockets& sockets, Supervision supervision)
    : directory_(state_directory), sockets_(sockets), supervision_(std::move(supervision)) {
    try {
        listener_ = sockets.named(kAddress, [&] { return listen_in(directory_); });
        tell_by_signal(listener_.get());
    } catch (const std::exception& error) {
        spdlog::warn("{}/{}: {}; no other agent can take over from this one", directory_, kName, error.what());
    }
}

ControlSocket::~ControlSocket() {
    if (listener_ && !taken_) ::unlink((directory_ + "/" + kName).c_str());
}

void ControlSocket::forget_successor() {
    successor_.reset();
    successor_pid_ = 0;
    welcomed_ = false;
}

void ControlSocket::accept_one() {
    successor_ = Descriptor(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!successor_) return;
    ucred peer{};
    socklen_t size = sizeof peer;
    ::getsockopt(successor_.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size);
    successor_pid_ = peer.pid;
    successor_user_ = peer.uid;
    patient_until_ = Clock::now() + kPatience;
    tell_by_signal(successor_.get());
}

std::string ControlSocket::reason_to_refuse(const HandoverMessage& hello) const {
    if (hello.protocol != HandoverMessage::kProtocol)
        return "it speaks another protocol (" + std::to_string(hello.protocol) + "; this is " +
               std::to_string(HandoverMessage::kProtocol) + "): end this agent and start the other";
    if (successor_user_ != ::geteuid())
        return "it is of user " + std::to_string(successor_user_) + ", and this one is of " +
               std::to_string(::geteuid());
    if (::getpid() == 1) return "this one is the first process of its container, which ends with it";
    if (!supervision_.socket.empty() && control_group_of(std::to_string(successor_pid_)) != control_group_of("self"))
        return "this one is a service and that one is not part of it: use `systemctl reload`";
    return {};
}

void ControlSocket::refuse(const std::string& why) {
    spdlog::warn("process {} wants to take over and may not: {}", successor_pid_, why);
    HandoverMessage refusal{.kind = Kind::kRefused, .version = version(), .reason = why};
    refusal.send(successor_.get());
    forget_successor();
}

void ControlSocket::welcome() {
    HandoverMessage welcome{.kind = Kind::kWelcome,
                            .version = version(),
                            .supervisor = supervision_.socket,
                            .pid = ::getpid(),
                            .patience_usec = supervision_.patience_usec};
    for (const ListeningSockets::Open& open : sockets_.all()) {
        welcome.sockets.push_back(open.address);
        welcome.sent.push_back(open.socket);
    }
    welcomed_ = welcome.send(successor_.get());
    if (!welcomed_) return forget_successor();
    SPR_TESTPOINT(handover_offered);
}

bool ControlSocket::look() {
    if (!listener_) return false;
    if (!successor_) accept_one();
    // Who has more to say, or to ask, is heard when this thread has done its other work.
    for (int heard = 0; successor_ && heard < kMostAtOnce; ++heard) {
        HandoverMessage message;
        switch (receive(successor_.get(), milliseconds(0), message)) {
            case Received::kEnded: forget_successor(); break;
            case Received::kNothingYet:
                if (Clock::now() > patient_until_) forget_successor();
                return false;
            case Received::kMessage: {
                if (message.kind == Kind::kTake && welcomed_) {
                    SPR_TESTPOINT(handover_begun);
                    return true;
                }
                const bool due = message.kind == Kind::kHello && !welcomed_;
                const std::string why = due ? reason_to_refuse(message) : "it does not say what is due";
                why.empty() ? welcome() : refuse(why);
            }
        }
        if (!successor_) accept_one();
    }
    return false;
}

bool ControlSocket::wait_for_successor(const std::function<bool()>& meanwhile) {
    HandoverMessage gone{.kind = Kind::kGone, .version = version()};
    SPR_TESTPOINT(handover_let_go);
    bool there = gone.send(successor_.get());
    SPR_TESTPOINT(handover_told);
    while (there) {
        HandoverMessage message;
        const Received received = receive(successor_.get(), kLook, message);
        if (received == Received::kMessage && message.kind == Kind::kReady) {
            SPR_TESTPOINT(handover_over);
            spdlog::info("process {} (version {}) has taken over", successor_pid_, foreign(message.version));
            return taken_ = true;
        }
        there = received != Received::kEnded;
        if (there && !meanwhile()) {
            taken_ = true;
            return false;
        }
    }
    // Its end is told before all that it had is free.
    const auto until = Clock::now() + kEnd;
    while (successor_pid_ > 0 && is_there(successor_pid_) && Clock::now() < until && meanwhile())
        std::this_thread::sleep_for(kPause);
    forget_successor();
    tell_by_signal(listener_.get());  // the other may have had the signals sent to it
    return false;
}

}  // namespace spanring::agent
