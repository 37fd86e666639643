// SPDX-License-Identifier: Apache-2.0
//
// Starts. The hot path, in order: which thread, which context, is it sampled, a slot, its bytes.
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include <type_traits>

#include "trace/base/hot_path.hpp"
#include "trace/base/options.hpp"
#include "trace/process/entry.hpp"
#include "trace/process/visit.hpp"
#include "trace/propagation/attached_span.hpp"
#include "trace/propagation/context.hpp"
#include "trace/propagation/context_tail.hpp"
#include "trace/propagation/sampled_trace_state.hpp"
#include "trace/span/calls.hpp"
#include "trace/span/chosen_start.hpp"
#include "trace/span/clock.hpp"
#include "trace/span/new_span.hpp"
#include "trace/span/whole_span.hpp"

namespace spanring::trace {
namespace {

using ring::Counter;
using ring::Slot;
using ring::SlotState;
using ring::SlotWord;
using ring::StdAtomics;

constexpr uint64_t kRecordsNothing = ring::PolicyBits::kDisabled | ring::PolicyBits::kRetired;

void pass_through(const spr_context* parent, spr_span* ret_span) {
    ret_span->handle = 0;
    if (parent != nullptr)
        ret_span->context = *parent;
    else
        memset(&ret_span->context, 0, sizeof ret_span->context);
}

// What is known about the parent before the start.
const spr_context* choose_parent(const spr_start_options& options, const spr_token* top) {
    switch (options.parent_mode) {
        case SPR_PARENT_CURRENT: return top != nullptr ? &top->context : nullptr;
        case SPR_PARENT_EXPLICIT:
            return options.parent != nullptr && is_valid(*options.parent) ? options.parent : nullptr;
        default: return nullptr;
    }
}

// What the first publication of a span had no room for. Refusals are counted. Whether it keeps a trace state that
// spans below it and requests take over.
[[gnu::noinline]] bool add_rest(OpenSpan span, Level& level, uint64_t tail, const char* name, size_t name_size,
                                const spr_start_options& options) {
    uint32_t refused = 0;
    if (span.slot().name == 0 && span.set_name(name, name_size) != 0) ++refused;
    const std::string_view given = view_of(options.trace_state, options.trace_state_size);
    const SampledTraceState state(given, tail);
    const bool kept = !state.view().empty() && span.set_trace_state(state.view().data(), state.view().size()) == 0;
    if (!kept && !state.view().empty()) ++refused;
    for (size_t i = 0; i < options.attribute_count; ++i)
        if (!set_short(span, options.attributes[i]) && set_any(span, options.attributes[i]) != 0) ++refused;
    for (size_t i = 0; i < options.link_count; ++i)
        if (span.add(options.links[i]) != 0) ++refused;
    if (refused != 0) level.writer.count(Counter::kRefusedData, refused);
    return kept && !given.empty();
}

// A provider that is off or shut down, in a child as in its parent. HOT where it is off.
[[gnu::always_inline]] inline int start_off(const Provider& provider, const spr_context* parent, spr_span* ret_span) {
    SPR_HOT_PATH(kStartOff);
    pass_through(parent, ret_span);
    return provider.state() == Provider::kOff ? provider.error() : -ESHUTDOWN;
}

int refuse_start(const spr_tracer& tracer, const spr_context* parent, spr_span* ret_span) {
    Provider& provider = Provider::of(tracer);
    if (!provider.starts().any()) return start_off(provider, parent, ret_span);
    pass_through(parent, ret_span);
    const Visit inside(provider);
    if (!inside) return -ESHUTDOWN;
    if (Life* const life = provider.life()) {
        count_shared(*life, Counter::kNotStartedNested);
    } else if (const int error = provider.error(); error != 0) {
        provider.count_unmade();
        return error;
    }
    return -EBUSY;
}

// The context of a new span except for its tail. Returns that, as it is where the parent is followed, but for the
// sampled flag: never remote.
[[gnu::always_inline]] inline uint64_t make_ids(Random& random, const spr_context* parent, spr_context& ret_context) {
    uint64_t tail = SPR_TRACE_FLAG_RANDOM;
    if (parent != nullptr) {
        memcpy(ret_context.trace_id, parent->trace_id, sizeof ret_context.trace_id);
        tail = ContextTail::read(*parent) & (ContextTail::kSampling | SPR_TRACE_FLAG_RANDOM);
    } else {
        uint64_t id[2];
        random.trace_id(id);
        memcpy(ret_context.trace_id, id, sizeof id);
    }
    const uint64_t id = random.span_id();
    memcpy(ret_context.span_id, &id, sizeof id);
    return tail;
}

// A span that will be recorded wakes the agent, where it sleeps. Ahead of the span's end, which cannot look any more.
bool wake_agent_for(Life& life, uint64_t policy) {
    if ((policy & ring::PolicyBits::kAsleep) != 0) life.segment.wake_agent();
    return true;
}

// What a policy other than 0 says to a span that the caller wants recorded.
[[gnu::noinline]] bool admits(Life& life, uint64_t policy) {
    return (policy & kRecordsNothing) == 0 && wake_agent_for(life, policy);
}

// Whether the span is sampled, where that takes a thought: a directive is in force, or the sampler looks at more than
// the parent. The tail has the threshold afterwards, if there is one.
[[gnu::noinline]] bool decide(Life& life, Level& level, uint64_t policy, const spr_context* parent,
                              const spr_context& context, const spr_start_options& options, uint64_t& tail) {
    const uint64_t followed = tail;
    tail &= ~ContextTail::kSampling;
    if ((policy & kRecordsNothing) != 0) return false;
    const Sampler& sampler = life.settings.sampler;
    if (sampler.follows(parent)) {
        tail = followed;
        return (parent->trace_flags & SPR_TRACE_FLAG_SAMPLED) != 0 && wake_agent_for(life, policy);
    }
    const auto directive = ring::SamplingDirective::unpack(policy);
    ring::Clock& clock = Provider::clock();
    const uint64_t now = sampler.needs_time(directive) ? clock.unix_nano(level.anchor, clock.ticks()) : 0;
    uint64_t randomness = Sampler::randomness(context.trace_id);
    SampledTraceState::randomness(view_of(options.trace_state, options.trace_state_size), randomness);
    const Sampler::Decision decision = sampler.decide(directive, life.rate_limiter, randomness, now);
    if (decision.sampled && decision.has_threshold) tail |= ContextTail::of_threshold(decision.threshold);
    return decision.sampled && wake_agent_for(life, policy);
}

[[gnu::always_inline]] inline int unsampled(Level& level, spr_context& context, uint64_t tail, spr_span* ret_span) {
    ContextTail::write(context, tail & SPR_TRACE_FLAG_RANDOM);
    ret_span->handle = 0;
    ret_span->context = context;
    level.writer.count_unsampled();
    return 0;
}

uint64_t policy_of(const ThreadState& thread) {
    // relaxed: a switch; the next start sees it.
    return StdAtomics::load(thread.life->segment.view().control().policy, std::memory_order_relaxed);
}

// kPlain: the options are the defaults, which the compiler then knows. kWith: they leave ids and the decision open.
// kChosen: they are a ChosenStart.
enum class StartCall { kPlain, kWith, kChosen };
constexpr spr_start_options kDefaults = SPR_START_OPTIONS_INIT;
template <StartCall kCall>
using OptionsOf = std::conditional_t<kCall == StartCall::kChosen, ChosenStart, spr_start_options>;

template <StartCall kCall>
bool is_whole([[maybe_unused]] const OptionsOf<kCall>& options) {
    if constexpr (kCall == StartCall::kChosen) return options.whole;
    return false;
}

bool has_trace_id(const spr_context& context) { return !is_same_trace(context, spr_context{}); }
bool has_span_id(const spr_context& context) {
    constexpr uint8_t kNone[sizeof context.span_id] = {};
    return memcmp(context.span_id, kNone, sizeof kNone) != 0;
}

bool is_of_another_trace(const spr_context* own, const spr_context* parent) {
    return own != nullptr && parent != nullptr && has_trace_id(*own) && !is_same_trace(*own, *parent);
}

// make_ids(), where ids are said.
uint64_t choose_ids(Random& random, const spr_context* parent, const ChosenStart& options, spr_context& ret_context) {
    uint64_t tail = make_ids(random, parent, ret_context);
    if (options.context == nullptr) return tail;
    const spr_context& own = *options.context;
    if (options.whole) {
        ret_context = own;
        return ContextTail::read(own) & (ContextTail::kSampling | 0xff);
    }
    if (parent == nullptr && has_trace_id(own)) {
        memcpy(ret_context.trace_id, own.trace_id, sizeof own.trace_id);
        tail = own.trace_flags & SPR_TRACE_FLAG_RANDOM;
    }
    if (has_span_id(own)) memcpy(ret_context.span_id, own.span_id, sizeof own.span_id);
    return tail;
}

// Whether the span is sampled, by the caller's word. A probability goes with it only where the parent's goes on.
bool decide_by_word(Life& life, const spr_start_options& options, bool whole, uint64_t policy,
                    const spr_context* parent, uint64_t& tail) {
    const bool follows = whole || (parent != nullptr && (parent->trace_flags & SPR_TRACE_FLAG_SAMPLED) != 0);
    if (!follows) tail &= ~ContextTail::kSampling;
    return options.sampling == SPR_SAMPLING_RECORD && (policy == 0 || admits(life, policy));
}

template <StartCall kCall>
[[gnu::noinline]] int start_any(spr_tracer* tracer, const char* name, size_t name_size, const spr_context* parent,
                                spr_span* ret_span, const OptionsOf<kCall>& given) {
    const spr_start_options& options = kCall == StartCall::kPlain ? kDefaults : given;
    Provider::check_fork();
    ThreadState* const thread = Provider::of(*tracer).thread(*tracer);
    Entry entry;
    if (thread == nullptr || entry.too_deep()) [[unlikely]]
        return refuse_start(*tracer, parent, ret_span);
    Life& life = *thread->life;
    ring::Segment& segment = life.segment;
    Level& level = Provider::level(*thread, entry.depth());

    spr_context context;
    const uint64_t policy = policy_of(*thread);
    uint64_t tail;
    if constexpr (kCall == StartCall::kChosen)
        tail = choose_ids(level.random, parent, given, context);
    else
        tail = make_ids(level.random, parent, context);
    const bool is_said = kCall == StartCall::kChosen && options.sampling != SPR_SAMPLING_ASK;
    const bool sampled = is_said
                             ? decide_by_word(life, options, is_whole<kCall>(given), policy, parent, tail)
                             : (policy == 0 && life.settings.sampler.accepts(parent, tail & ContextTail::kSampling)) ||
                                   decide(life, level, policy, parent, context, options, tail);
    if (!sampled) [[unlikely]]
        return unsampled(level, context, tail, ret_span);
    tail |= SPR_TRACE_FLAG_SAMPLED;
    ContextTail::write(context, tail);

    ring::HeldSlot held = level.writer.take_slot(segment);
    if (!held && life.reap()) held = level.writer.take_slot(segment);
    if (!held) [[unlikely]] {
        level.writer.count(Counter::kNotStartedSlot);
        pass_through(parent, ret_span);
        return -ENOBUFS;
    }
    Slot& slot = *held.slot;
    ring::Clock& clock = Provider::clock();
    if (options.start_time_ns == 0) [[likely]] {
        slot.start_ticks = clock.ticks();
        slot.start_unix_nano = clock.unix_nano(level.anchor, slot.start_ticks);
    } else {
        slot.start_ticks = kNoTicks;  // it began at another time than this: a later "now" does not count from here
        slot.start_unix_nano = options.start_time_ns;
    }
    fill(slot, *tracer, *thread, options.kind, tail, parent);
    uint32_t length = write_identity(slot.data, Ids::of(context), parent, slot.start_unix_nano);

    // A name that fits is part of the first publication; a longer one follows.
    const uint32_t name_bytes = write_name(slot.data + length, name, name_size);
    slot.name = name_bytes != 0 ? length : 0;
    length += name_bytes;
    level.writer.publish_start(slot, SlotWord{SlotState::kOpen, 0, length});
    if constexpr (kCall == StartCall::kChosen) SPR_HOT_PATH(kStartWithContext);

    ret_span->handle = life.handle(held.index, slot.generation);
    ret_span->context = context;
    // A whole span ends at once; the one that the thread is in goes on.
    if (!is_whole<kCall>(given) && entry.depth() == 0)
        thread_local_state.last.set(ret_span->handle, *thread, slot, ring::ForkGuard::stamp());
    if (name_bytes == 0 || ContextTail::has_threshold(tail) || options.trace_state != nullptr ||
        options.attribute_count != 0 || options.link_count != 0) [[unlikely]] {
        const bool keeps = add_rest(OpenSpan(*thread, slot, held.index), level, tail, name, name_size, options);
        if (keeps && !is_whole<kCall>(given))
            ContextTail::write(ret_span->context, tail | ContextTail::kKeepsTraceState);
    }
    return 1;
}

// What comes with a span that has just been started: add_rest(), for whoever has left all else behind.
[[gnu::noinline]] int add_given(const spr_span* span, const spr_start_options& options) {
    OpenSpan open;
    if (!OpenSpan::last(span, open) && !OpenSpan::find(span, open)) return 1;  // a handler shut the provider down
    SPR_HOT_PATH(kStartGiven);
    set_all(open, options.attributes, options.attribute_count);
    for (size_t i = 0; i < options.link_count; ++i) refused(open, open.add(options.links[i]));
    return 1;
}

// HOT. What nearly all starts are: nothing is made first, the sampler need not think, no handler runs. It calls
// nothing, so that it saves few registers, and where it finds out that it will not do it has changed nothing:
// start_any() begins anew.
template <StartCall kCall>
[[gnu::noinline]] int start_recorded(spr_tracer* tracer, const char* name, size_t name_size, const spr_context* parent,
                                     spr_span* ret_span, const OptionsOf<kCall>& given) {
    const spr_start_options& options = kCall == StartCall::kPlain ? kDefaults : given;
    ThreadState* const thread = thread_local_state.states[Provider::of(*tracer).index()];
    // acquire: as in Provider::thread().
    if (ring::ForkGuard::in_doubt() || thread == nullptr ||
        StdAtomics::load(tracer->published, std::memory_order_acquire) != thread->life->number || name == nullptr ||
        thread_local_state.depth != 0) [[unlikely]]
        return start_any<kCall>(tracer, name, name_size, parent, ret_span, given);
    if (options.start_time_ns != 0 || options.trace_state != nullptr) [[unlikely]]
        return start_any<kCall>(tracer, name, name_size, parent, ret_span, given);
    uint64_t tail = parent == nullptr ? SPR_TRACE_FLAG_RANDOM : ContextTail::read(*parent);
    if (policy_of(*thread) != 0 || (tail & ContextTail::kSampling) != 0 ||
        !thread->life->settings.sampler.accepts(parent, 0)) [[unlikely]]
        return start_any<kCall>(tracer, name, name_size, parent, ret_span, given);
    tail = (tail & SPR_TRACE_FLAG_RANDOM) | SPR_TRACE_FLAG_SAMPLED;

    // An Entry, by hand: nothing is left to do after a call. What it has for itself is looked at inside.
    thread_local_state.depth = 1;
    std::atomic_signal_fence(std::memory_order_seq_cst);
    const Life& life = *thread->life;
    Level& level = *thread->at[0];
    const ring::Clock& clock = Provider::clock();
    const uint64_t ticks = clock.has_counter() ? clock.ticks() : 0;
    if (!level.writer.has_kept_slot() || !ring::Clock::is_fresh(level.anchor, ticks)) [[unlikely]] {
        std::atomic_signal_fence(std::memory_order_seq_cst);
        thread_local_state.depth = 0;
        return start_any<kCall>(tracer, name, name_size, parent, ret_span, given);
    }
    if (parent == nullptr)
        SPR_HOT_PATH(kStartRoot);
    else
        SPR_HOT_PATH(kStartBelow);
    const ring::HeldSlot held = level.writer.take_kept_slot();
    Slot& slot = *held.slot;
    const uint64_t start = level.anchor.unix_nano + clock.soon(ticks - level.anchor.ticks);
    slot.start_ticks = ticks;
    slot.start_unix_nano = start;
    const Ids ids = make_ids(level.random, parent);
    const uint32_t generation = fill(slot, *tracer, *thread, options.kind, tail, parent);
    uint32_t length = write_identity(slot.data, ids, parent, start);
    slot.name = length;
    length += write_name(slot.data + length, name, name_size);
    level.writer.publish_start(slot, SlotWord{SlotState::kOpen, 0, length});

    const uint64_t handle = life.handle(held.index, generation);
    ret_span->handle = handle;
    ids.write(ret_span->context, tail);
    thread_local_state.last.set(handle, *thread, slot, ring::ForkGuard::stamp());
    std::atomic_signal_fence(std::memory_order_seq_cst);
    thread_local_state.depth = 0;
    return (options.attribute_count | options.link_count) == 0 ? 1 : add_given(ret_span, options);
}

// HOT as well: a name whose length is still to be found out. Or one that is long.
template <StartCall kCall>
[[gnu::noinline]] int start_to_its_end(spr_tracer* tracer, const char* name, size_t name_size,
                                       const spr_context* parent, spr_span* ret_span, const OptionsOf<kCall>& given) {
    if (name_size != SPR_NUL || name == nullptr || (name_size = strlen(name)) > kShortText) [[unlikely]]
        return start_any<kCall>(tracer, name, name_size, parent, ret_span, given);
    SPR_HOT_PATH(kStartToItsEnd);
    return start_recorded<kCall>(tracer, name, name_size, parent, ret_span, given);
}

// Under a context that was attached with a trace state: the span's, if it is of that trace and brings none. (A whole
// span says its own.)
template <StartCall kCall>
[[gnu::noinline]] int start_inheriting(spr_tracer* tracer, const char* name, size_t name_size,
                                       const spr_context* parent, spr_span* ret_span, const OptionsOf<kCall>& given) {
    OptionsOf<kCall> options = given;
    TraceStateRoom room;
    if (parent != nullptr && view_of(given.trace_state, given.trace_state_size).empty()) {
        std::string_view inherited = kept_trace_state(thread_local_state.top, *parent, room);
        if (inherited.empty()) inherited = attached_trace_state(thread_local_state.top, *parent);
        options.trace_state = inherited.data();
        options.trace_state_size = inherited.size();
    }
    return start_any<kCall>(tracer, name, name_size, parent, ret_span, options);
}

// Whether the agent's directive overrules a sampler that refuses.
bool is_overruled(const ThreadState& thread, const spr_context* parent) {
    return (policy_of(thread) & ring::PolicyBits::kSamplingKind) != 0 && !thread.life->settings.sampler.follows(parent);
}

// Ends up unsampled as well, where the thread's state or its writer must be made first.
[[gnu::noinline]] int start_first_unsampled(spr_tracer* tracer, const char* name, size_t name_size,
                                            const spr_context* parent, spr_span* ret_span,
                                            const spr_start_options& options) {
    Provider::check_fork();
    ThreadState* const thread = Provider::of(*tracer).thread(*tracer);
    if (thread != nullptr && is_overruled(*thread, parent))
        return start_inheriting<StartCall::kWith>(tracer, name, name_size, parent, ret_span, options);
    Entry entry;
    if (thread == nullptr || entry.too_deep()) return refuse_start(*tracer, parent, ret_span);
    Level& level = Provider::level(*thread, entry.depth());
    spr_context context;
    return unsampled(level, context, make_ids(level.random, parent, context), ret_span);
}

// HOT. The sampler refused before there was a trace id, and no handler runs. Apart from start_any() because it needs so
// much less: it calls nothing and returns, so that no register is saved. A writer with a line is open.
template <StartCall kCall>
[[gnu::noinline]] int start_unsampled(spr_tracer* tracer, const char* name, size_t name_size, const spr_context* parent,
                                      spr_span* ret_span, const OptionsOf<kCall>& given) {
    const spr_start_options& options = kCall == StartCall::kPlain ? kDefaults : given;
    const ThreadState* thread = thread_local_state.states[Provider::of(*tracer).index()];
    // acquire: as in Provider::thread().
    if (ring::ForkGuard::in_doubt() || thread == nullptr ||
        StdAtomics::load(tracer->published, std::memory_order_acquire) != thread->life->number ||
        thread_local_state.depth != 0 || is_overruled(*thread, parent)) [[unlikely]]
        return start_first_unsampled(tracer, name, name_size, parent, ret_span, options);
    Level& level = *thread->at[0];
    thread_local_state.depth = 1;  // an Entry, by hand
    std::atomic_signal_fence(std::memory_order_seq_cst);
    if (!level.writer.has_line()) [[unlikely]] {
        thread_local_state.depth = 0;
        return start_first_unsampled(tracer, name, name_size, parent, ret_span, options);
    }
    SPR_HOT_PATH(kStartUnsampled);
    const uint64_t tail = make_ids(level.random, parent, ret_span->context);
    ContextTail::write(ret_span->context, tail & SPR_TRACE_FLAG_RANDOM);
    ret_span->handle = 0;
    level.writer.count_unsampled_in_line();
    std::atomic_signal_fence(std::memory_order_seq_cst);
    thread_local_state.depth = 0;
    return 0;
}

int refuse(int error, spr_span* ret_span) {
    *ret_span = spr_span{};
    return error;
}

// What can be decided with nothing saved and nothing called.
template <StartCall kCall>
[[gnu::always_inline]] inline int start(spr_tracer* tracer, const char* name, size_t name_size,
                                        const OptionsOf<kCall>& options, spr_span* ret_span) {
    const spr_token* const top = thread_local_state.top;
    const spr_context* parent = choose_parent(options, top);
    if (parent != nullptr && !is_valid(*parent)) parent = nullptr;
    if constexpr (kCall == StartCall::kChosen)
        if (!options.whole && is_of_another_trace(options.context, parent)) return refuse(-EINVAL, ret_span);
    const Provider& provider = Provider::of(*tracer);
    const Provider::Starts starts = provider.starts();
    if (!starts.any()) [[unlikely]]
        return start_off(provider, parent, ret_span);
    if constexpr (kCall != StartCall::kChosen)
        if (starts.refuses(parent)) return start_unsampled<kCall>(tracer, name, name_size, parent, ret_span, options);
    constexpr StartCall kInheriting = kCall == StartCall::kPlain ? StartCall::kWith : kCall;  // it gets a trace state
    if (!is_whole<kCall>(options) && parent != nullptr && may_inherit(top)) [[unlikely]]
        return start_inheriting<kInheriting>(tracer, name, name_size, parent, ret_span, options);
    if constexpr (kCall == StartCall::kChosen)
        return start_any<kCall>(tracer, name, name_size, parent, ret_span, options);
    else if (name_size > kShortText) [[unlikely]]
        return start_to_its_end<kCall>(tracer, name, name_size, parent, ret_span, options);
    else
        return start_recorded<kCall>(tracer, name, name_size, parent, ret_span, options);
}

// COLD. Options of another release, or none. Apart: those of this one take no room on the stack.
[[gnu::noinline]] int start_with_others(spr_tracer* tracer, const char* name, size_t name_size,
                                        const spr_start_options* options, spr_span* ret_span) {
    spr_start_options known;
    if (const int error = read_options(options, known); error != 0) return refuse(error, ret_span);
    known.struct_size = sizeof known;
    return spr_span_start_with(tracer, name, name_size, &known, ret_span);
}

[[gnu::noinline]] int start_chosen(spr_tracer* tracer, const char* name, size_t name_size,
                                   const spr_start_options& options, spr_span* ret_span) {
    ChosenStart chosen;
    static_cast<spr_start_options&>(chosen) = options;
    return start<StartCall::kChosen>(tracer, name, name_size, chosen, ret_span);
}

}  // namespace

int start_whole(spr_tracer* tracer, const char* name, size_t name_size, const ChosenStart& start_options,
                spr_span* ret_span) {
    return start<StartCall::kChosen>(tracer, name, name_size, start_options, ret_span);
}

}  // namespace spanring::trace

using namespace spanring::trace;

extern "C" {

int spr_span_start(spr_tracer* tracer, const char* name, size_t name_size, spr_span* ret_span) noexcept {
    if (ret_span == nullptr) return -EINVAL;
    if (tracer == nullptr) [[unlikely]]
        return refuse(-EINVAL, ret_span);
    return start<StartCall::kPlain>(tracer, name, name_size, kDefaults, ret_span);
}

int spr_span_start_with(spr_tracer* tracer, const char* name, size_t name_size, const spr_start_options* options,
                        spr_span* ret_span) noexcept {
    if (ret_span == nullptr) return -EINVAL;
    if (tracer == nullptr) [[unlikely]]
        return refuse(-EINVAL, ret_span);
    if (options == nullptr || options->struct_size != sizeof *options) [[unlikely]]
        return start_with_others(tracer, name, name_size, options, ret_span);
    if (options->kind > SPR_KIND_CONSUMER || options->parent_mode > SPR_PARENT_ROOT ||
        options->sampling > SPR_SAMPLING_DROP || (options->attribute_count != 0 && options->attributes == nullptr) ||
        (options->link_count != 0 && options->links == nullptr)) [[unlikely]]
        return refuse(-EINVAL, ret_span);
    if (options->context != nullptr || options->sampling != SPR_SAMPLING_ASK) [[unlikely]]
        return start_chosen(tracer, name, name_size, *options, ret_span);
    return start<StartCall::kWith>(tracer, name, name_size, *options, ret_span);
}

}  // extern "C"
