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

}  // namespace

// To the next look, where something came lately.
std::chrono::microseconds DrainShare::longest_pause(const ServedSegment& served) const {
    const AttachedSegment& segment = *served.segment;
    const bool dozes = hears(served) && segment.may_doze() && !segment.dead() && !segment.flush_pending();
    return dozes ? options_.pace.dozing : options_.pace.idle;
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
        if (heard && segment.lie_down()) return sleep(options_.pace.asleep);
        if (!heard || !segment.rings()) return sleep(options_.pace.deaf);
    }
    if (!served.pace.dozes(options_.pace)) return;
    segment.doze();
    served.may_rest = true;
}

}  // namespace spanring::agent
