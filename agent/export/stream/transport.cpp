// SPDX-License-Identifier: Apache-2.0
#include "export/stream/transport.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <system_error>
#include <utility>

#include <spdlog/spdlog.h>

#include "base/error_text.hpp"
#include "base/quantity.hpp"
#include "export/otlp_options.hpp"

namespace spanring::agent {
namespace {

using namespace std::chrono_literals;

constexpr size_t kMostRead = 256 << 10;  // of answers, before the sender has another look at the rest
constexpr size_t kSlices = 64;           // of a request, that are written at once

// Of a peer that is not there. The circuit has waits of its own, by the exporter's retries.
RetryOptions reopening() {
    RetryOptions options;
    options.initial_interval = 500ms;
    options.max_interval = 30s;
    options.multiplier = 2;
    options.randomization_factor = 0.2;
    return options;
}

int make_eventfd() {
    const int descriptor = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (descriptor < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
    return descriptor;
}

Answer again(std::string why) {
    Answer answer;
    answer.verdict = Verdict::kRetry;
    answer.message = std::move(why);
    return answer;
}

}  // namespace

StreamTransport::StreamTransport(std::string who, const OtlpOptions& options, std::unique_ptr<StreamPeer> peer,
                                 std::shared_ptr<StreamFigures> figures)
    : who_(std::move(who)),
      timeout_(options.timeout),
      signal_(options.signal),
      peer_(std::move(peer)),
      figures_(std::move(figures)),
      wakes_(make_eventfd()),
      backoff_(reopening()) {}

StreamTransport::~StreamTransport() { peer_->close(); }

void StreamTransport::wake() {
    const uint64_t one = 1;
    static_cast<void>(!::write(wakes_.get(), &one, sizeof(one)));  // full: it is readable
}

void StreamTransport::cut() {
    // relaxed: the eventfd is written after it, and wait() looks after it has read that.
    cut_.store(true, std::memory_order_relaxed);
    wake();
}

// ---- The peer -------------------------------------------------------------------------------------------------------

void StreamTransport::open(Clock::time_point now) {
    if (opening_ || now < open_at_) return;
    opening_ = true;
    reader_ = {};
    if (const std::string why = peer_->open(); !why.empty()) return break_off(why, now);
    note_open(now);
}

// Once it is there.
void StreamTransport::note_open(Clock::time_point now) {
    if (!is_open() || std::exchange(told_open_, true)) return;
    last_heard_ = now;
    StreamFigures::count(figures_->opened);
}

void StreamTransport::break_off(const std::string& why, Clock::time_point now) {
    const std::string end = peer_->end();
    why_ = peer_->name() + ": " + why + (end.empty() ? "" : "; " + end);
    peer_->close();
    opening_ = told_open_ = false;
    open_at_ = now + std::chrono::duration_cast<Clock::duration>(backoff_.next());
    StreamFigures::count(figures_->broken);
    if (const auto more = pace_.due(now)) {
        spdlog::warn("{}: {}; the next try in {}{}", who_, why_,
                     format_duration(std::chrono::duration_cast<std::chrono::milliseconds>(open_at_ - now)), *more);
    }
    end_all(again(why_));
}

void StreamTransport::end_all(const Answer& answer) {
    unwritten_.clear();
    while (!attempts_.empty()) end(attempts_.begin(), answer);
}

void StreamTransport::end(Attempts::iterator attempt, Answer answer) {
    ended_.push_back({std::move(attempt->second.shipment), attempt->second.probe, std::move(answer)});
    attempts_.erase(attempt);
}

// ---- Requests -------------------------------------------------------------------------------------------------------

void StreamTransport::start(ShipmentPtr shipment, bool probe, RequestHeaders /*headers*/) {
    const Clock::time_point now = Clock::now();
    open(now);
    if (!opening_) return ended_.push_back({std::move(shipment), probe, again(why_)});
    const uint64_t id = ++last_id_;
    Attempt& attempt = attempts_[id];
    attempt.header = request_frame_header(id, signal_, shipment->request.bytes);
    attempt.shipment = std::move(shipment);
    attempt.probe = probe;
    attempt.since = now;
    unwritten_.push_back(id);
    write(now);
}

void StreamTransport::write(Clock::time_point now) {
    while (has_to_write()) {
        Attempt& attempt = attempts_.at(unwritten_.front());
        const int error = write_some(attempt);
        if (error == EAGAIN) return;
        if (error != 0) {
            read(now);  // what it said before it went
            if (is_open()) break_off(std::string("it takes no requests any more: ") + error_text(error), now);
            return;
        }
        if (attempt.written == attempt.bytes()) unwritten_.pop_front();
    }
}

// 0, or errno.
int StreamTransport::write_some(Attempt& attempt) {
    std::array<iovec, kSlices> pieces;
    size_t count = 0, before = 0;
    const auto add = [&](std::span<const uint8_t> slice) {
        const size_t done = std::min(slice.size(), attempt.written - std::min(attempt.written, before));
        before += slice.size();
        slice = slice.subspan(done);
        if (slice.empty() || count == pieces.size()) return;
        pieces[count++] = {const_cast<uint8_t*>(slice.data()), slice.size()};  // writev() only reads
    };
    add(attempt.header);
    for (const auto& slice : attempt.shipment->request.slices) add(slice);
    const ssize_t written = ::writev(peer_->requests(), pieces.data(), static_cast<int>(count));
    if (written < 0) return errno == EINTR ? 0 : errno;
    attempt.written += static_cast<size_t>(written);
    return 0;
}

// ---- Answers --------------------------------------------------------------------------------------------------------

void StreamTransport::read(Clock::time_point now) {
    std::array<uint8_t, 16384> bytes;
    for (size_t total = 0; total < kMostRead && is_open();) {
        const ssize_t size = ::read(peer_->answers(), bytes.data(), bytes.size());
        if (size < 0 && errno == EINTR) continue;
        if (size < 0 && errno == EAGAIN) return;
        if (size < 0) return break_off(std::string("its answers cannot be read: ") + error_text(errno), now);
        if (size == 0) {
            return break_off(
                reader_.is_between_answers() ? "it closed its end" : "it closed its end in the midst of an answer",
                now);
        }
        total += static_cast<size_t>(size);
        take({bytes.data(), static_cast<size_t>(size)}, now);
    }
}

void StreamTransport::take(std::span<const uint8_t> bytes, Clock::time_point now) {
    for (AnswerFrame& frame : reader_.take(bytes)) {
        const auto attempt = attempts_.find(frame.id);
        const bool asked = attempt != attempts_.end() && attempt->second.written == attempt->second.bytes();
        if (asked) {
            last_heard_ = now;
            backoff_.reset();
            end(attempt, std::move(frame.answer));
            continue;
        }
        StreamFigures::count(figures_->stray);
        if (const auto more = stray_pace_.due(now)) {
            spdlog::warn("{}: {} answered request {}, which does not wait for an answer (or not any more); that is "
                         "left alone{}",
                         who_, peer_->name(), frame.id, *more);
        }
    }
    if (!reader_.fault().empty()) break_off("it sent " + reader_.fault(), now);
}

// A request that is not answered in time is tried again, by another id. Where nothing at all was answered meanwhile, or
// a request is stuck halfway, the peer is of no use any more.
void StreamTransport::expire(Clock::time_point now) {
    while (!attempts_.empty() && now >= attempts_.begin()->second.since + timeout_) {
        const auto oldest = attempts_.begin();
        const Attempt& attempt = oldest->second;
        const std::string why = "no answer within " + format_duration(timeout_);
        if (!is_open()) return break_off("it was not there within " + format_duration(timeout_), now);
        const bool halfway = attempt.written != 0 && attempt.written != attempt.bytes();
        if (halfway || last_heard_ <= attempt.since) return break_off(why, now);
        std::erase(unwritten_, oldest->first);
        end(oldest, again(peer_->name() + ": " + why));
    }
}

Transport::Clock::time_point StreamTransport::next_event(Clock::time_point until) const {
    if (!opening_) until = std::min(until, open_at_);
    if (!attempts_.empty()) until = std::min(until, attempts_.begin()->second.since + timeout_);
    return until;
}

void StreamTransport::poll(Clock::time_point until) {
    std::vector<pollfd> waits = {{wakes_.get(), POLLIN, 0}};
    if (is_open()) {
        waits.push_back({peer_->answers(), POLLIN, 0});
        if (has_to_write()) waits.push_back({peer_->requests(), POLLOUT, 0});
    }
    if (opening_) peer_->add_others(waits);
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(next_event(until) - Clock::now()).count();
    ::poll(waits.data(), waits.size(), static_cast<int>(std::clamp<int64_t>(left, 0, std::numeric_limits<int>::max())));
    uint64_t woken = 0;
    static_cast<void>(!::read(wakes_.get(), &woken, sizeof(woken)));
}

std::vector<Transport::Ended> StreamTransport::wait(Clock::time_point until) {
    open(Clock::now());
    if (ended_.empty()) poll(until);
    const Clock::time_point now = Clock::now();
    // relaxed: the eventfd was written after it.
    if (cut_.exchange(false, std::memory_order_relaxed)) {
        break_off("it keeps the agent busy", now);
    } else if (opening_) {
        peer_->look_at_others();
        note_open(now);
        if (is_open()) read(now);
        if (opening_ && peer_->ended()) {
            read(now);  // what it said before that
            if (opening_) break_off(told_open_ ? "it went" : "it is not there", now);
        }
        write(now);
    }
    expire(now);
    return std::exchange(ended_, {});
}

std::vector<ShipmentPtr> StreamTransport::abandon() {
    std::vector<ShipmentPtr> left;
    for (auto& [id, attempt] : attempts_) left.push_back(std::move(attempt.shipment));
    for (Ended& each : std::exchange(ended_, {})) left.push_back(std::move(each.shipment));
    attempts_.clear();
    unwritten_.clear();
    return left;
}

}  // namespace spanring::agent
