// SPDX-License-Identifier: Apache-2.0
#include "survivors.hpp"

#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <map>
#include <set>
#include <sstream>
#include <thread>
#include <vector>

#include "ring/chunk_reader.hpp"
#include "ring/counter_sums.hpp"
#include "support/extents.hpp"
#include "trace/process/provider.hpp"

namespace spanring::test {
namespace {

using ring::ChunkState;
using ring::Counter;

// Those in which a span is, or waits.
struct Slots {
    explicit Slots(ring::SegmentView view) {
        extents_of(view).each_slot([&](uint32_t slot) {
            const ring::SlotState state = ring::SlotWord::unpack(view.slot(slot).word).state;
            used += state != ring::SlotState::kFree;
            waiting += state == ring::SlotState::kWaiting;
        });
    }
    uint32_t used = 0, waiting = 0;
};

// The equations, in a process that is quiet.
std::string balance(ring::SegmentView view, const char* when) {
    const ring::CounterSums sums = ring::sum_counters<>(view);
    const auto count = [&](Counter counter) { return sums[static_cast<size_t>(counter)]; };
    const Slots slots(view);
    uint64_t committed = slots.waiting;
    extents_of(view).each_chunk(
        [&](uint32_t chunk) { committed += ring::ChunkReader<>::committed(view.chunk_line(chunk)).spans; });
    std::ostringstream text;
    const uint64_t open = slots.used - slots.waiting, overwritten = count(Counter::kDroppedOverwritten);
    const uint64_t dropped =
        count(Counter::kDroppedFull) + count(Counter::kDroppedTooBig) + count(Counter::kDroppedNested);
    if (count(Counter::kStarted) != count(Counter::kEnded) + open)
        text << when << ": " << count(Counter::kStarted) << " started, " << count(Counter::kEnded) << " ended, " << open
             << " open; ";
    if (count(Counter::kEnded) != committed + overwritten + dropped)
        text << when << ": " << count(Counter::kEnded) << " ended, " << committed << " in chunks and waiting, "
             << overwritten << " overwritten, " << dropped << " dropped; ";
    return text.str();
}

// By number of the chunk.
std::map<uint32_t, ring::ChunkWord> words(ring::SegmentView view) {
    std::map<uint32_t, ring::ChunkWord> words;
    extents_of(view).each_chunk(
        [&](uint32_t chunk) { words[chunk] = ring::ChunkReader<>::committed(view.chunk_line(chunk)); });
    return words;
}

uint32_t parts_in_use(ring::SegmentView view, ring::ExtentKind kind) {
    const ring::ExtentMap extents = extents_of(view);
    uint32_t parts = 0;
    for (uint32_t extent = 0; extent < extents.count(); ++extent)
        if (extents.kind(extent) == kind) parts += parts_of(kind);
    return parts;
}

// Until the kernel knows no such thread any more.
void await_end_of_thread(int thread) {
    while (syscall(SYS_tgkill, getpid(), thread, 0) == 0) sched_yield();  // the test's watchdog ends a vain wait
}

}  // namespace

Survival survive(Workload& workload, int vanished) {
    await_end_of_thread(vanished);
    trace::Life& life = *trace::Provider::of(workload.provider())->life();
    const ring::SegmentView view = life.segment.view();
    bool had_record = false;
    for (const trace::ThreadState& state : life.threads) had_record |= state.use == static_cast<uint32_t>(vanished);
    const std::map<uint32_t, ring::ChunkWord> before = words(view);
    life.reap_after = 0;  // a look in vain may have been less than its pause ago
    Survival result;
    std::string& fault = result.fault;
    if (life.reap() != had_record) fault += "the vanished thread's record was not taken back; ";
    fault += balance(view, "reaped");
    const bool overwrite = view.header().full_policy == SPR_FULL_OVERWRITE_OLDEST;
    const ring::ExtentMap extents = extents_of(view);
    for (const auto& [chunk, now] : words(view)) {
        result.lost_evicting += now.state == ChunkState::kEvicting;
        if (check_transition(before.at(chunk), now, extents.chunk_capacity(chunk), overwrite) !=
            ring::ChunkFault::kNone)
            fault += "an agent would give the segment up; ";
    }

    // What it had goes from hand to hand.
    for (int round = 0; round < 3; ++round)
        std::thread([&] {
            for (int i = 0; i < 4; ++i) {
                const spr_span span = workload.start();
                workload.decorate(span);
                workload.end(span);
            }
        }).join();
    fault += balance(view, "used again");

    // Every block and every slot that is left is handed out once. Slots by starts: one that had two owners would lose a
    // span, and the equations with it. A free slot has blocks as well, where a thread keeps it.
    std::set<uint32_t> blocks;
    extents_of(view).each_slot([&](uint32_t slot) {
        for (const uint32_t block : view.slot(slot).blocks)
            if (block != 0 && !blocks.insert(block - 1).second) fault += "two slots share a block; ";
    });
    std::vector<uint32_t> taken[ring::kBlockClasses + 1];
    for (uint32_t block_class = 1; block_class <= ring::kBlockClasses; ++block_class)
        for (uint32_t block; (block = life.segment.take_block(block_class)) != ring::Segment::kNone;) {
            taken[block_class].push_back(block);
            if (!blocks.insert(block).second) fault += "a block is in use and free; ";
        }
    for (uint32_t block_class = 1; block_class <= ring::kBlockClasses; ++block_class)
        result.lost_blocks += parts_in_use(view, ring::kind_of_blocks(block_class));
    result.lost_blocks -= static_cast<uint32_t>(blocks.size());
    // Only now: an extent of which all are free may become one of another class.
    for (uint32_t block_class = 1; block_class <= ring::kBlockClasses; ++block_class)
        for (const uint32_t block : taken[block_class]) life.segment.give_block(block, block_class);
    std::vector<spr_span> spans;
    for (spr_span span; workload.try_start(span);) spans.push_back(span);
    fault += balance(view, "all slots in use");
    result.lost_slots = parts_in_use(view, ring::ExtentKind::kSlots) - Slots(view).used;
    for (const spr_span& span : spans) workload.end(span);
    workload.fill_ring();
    fault += balance(view, "ring full");
    std::set<uint32_t> lines;
    for (uint32_t line; (line = life.segment.take_line()) != ring::Segment::kNone;)
        if (!lines.insert(line).second) fault += "a counter line is free twice; ";
    return result;
}

}  // namespace spanring::test
