// SPDX-License-Identifier: Apache-2.0
//
// spanring-tap: publishes to iceoryx what the agent hands to it (line.hpp). A process of its own, since RouDi ends the
// processes that it knows, and iceoryx ends one that it cannot serve; the agent starts it again. It believes the agent,
// and reads nothing that a subscriber could have written but iceoryx's own words.
//
// It ends where its input does, where RouDi went or is another one, and where it was stopped for so long that RouDi may
// have taken its memory away. One thread, beside iceoryx's own.
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <list>
#include <string>
#include <vector>

#include <iceoryx_hoofs/log/logmanager.hpp>
#include <iceoryx_posh/runtime/posh_runtime.hpp>

#include "tap/line.hpp"
#include "tap/publisher.hpp"
#include "tap/roudi.hpp"

namespace spanring::tap {
namespace {

using agent::TapOrder;
using agent::TapRefusal;
using agent::TapWord;
using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr int kInput = 0;
constexpr auto kTick = 100ms;   // how often subscribers are looked at: RouDi connects them as often
constexpr auto kAlive = 500ms;  // how often RouDi is, and the agent hears that this goes on
// RouDi takes the memory of who was silent for 1.5 s.
constexpr auto kLongestStop = 1s;
constexpr unsigned kPatience = 4;  // seconds, for RouDi's first answers
constexpr int kPipe = 1 << 20;

// By RouDi, which ends; or by the agent, after a second. Not in the midst of a publication: a lock of iceoryx's that
// nobody lets go of would hold RouDi.
volatile std::sig_atomic_t asked_to_end = 0;

// Without iceoryx's exit functions, which wait for RouDi.
[[noreturn]] void end(const char* why) {
    if (*why != '\0') std::fprintf(stderr, "%s\n", why);
    std::fflush(stderr);
    std::_Exit(0);
}

class Tap {
public:
    explicit Tap(int words) : words_(words) {}

    void run() {
        take_orders_to_begin();
        wait_for_roudi();
        attach();
        publish();
    }

private:
    // ---- The line to the agent --------------------------------------------------------------------------------------

    void say(TapWord word) {
        said_ = Clock::now();
        if (::write(words_, &word, sizeof word) != sizeof word) end("");  // the agent went
    }

    // All of it. An agent that went ends the process.
    void read(void* to, size_t size) {
        uint8_t* at = static_cast<uint8_t*>(to);
        while (size != 0) {
            const ssize_t got = ::read(kInput, at, size);
            if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
                wait();
                continue;
            }
            if (got <= 0) end_well();
            at += got;
            size -= static_cast<size_t>(got);
        }
    }

    std::string read_text(uint32_t bytes) {
        std::array<char, agent::kMostTapText> text{};
        if (bytes > text.size()) end("the agent is of another build");
        read(text.data(), bytes);
        return {text.data(), bytes};
    }

    void leave_out(size_t bytes) {
        std::array<uint8_t, 4096> nowhere;
        for (size_t size = 0; bytes != 0; bytes -= size) read(nowhere.data(), size = std::min(bytes, nowhere.size()));
    }

    // For an order, or the input's end, at most a tick. True: there is one.
    bool wait() {
        pollfd input = {kInput, POLLIN, 0};
        const bool ready = ::poll(&input, 1, static_cast<int>(std::chrono::milliseconds(kTick).count())) == 1;
        if (asked_to_end != 0) end_well();
        if (attached_) look();
        return ready;
    }

    // Where the agent asks for it: RouDi is told, and forgets it at once.
    [[noreturn]] void end_well() const {
        if (!attached_ || !Roudi::runs()) end("");
        ::alarm(kPatience);
        std::exit(0);
    }

    // ---- Beginning --------------------------------------------------------------------------------------------------

    void take_orders_to_begin() {
        for (;;) {
            TapOrder order;
            read(&order, sizeof order);
            switch (order.task) {
                case TapOrder::Task::kName: name_ = read_text(order.bytes); break;
                case TapOrder::Task::kInstance: instance_ = read_text(order.bytes); break;
                case TapOrder::Task::kOffer: events_.push_back(read_text(order.bytes)); break;
                case TapOrder::Task::kBegin:
                    if (order.index == agent::kTapVersion) return;
                    [[fallthrough]];
                default: end("the agent is of another build");
            }
        }
    }

    void wait_for_roudi() {
        for (bool told = false; !Roudi::runs(); told = true) {
            if (!told) say({TapWord::What::kAlone});
            if (wait()) {
                TapOrder order;
                read(&order, sizeof order);  // nothing is ordered yet: it ends here
                end("the agent is of another build");
            }
            if (Clock::now() - said_ >= kAlive) say({TapWord::What::kAlone});
        }
    }

    void attach() {
        roudi_.remember();
        // It waits for a minute for one that is about to end.
        ::signal(SIGALRM, [](int) {
            constexpr char kWhy[] = "RouDi does not answer\n";
            static_cast<void>(!::write(2, kWhy, sizeof kWhy - 1));
            ::_exit(0);
        });
        ::alarm(kPatience);
        iox::log::LogManager::GetLogManager().SetDefaultLogLevel(iox::log::LogLevel::kWarn,
                                                                 iox::log::LogLevelOutput::kHideLogLevel);
        iox::runtime::PoshRuntime::initRuntime(
            iox::RuntimeName_t(iox::cxx::TruncateToCapacity, name_.c_str(), name_.size()));
        if (!roudi_.is_the_same()) end("RouDi was started again");
        uint64_t stream = 0;
        static_cast<void>(!::getrandom(&stream, sizeof stream, 0));
        for (const std::string& event : events_) publishers_.emplace_back(instance_, event, stream);
        subscribers_.resize(publishers_.size());
        ::alarm(0);
        say({TapWord::What::kAttached, 0, publishers_.empty() ? 0 : publishers_.front().most_bytes()});
    }

    // ---- Publishing -------------------------------------------------------------------------------------------------

    void publish() {
        looked_ = Clock::now();
        attached_ = true;
        look_at_subscribers();
        for (;;)
            if (wait()) take_order();
    }

    // Once in a tick.
    void look() {
        const Clock::time_point now = Clock::now();
        if (now - looked_ < kTick) return;
        if (now - looked_ > kLongestStop) end("it was stopped for a while, so RouDi may have given it up");
        looked_ = now;
        look_at_subscribers();
        if (now - alive_ < kAlive) return;
        alive_ = now;
        if (!roudi_.is_the_same() || !Roudi::runs()) end("RouDi went");
        say({TapWord::What::kAlive});
    }

    void take_order() {
        TapOrder order;
        read(&order, sizeof order);
        if (order.task != TapOrder::Task::kPublish || order.index >= publishers_.size())
            end("the agent is of another build");
        Publisher& publisher = at(order.index);
        TapWord word{TapWord::What::kPublished, order.index};
        const bool fits = order.bytes <= publisher.most_bytes();
        uint8_t* const to = fits ? publisher.take(order.bytes) : nullptr;
        if (to != nullptr) {
            read(to, order.bytes);
            const Publisher::Missed missed = publisher.publish(order);
            word.missed_chunks = missed.chunks;
            word.missed_spans = missed.spans;
        } else {
            leave_out(order.bytes);
            word.value = static_cast<uint64_t>(fits ? TapRefusal::kNoChunk : TapRefusal::kTooLarge);
        }
        say(word);
    }

    void look_at_subscribers() {
        for (uint32_t i = 0; i < publishers_.size(); ++i) {
            const uint64_t subscribers = at(i).subscribers();
            if (subscribers == subscribers_[i]) continue;
            subscribers_[i] = subscribers;
            say({TapWord::What::kSubscribers, i, subscribers});
        }
    }

    Publisher& at(uint32_t index) { return *std::next(publishers_.begin(), index); }

    const int words_;
    std::string name_, instance_;
    std::vector<std::string> events_;
    Roudi roudi_;
    std::list<Publisher> publishers_;  // which do not move
    std::vector<uint64_t> subscribers_;
    bool attached_ = false;
    Clock::time_point said_ = Clock::now(), looked_{}, alive_{};
};

}  // namespace
}  // namespace spanring::tap

int main(int argc, char** argv) {
    if (argc != 1 || ::isatty(0)) {
        std::fprintf(stderr, "%s: is started by spanring-agent, for its exporter `iceoryx`\n", argv[0]);
        return 2;
    }
    // Spans are in this memory, and iceoryx ends a process by abort().
    const rlimit none = {0, 0};
    ::setrlimit(RLIMIT_CORE, &none);
    ::prctl(PR_SET_DUMPABLE, 0);
    ::signal(SIGPIPE, SIG_IGN);
    struct sigaction ends {};
    ends.sa_handler = [](int) { spanring::tap::asked_to_end = 1; };  // and poll() returns
    ::sigaction(SIGTERM, &ends, nullptr);
    ::fcntl(0, F_SETPIPE_SZ, spanring::tap::kPipe);  // fewer turns; without it they are more
    ::fcntl(0, F_SETFL, ::fcntl(0, F_GETFL) | O_NONBLOCK);
    // Whatever iceoryx prints goes to the log.
    const int words = ::dup(1);
    if (words < 0 || ::dup2(2, 1) < 0) return 1;
    ::fcntl(words, F_SETFL, ::fcntl(words, F_GETFL) & ~O_NONBLOCK);
    spanring::tap::Tap(words).run();
}
