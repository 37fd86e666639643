// SPDX-License-Identifier: Apache-2.0
//
// The C functions of providers and tracers.
#include <errno.h>
#include <time.h>

#include "trace/base/options.hpp"
#include "trace/process/provider.hpp"
#include "trace/process/taken_over.hpp"
#include "trace/process/thread_lives.hpp"
#include "trace/process/visit.hpp"

using namespace spanring;
using ring::StdAtomics;
using trace::Provider;
using trace::Visit;

namespace {

constexpr uint64_t kFirstPause = 50'000;  // nanoseconds between two looks at the agent's answer to a flush
constexpr uint64_t kLongestPause = 2'000'000;

// Waits for the agent. 0 or -ETIMEDOUT.
int flush(trace::Life& life, uint64_t timeout_ns) {
    const ring::SegmentView segment = life.segment.view();
    life.segment.look_after_memory();
    if (trace::everything_is_taken_over(life.segment)) return 0;
    // release: every span that ended before this call is committed before the ticket. Pairs with the acquire in the
    // agent's FlushRequest::look(). Without it the agent could serve the ticket without having seen the spans. acquire:
    // after those of other callers, so that a later ticket answers for theirs as well.
    const uint64_t ticket =
        StdAtomics::fetch_add(segment.writer().flush_wanted, uint64_t{1}, std::memory_order_acq_rel) + 1;
    life.segment.wake_agent();  // after the ticket: see there
    life.segment.wake_agent_at(ring::Segment::kWaits);
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

int flush(const Visit& provider, uint64_t timeout_ns) {
    trace::Life* const life = provider->life();
    return life == nullptr ? 0 : flush(*life, timeout_ns);  // nothing was ever written
}

// What is known of a provider that was shut down.
int outcome(const spr_provider* handle) {
    const Provider* const place = Provider::of(handle);
    if (place == nullptr) return -ESHUTDOWN;
    const int result = place->final_word().outcome();
    return Provider::of(handle) == place ? result : -ESHUTDOWN;
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
    const int before = errno;
    const int error = Provider::open(known, *ret_provider);
    errno = before;
    return error;
}

int spr_provider_state(const spr_provider* handle) noexcept {
    if (handle == nullptr) return -EINVAL;
    Provider::check_fork();
    const Visit provider(handle);
    if (!provider) return -ESHUTDOWN;
    switch (provider->state()) {
        case Provider::kLive: return 1;
        case Provider::kShutDown: return -ESHUTDOWN;
        default: return provider->error();  // why it is off; of the last try to make the segment; mostly 0
    }
}

int spr_provider_flush(spr_provider* handle, uint64_t timeout_ns) noexcept {
    if (handle == nullptr) return -EINVAL;
    Provider::check_fork();
    const Visit provider(handle);
    return provider ? flush(provider, timeout_ns) : outcome(handle);
}

int spr_provider_shutdown(spr_provider* handle, uint64_t timeout_ns) noexcept {
    if (handle == nullptr) return -EINVAL;
    Provider::check_fork();
    const int before = errno;
    int result;
    {
        Visit provider(handle);
        result = provider ? flush(provider, timeout_ns) : outcome(handle);
        if (provider) {
            provider->shut_down(result);
            provider.may_unmap();
        }
    }
    trace::ThreadLives::let_go();
    errno = before;
    return result;
}

int spr_tracer_get(spr_provider* provider, const char* name, size_t name_size, const char* version, size_t version_size,
                   const char* schema_url, size_t schema_url_size, spr_tracer** ret_tracer) noexcept {
    if (provider == nullptr || ret_tracer == nullptr) return -EINVAL;
    Provider::check_fork();
    const Visit inside(provider);
    if (!inside) return -ESHUTDOWN;
    const spr_tracer_options options = {sizeof options,  0,       name, name_size, version, version_size, schema_url,
                                        schema_url_size, nullptr, 0};
    return inside->tracers().get(options, ret_tracer);
}

int spr_tracer_get_with(spr_provider* provider, const spr_tracer_options* options, spr_tracer** ret_tracer) noexcept {
    if (provider == nullptr || ret_tracer == nullptr) return -EINVAL;
    spr_tracer_options known;
    if (const int error = trace::read_options(options, known)) return error;
    if (known.attribute_count != 0 && known.attributes == nullptr) return -EINVAL;
    Provider::check_fork();
    const Visit inside(provider);
    return inside ? inside->tracers().get(known, ret_tracer) : -ESHUTDOWN;
}

int spr_tracer_enabled(const spr_tracer* tracer) noexcept {
    if (tracer == nullptr) return 0;
    Provider::check_fork();
    Provider& provider = Provider::of(*tracer);
    const Provider::Starts starts = provider.starts();
    if (!starts.any()) return 0;
    uint64_t policy = 0;
    const trace::ThreadState* const state = trace::thread_local_state.states[provider.index()];
    // relaxed, twice: an equal number is of the life that the thread has a state in; the policy is a switch.
    if (state != nullptr && StdAtomics::load(tracer->published, std::memory_order_relaxed) == state->life->number) {
        policy = StdAtomics::load(state->life->segment.view().control().policy, std::memory_order_relaxed);
    } else {
        const Visit inside(provider);
        if (!inside || &Provider::of(*tracer) != &provider) return 0;
        if (const trace::Life* const life = provider.life())
            policy = StdAtomics::load(life->segment.view().control().policy, std::memory_order_relaxed);
    }
    if ((policy & (ring::PolicyBits::kDisabled | ring::PolicyBits::kRetired)) != 0) return 0;
    return (policy & ring::PolicyBits::kSamplingKind) != 0 || !starts.never_samples();
}

int spr_provider_statistics(const spr_provider* handle, spr_statistics* statistics) noexcept {
    if (handle == nullptr || statistics == nullptr || statistics->struct_size < sizeof(uint32_t)) return -EINVAL;
    Provider::check_fork();
    spr_statistics all = SPR_STATISTICS_INIT;
    {
        const Visit provider(handle);
        if (provider) {
            all = provider->statistics();
        } else {
            const Provider* const place = Provider::of(handle);
            if (place != nullptr) all = place->final_word().statistics();
            if (place == nullptr || Provider::of(handle) != place) return -ESHUTDOWN;
        }
    }
    const uint32_t size = statistics->struct_size;
    all.struct_size = size;
    memcpy(statistics, &all, size < sizeof all ? size : sizeof all);
    return 0;
}

}  // extern "C"
