// SPDX-License-Identifier: Apache-2.0
//
// The part of a drain thread that says how long a segment is left alone, and sleeps so long.
#include <algorithm>
#include <chrono>
#include <cstdint>

#include <poll.h>

#include "drain/drain_share.hpp"

namespace spanring::agent {

namespace {

// In a row. Of a process that has its file no longer within reach, the bells are not waited for.
constexpr uint32_t kMostUnheardBells = 2;

// Of one that sleeps the kernel is asked so much less often whether it lives: it tells of nearly every death by itself,
// but for a process that has closed the descriptor of its segment.
constexpr int kPeriodsAsleep = 4;

constexpr std::chrono::milliseconds kWaitForExporters{1};  // to have a use for more, where no answer tells of it
constexpr std::chrono::microseconds kAtOnce{2'500};        // a look under load
constexpr std::chrono::milliseconds kWaitForPins{10};      // of answered batches, which go a moment later

}  // namespace

// A batch that waits for longer than this has been sent by then, or is about to be.
std::chrono::microseconds DrainShare::longest_doze() const {
    const std::chrono::microseconds batch = batcher_.age();
    return std::min(options_.pace.dozing, std::max(options_.pace.dozing_shortest, batch + batch / 5));
}

// To the next look, where something came lately.
std::chrono::microseconds DrainShare::longest_pause(const ServedSegment& served) const {
    const AttachedSegment& segment = *served.segment;
    const bool dozes = hears(served) && segment.may_doze() && !segment.dead() && !segment.flush_pending();
    return dozes ? longest_doze() : options_.pace.idle;
}

std::chrono::milliseconds DrainShare::liveness_period(const ServedSegment& served) const {
    return options_.liveness_period * (hears(served) && served.segment->asleep() ? kPeriodsAsleep : 1);
}

bool DrainShare::hears(const ServedSegment& served) {
    return served.is_heard() && served.unheard_bells < kMostUnheardBells;
}

// After a look, where nothing comes: until the process rings, and until the next look where it does not.
void DrainShare::rest(ServedSegment& served, bool came) {
    AttachedSegment& segment = *served.segment;
    ++status_.looks;
    const auto sleep = [&](std::chrono::milliseconds pause) {
        served.pace.sleep(pause, now_);
        served.may_rest = true;
    };
    const bool heard = hears(served);
    if (segment.end_doze()) ++served.unheard_bells;
    // No longer dozing: an answer that comes meanwhile is looked at at once.
    if (segment.only_waits()) return sleep(options_.pace.asleep);
    const bool busy = came || segment.dead() || segment.flush_pending();
    if (segment.asleep()) {
        if (!busy && heard && !segment.has_rung()) return sleep(options_.pace.asleep);
        if (segment.get_up()) ++served.unheard_bells;
        served.pace.wake(options_.pace, now_);
        return;
    }
    if (!busy && served.pace.is_quiet(options_.pace, now_)) {
        if (heard && segment.lie_down()) {
            served.lain_down = now_;
            return sleep(options_.pace.asleep);
        }
        if (!heard || !segment.rings()) return sleep(options_.pace.deaf);
    }
    if (!served.pace.dozes(options_.pace)) return;
    // What has come and is not answered may leave too little for a mark to be reached: whoever fills the rest waits for
    // memory, and rings for none.
    if (segment.may_run_short()) return served.pace.no_later_than(now_ + options_.pace.idle);
    if (segment.doze())
        served.may_rest = true;
    else
        served.pace.hurry(now_);
}

// Whether a look at a few words will do: nothing of its memory is to go back any more, and nothing came.
bool DrainShare::may_sleep_on(ServedSegment& served) const {
    if (!hears(served) || now_ - served.lain_down < options_.give_back_after) return false;
    return served.segment->sleeps_on();
}

void DrainShare::sleep_on(ServedSegment& served) {
    ++status_.looks;
    ++status_.glances;
    served.pace.sleep(options_.pace.asleep, now_);
    served.may_rest = true;
}

// It has rung. What rings is the first start: there is little to take yet. Where it rings once more before a burst
// could fill its ring, the look comes when there is something; somebody who waits for a flush is looked at at once.
void DrainShare::get_up(ServedSegment& served) {
    AttachedSegment& segment = *served.segment;
    if (!segment.may_doze() || segment.asks_for_flush()) return served.pace.wake(options_.pace, now_);
    served.pace.expect(options_.pace, now_);
    if (segment.doze())
        served.may_rest = true;
    else
        served.pace.hurry(now_);
}

// ---- Between passes -------------------------------------------------------------------------------------------------

DrainShare::Clock::time_point DrainShare::next_look() const {
    Clock::time_point next = Clock::time_point::max();
    for (const ServedSegment* served : segments_.awake())
        if (served->is_read()) next = std::min(next, served->pace.due());
    return segments_.next_look(next);
}

DrainShare::Clock::time_point DrainShare::due() const {
    Clock::time_point until = batcher_.due(batcher_.shared());
    if (!segments_.empty()) until = std::min({until, next_ledger_, heartbeat_.due()});
    if (decisions_ != nullptr) until = std::min({until, decisions_->due(), decisions_->filing_due()});
    if (held_back_) until = std::min(until, now_ + kWaitForExporters);
    for (const ServedSegment* served : segments_.awake()) {
        if (served->is_read() && !held_back_) until = std::min(until, served->pace.due());
        until = std::min(until, batcher_.due(served->segment->own_lane()));
    }
    return segments_.next_look(until);
}

// Nobody waits for them before the look that comes soon anyhow, or at once.
bool DrainShare::answers_may_wait(Clock::duration to_next_look) const {
    if (to_next_look > 2 * longest_doze() || decisions_ != nullptr) return false;
    if (batcher_.outstanding_until(of_others_)) return false;  // whoever has that segment may wait for memory of it
    if (held_back_ || flushes_.waiting() || queues_.of_several_users() || segments_.rest_expects_answers())
        return false;
    const auto& awake = segments_.awake();
    const Clock::time_point soon = Clock::now() + kAtOnce;
    return std::all_of(awake.begin(), awake.end(), [soon](const ServedSegment* served) {
        return (served->segment->dozes() || served->pace.due() <= soon) && !served->segment->flush_pending();
    });
}

bool DrainShare::wait(Clock::time_point until, int other) {
    if (more_) return true;
    until = std::min(until, due());
    const Clock::time_point now = Clock::now();
    if (waits_for_pins_) until = std::min(until, now + kWaitForPins);
    if (flushes_.waiting()) until = std::min(until, now + kWaitForFlush);
    if (until <= now) return true;
    const bool patient = answers_may_wait(until - now);
    status_.patient += patient ? 1 : 0;
    batcher_.let_answers_wait(patient);
    const auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(until - now);
    const timespec timeout = {static_cast<time_t>(left.count() / 1'000'000'000),
                              static_cast<long>(left.count() % 1'000'000'000)};
    WakeUp& wake_up = exchange_.wake_up(number_);
    pollfd files[] = {{wake_up.fd(), POLLIN, 0}, {other, POLLIN, 0}};
    const bool woken = ppoll(files, 2, &timeout, nullptr) > 0;
    batcher_.let_answers_wait(false);
    if (woken && (files[0].revents & POLLIN) != 0) wake_up.silence();
    return woken && files[1].revents != 0;
}

}  // namespace spanring::agent
