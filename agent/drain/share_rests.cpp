// SPDX-License-Identifier: Apache-2.0
//
// The part of a drain thread that says how long a segment is left alone.
#include <chrono>
#include <cstdint>

#include "drain/drain_share.hpp"

namespace spanring::agent {

namespace {

// In a row. Of a process that has its file no longer within reach, the bells are not waited for.
constexpr uint32_t kMostUnheardBells = 2;

// Of one that sleeps the kernel is asked so much less often whether it lives: it tells of nearly every death by itself,
// but for a process that has closed the descriptor of its segment.
constexpr int kPeriodsAsleep = 4;

}  // namespace

// To the next look, where something came lately.
std::chrono::microseconds DrainShare::longest_pause(const ServedSegment& served) const {
    const AttachedSegment& segment = *served.segment;
    const bool dozes = hears(served) && segment.may_doze() && !segment.dead() && !segment.flush_pending();
    return dozes ? options_.pace.dozing : options_.pace.idle;
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
    segment.doze();
    served.may_rest = true;
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
    segment.doze();
    served.may_rest = true;
}

}  // namespace spanring::agent
