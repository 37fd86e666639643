// SPDX-License-Identifier: Apache-2.0
//
// Requests that came from outside, until their spans are delivered: makes batches of them, hands these to the
// exporters, answers each request once, keeps the accounts. It knows no protocol.
//
// A request is answered when every required exporter has answered for its spans; or, `answer_after` later, when they
// are in a file (kept_requests.hpp) that the next agent would deliver. The ledger knows it before the sender does, so
// that an agent that is killed loses nothing that it answered, and counts nothing that it did not; where the ledger
// cannot be written, what is delivered is answered all the same. One thread at a time (receivers.hpp), but for what
// says otherwise.
//
// Where traces are decided, the spans wait for that as well: what they are a part of is sent when it is decided as a
// whole, and lies in its file as it came. The next agent decides what this one did not, and follows what it did.
//
// Logs and metrics have receivers of their own, each with its exporters and its ledger; what is said of spans is then
// meant of log records and data points. Each of their requests goes on by itself, for nobody has looked into it: what
// a backend rejects is then one sender's.
//
// Header bill: the accounts of senders and the gate for spans; receive_service.cpp and its tests alone include it.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "base/log_pace.hpp"
#include "batch/acknowledgements.hpp"
#include "batch/exporter.hpp"
#include "decide/tail_sampling_options.hpp"
#include "decide/trace_table.hpp"
#include "drain/export_plan.hpp"
#include "otlp/signal.hpp"
#include "receive/ballot_reader.hpp"
#include "receive/decided_spans.hpp"
#include "receive/kept_requests.hpp"
#include "receive/processed_spans.hpp"
#include "receive/received_body.hpp"
#include "receive/receiver_status.hpp"
#include "receive/request_reader.hpp"
#include "receive/senders.hpp"

namespace spanring::agent {

class ProcessorChain;
class SpanRecorder;

struct ReceiverSettings {
    Signal signal = Signal::kTraces;
    std::chrono::milliseconds answer_after{100};
    uint64_t queue_bytes = uint64_t{64} << 20;
    uint32_t batch_spans = 8192;
    uint64_t batch_bytes = 3584u << 10;
    KeptOptions kept;
    SpanRecorder* recorder = nullptr;      // its own, measures what comes; outlives the receiver
    ProcessorChain* processors = nullptr;  // likewise, changes it
    DecisionDesk* desk = nullptr;          // likewise, has traces decided; null: everything is sent
    std::vector<PolicyOptions> policies;   // by these
    const LiveRules* rules = nullptr;      // ... and before them by these; null: there are none
    std::function<void()> due_sooner;      // take() and go() call it: due() may be earlier than it was; none: wake
};

struct ReceiverReply {
    enum class Kind : uint8_t {
        kTaken,      // `rejected` of its spans will not be delivered: partial success
        kBusy,       // nothing of it was taken: to be sent again, later
        kMalformed,  // to be sent never again
    };
    Kind kind = Kind::kTaken;
    uint64_t rejected = 0;
    std::string message;
};

class Receiver : private AnswerWaiter {
public:
    using Clock = std::chrono::steady_clock;
    using Answer = std::function<void(const ReceiverReply&)>;  // once, by take() or by work()

    // `wake`: on any thread, work() has something to do. The plan's exporters, and the ledger, outlive it. Throws
    // std::system_error that names the directory of what is kept.
    Receiver(ReceiverSettings settings, std::shared_ptr<const ExportPlan> plan, Ledger& ledger,
             std::function<void()> wake);
    ~Receiver();
    Receiver(const Receiver&) = delete;
    Receiver& operator=(const Receiver&) = delete;

    // Any thread. Whether so many bytes more may come; and bytes that a protocol has of requests to come. What comes
    // after close() is told by take() that the agent ends, and to come again: gRPC's code for "no room" would not say
    // so.
    uint64_t held() const { return held_.load(kSum); }  // bytes
    bool has_room(size_t bytes) const { return held() + expected_.load(kSum) + bytes <= most(); }
    void expect(size_t bytes) { expected_.fetch_add(bytes, kSum); }
    void expect_no_more(size_t bytes) { expected_.fetch_sub(bytes, kSum); }

    // `more`: it is to go with what comes next, if anything does; go() follows where nothing is there any more, and
    // says when it is to be called again, at the latest.
    void take(ReceivedBody request, Answer answer, ReceivedBy by = ReceivedBy::kHttp, bool more = false);
    Clock::time_point go(Clock::time_point now);
    void work(Clock::time_point now);
    Clock::time_point due() const;  // when work() is to be called at the latest

    // What is submitted from now on goes by it.
    void follow(std::shared_ptr<const ExportPlan> plan);

    // Nothing is taken any more; what was is with the exporters, or is decided by the next agent.
    void close();
    bool idle() const { return deliveries_.empty() && gathering_ == nullptr; }

    // What the protocols see of requests that never came to take(). Any thread.
    void note_refused() { noted_.refused.fetch_add(1, kSum); }
    void note_malformed() { noted_.malformed.fetch_add(1, kSum); }
    void note_unauthenticated() { noted_.unauthenticated.fetch_add(1, kSum); }
    void note_refused_connection(ConnectionRefusal why) {
        noted_.refused_connections[static_cast<size_t>(why)].fetch_add(1, kSum);
    }
    void note_connection(bool opened) { noted_.connections.fetch_add(opened ? 1 : -1, kSum); }

    ReceiverStatus status() const { return board_.latest(); }  // any thread

private:
    struct Waiting {
        Answer answer;
        size_t parts = 0;  // of the delivery, in its order
        uint64_t invalid = 0;
        const char* defect = nullptr;
        ReceivedBy by = ReceivedBy::kHttp;
    };
    struct Delivery {
        std::shared_ptr<Batch> batch = std::make_shared<Batch>();
        std::shared_ptr<const ExportPlan> plan;  // by which it was submitted
        std::vector<ReceivedPart> parts;
        std::vector<Waiting> waiting;
        Clock::time_point since{};
        Clock::time_point keep_at = Clock::time_point::max();
        std::optional<uint64_t> kept;  // the number of its file
        bool counted = false;          // as received
        bool replayed = false;
        KeptRequests::Stage stage = KeptRequests::Stage::kToSend;
        uint64_t parcel = 0;   // its number at the desk
        size_t undecided = 0;  // traces of it
        bool parked = false;
        std::optional<TraceTable<TraceFate>> fates;  // of these; its seed costs more than all else of a delivery
    };
    struct Kept {  // in a file, and with no exporter
        uint64_t number = 0;
        std::vector<ReceivedPart> parts;
    };
    using Deliveries = std::list<std::unique_ptr<Delivery>>;

    void answered() override { wake_(); }
    uint64_t most() const { return settings_.queue_bytes; }

    void measure(const std::vector<Run>& runs);
    void add(Delivery& delivery, ReceivedBody request, ReceivedSpans spans);
    bool alone() const;
    void submit(std::unique_ptr<Delivery> delivery);
    void hand_in(Delivery& delivery);
    void take_verdicts();
    void take(const TraceVerdict& verdict);
    void make_ready(Delivery& delivery);
    void hand_on(Delivery& delivery);
    void park(Delivery& delivery);
    void hurry_decisions();
    void leave_undecided();
    std::vector<uint64_t> settle(Delivery& delivery);
    void refuse(Delivery& delivery, const std::string& why);
    void put_back(Delivery& delivery);
    void keep(Delivery& delivery);
    void count_received(Delivery& delivery);
    static uint64_t spans_by_grpc(const Delivery& delivery, bool left_out);
    bool book();
    void answer(Delivery& delivery, const std::vector<uint64_t>& rejected);
    ReceiverReply reply_to(const Waiting& waiting, uint64_t by_backend);
    void forget(const Delivery& delivery);
    bool replay(uint64_t number, bool first);
    void replay_some();
    void replay_first();
    void lose(const AccountId& account, uint64_t spans);
    void give_up(uint64_t number);
    bool know();
    void find_kept();
    void publish();

    ReceiverSettings settings_;
    std::shared_ptr<const ExportPlan> plan_;
    const std::function<void()> wake_;
    Ledger& ledger_;
    const uint32_t owner_;

    KeptRequests kept_;
    Senders senders_;
    RequestReader reader_;
    ProcessedSpans processed_;
    std::optional<BallotReader> ballots_;  // where traces are decided
    Acknowledgements acknowledgements_;

    std::unique_ptr<Delivery> gathering_;
    Deliveries deliveries_;  // submitted, oldest first
    Deliveries parked_;      // and those of them that are in their files, answered, and not decided
    std::unordered_map<const Batch*, Deliveries::iterator> places_;
    std::map<uint64_t, Delivery*> undecided_;  // by the number of its parcel
    std::vector<TraceVerdict> verdicts_;       // taken from the desk ...
    size_t next_verdict_ = 0;                  // ... and from here on not looked at
    uint64_t parcels_ = 0;
    uint64_t hurried_ = 0;  // up to this one
    // Relaxed, all of them: nothing is read by what they say, and a request more or less is no matter.
    static constexpr std::memory_order kSum = std::memory_order_relaxed;
    std::atomic<uint64_t> held_{0};  // bytes of all of these, and of what says where the spans are in them
    std::atomic<uint64_t> expected_{0};
    std::atomic<bool> closed_{false};

    ReceivedBooking booking_;             // what is to be written beside the accounts
    bool unwritten_ = false;              // the ledger refused it
    std::vector<Delivery*> newly_kept_;   // to be answered once that is written
    size_t together_ = 0;                 // requests that were answered or waited to go when answers came last: as ...
    Clock::time_point together_until_{};  // ... many may come again at once, and are waited for until then
    Clock::time_point now_{};
    Clock::time_point next_try_{};  // to keep something
    Clock::time_point next_booking_{};

    const std::vector<uint64_t> found_;      // files that were there at the start
    bool known_ = false;                     // what agents before this one wrote into the ledger
    std::deque<uint64_t> replay_;            // kept by agents before this one
    std::deque<Kept> again_;                 // given to exporters that had no room
    Clock::time_point replay_at_{};          // not before
    uint64_t replayed_ = 0;                  // bytes that the exporters have of these
    bool replay_anew_ = false;               // their ledger is lost: they count as received now
    std::map<AccountId, uint64_t> missing_;  // received by agents before, and not found in any file so far

    LogPace invalid_log_, kept_log_, refused_log_;
    struct {
        std::atomic<uint64_t> refused{0}, malformed{0}, unauthenticated{0}, connections{0};
        std::array<std::atomic<uint64_t>, std::tuple_size_v<RefusedConnections>> refused_connections{};
    } noted_;
    ReceiverStatus status_;  // without what was noted
    ReceiverStatusBoard board_;
};

}  // namespace spanring::agent
