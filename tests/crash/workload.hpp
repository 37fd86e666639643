// SPDX-License-Identifier: Apache-2.0
//
// What the process does that is about to be killed, and what it knows of itself: on a page that survives it, it notes
// every call before it makes it and after it returned.
#pragma once

#include <spanring/spanring.h>

#include <atomic>
#include <cstdint>
#include <string>

namespace spanring::test {

struct Truth {
    std::atomic<uint32_t> starts_begun{0};
    std::atomic<uint32_t> starts_returned{0};
    std::atomic<uint32_t> ends_begun{0};
    std::atomic<uint32_t> ends_returned{0};
    uint64_t clock = 0;  // SteppedClock's, of a thread that is stepped; 0: as it is
};

class Workload {
public:
    explicit Workload(Truth& truth, uint64_t memory_limit = 512 << 10, uint32_t full_policy = SPR_FULL_DROP_NEWEST);

    // The library is open, the first span is made and ended: what comes now is the hot path.
    void warm_up();

    // Ends large spans until the ring has no room left: it refused one, or overwrote one. Or all slots are in use.
    void fill_ring();

    // Leaves spans open in more slots than are kept for starts, and ends others until one waits in its slot.
    void fill_ring_until_one_waits();

    spr_provider* provider() const { return provider_; }
    spr_tracer* tracer() const { return tracer_; }
    spr_tracer* tracer_of_none();  // of a provider that is shut down
    spr_span start();
    spr_span start(const spr_start_options& options);              // by the name that was thought of; sampled or not
    enum class Size { kKnown, kToBeFound };                        // of the name: the latter by SPR_NUL
    bool try_start(spr_span& ret_span, Size size = Size::kKnown);  // false: no slot is free
    void think_of_name();                 // the next start's; every start does where nobody has
    void decorate(const spr_span& span);  // attributes, one of them twice, event, link, status, name
    void fill(const spr_span& span);      // so many attributes that it goes on in blocks
    void enlarge(const spr_span& span);   // to more than any extent has room for, in two steps
    void end(const spr_span& span);
    bool has_kept_slot() const;            // the thread, for its next start
    void have_others_end(uint32_t count);  // so many spans that this thread starts

private:
    size_t take_name();

    Truth& truth_;
    spr_provider* provider_ = nullptr;
    spr_tracer* tracer_ = nullptr;
    spr_tracer* tracer_of_none_ = nullptr;
    int number_ = 0;
    char name_[32];
    size_t name_size_ = 0;  // 0: the next one is still to be thought of
};

}  // namespace spanring::test
