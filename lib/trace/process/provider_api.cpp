// SPDX-License-Identifier: Apache-2.0
//
// The C functions of providers and tracers.
#include <errno.h>
#include <time.h>

#include "trace/base/options.hpp"
#include "trace/process/provider.hpp"
#include "trace/process/taken_over.hpp"

using namespace spanring;
using ring::Counter;
using ring::StdAtomics;
using trace::Provider;

namespace {

constexpr uint64_t kFirstPause = 50'000;  // nanoseconds between two looks at the agent's answer to a flush
constexpr uint64_t kLongestPause = 2'000'000;

uint64_t total(ring::SegmentView segment, Counter counter) {
    const uint32_t index = static_cast<uint32_t>(counter);
    const ring::WriterPage& page = segment.writer();
    uint64_t sum = StdAtomics::load(page.shared_line[index], std::memory_order_relaxed);
    // acquire: the lines are populated. Pairs with the release in Segment::counter_line(). Without it a page could be
    // touched that is not there yet.
    const uint32_t lines = StdAtomics::load(page.counter_lines, std::memory_order_acquire);
    for (uint32_t line = 0; line < lines; ++line)
        sum +=
            StdAtomics::load(segment.counter_line(line).values[index], std::memory_order_relaxed);  // exact when quiet
    return sum;
}

}  // namespace

extern "C" {

int spr_provider_open(const spr_provider_options* options, spr_provider** ret_provider) noexcept {
    if (ret_provider == nullptr) return -EINVAL;
    spr_provider_options known;
    if (const int error = trace::read_options(options, known)) return error;
    if (known.full_policy > SPR_FULL_WAIT || known.memory > SPR_MEMORY_AT_OPEN ||
        (known.resource_attribute_count != 0 && known.resource_attributes == nullptr))
        return -EINVAL;
    Provider::check_fork();
    Provider* provider = nullptr;
    const int before = errno;
    const int error = Provider::open(known, provider);
    errno = before;
    if (error != 0) return error;
    *ret_provider = static_cast<spr_provider*>(provider);
    return 0;
}

int spr_provider_state(const spr_provider* provider) noexcept {
    if (provider == nullptr) return -EINVAL;
    Provider::check_fork();
    switch (provider->state()) {
        case Provider::kLive: return 1;
        case Provider::kOff: return provider->error();
        case Provider::kShutDown: return -ESHUTDOWN;
        default: return provider->error();  // of the last try to make the segment; mostly 0
    }
}

int spr_provider_flush(spr_provider* provider, uint64_t timeout_ns) noexcept {
    if (provider == nullptr) return -EINVAL;
    Provider::check_fork();
    trace::Life* life = provider->life();
    if (life == nullptr) return 0;  // nothing was ever written
    ring::SegmentView segment = life->segment.view();
    if (trace::everything_is_taken_over(life->segment)) return 0;
    // release: every span that ended before this call is committed before the ticket. Pairs with the acquire in the
    // agent's FlushRequest::look(). Without it the agent could serve the ticket without having seen the spans. acquire:
    // after those of other callers, so that a later ticket answers for theirs as well.
    const uint64_t ticket =
        StdAtomics::fetch_add(segment.writer().flush_wanted, uint64_t{1}, std::memory_order_acq_rel) + 1;
    life->segment.wake_agent();  // after the ticket: see there
    const uint64_t start = ring::Clock::read(CLOCK_MONOTONIC);
    const int error = errno;
    for (uint64_t pause = kFirstPause;; pause = pause < kLongestPause ? pause * 2 : pause) {
        // acquire: what the agent did before it answered. Pairs with the release in FlushRequest::serve(). Without
        // it the statistics could be read from before.
        if (StdAtomics::load(segment.control().flushed, std::memory_order_acquire) >= ticket) break;
        const uint64_t waited = ring::Clock::read(CLOCK_MONOTONIC) - start;
        if (waited >= timeout_ns) {
            errno = error;
            return -ETIMEDOUT;
        }
        const uint64_t left = timeout_ns - waited;
        const timespec time{0, static_cast<long>(pause < left ? pause : left)};
        nanosleep(&time, nullptr);
    }
    errno = error;
    return 0;
}

int spr_provider_shutdown(spr_provider* provider, uint64_t timeout_ns) noexcept {
    if (provider == nullptr) return -EINVAL;
    const int result = spr_provider_flush(provider, timeout_ns);
    provider->shut_down();
    return result;
}

int spr_tracer_get(spr_provider* provider, const char* name, size_t name_size, const char* version, size_t version_size,
                   const char* schema_url, size_t schema_url_size, spr_tracer** ret_tracer) noexcept {
    if (provider == nullptr || ret_tracer == nullptr) return -EINVAL;
    const spr_tracer_options options = {sizeof options,  0,       name, name_size, version, version_size, schema_url,
                                        schema_url_size, nullptr, 0};
    return provider->tracers().get(options, ret_tracer);
}

int spr_tracer_get_with(spr_provider* provider, const spr_tracer_options* options, spr_tracer** ret_tracer) noexcept {
    if (provider == nullptr || ret_tracer == nullptr) return -EINVAL;
    spr_tracer_options known;
    if (const int error = trace::read_options(options, known)) return error;
    if (known.attribute_count != 0 && known.attributes == nullptr) return -EINVAL;
    return provider->tracers().get(known, ret_tracer);
}

int spr_tracer_enabled(const spr_tracer* tracer) noexcept {
    if (tracer == nullptr) return 0;
    Provider::check_fork();
    const Provider& provider = *tracer->provider;
    const Provider::State state = provider.state();
    if (state == Provider::kOff || state == Provider::kShutDown) return 0;
    const trace::Life* life = provider.life();
    // relaxed: a switch.
    const uint64_t policy =
        life != nullptr ? StdAtomics::load(life->segment.view().control().policy, std::memory_order_relaxed) : 0;
    if ((policy & (ring::PolicyBits::kDisabled | ring::PolicyBits::kRetired)) != 0) return 0;
    return (policy & ring::PolicyBits::kSamplingKind) != 0 || !provider.sampler().never();
}

int spr_provider_statistics(const spr_provider* provider, spr_statistics* statistics) noexcept {
    if (provider == nullptr || statistics == nullptr || statistics->struct_size < sizeof(uint32_t)) return -EINVAL;
    Provider::check_fork();
    spr_statistics all = SPR_STATISTICS_INIT;
    all.not_started_slot = provider->unmade();
    all.misread_variables = provider->misread();
    if (const trace::Life* life = provider->life()) {
        const ring::SegmentView segment = life->segment.view();
        all.started = total(segment, Counter::kStarted);
        all.ended = total(segment, Counter::kEnded);
        all.unsampled = total(segment, Counter::kUnsampled);
        all.not_started_slot += total(segment, Counter::kNotStartedSlot);
        all.not_started_nested = total(segment, Counter::kNotStartedNested);
        all.dropped_full = total(segment, Counter::kDroppedFull);
        all.dropped_too_big = total(segment, Counter::kDroppedTooBig);
        all.dropped_nested = total(segment, Counter::kDroppedNested);
        all.dropped_overwritten = total(segment, Counter::kDroppedOverwritten);
        all.refused_data = total(segment, Counter::kRefusedData);
        all.cut_texts = StdAtomics::load(life->cut_texts, std::memory_order_relaxed);
        all.acknowledged = StdAtomics::load(segment.control().totals.acknowledged, std::memory_order_relaxed);
    }
    const uint32_t size = statistics->struct_size;
    all.struct_size = size;
    memcpy(statistics, &all, size < sizeof all ? size : sizeof all);
    return 0;
}

}  // extern "C"
