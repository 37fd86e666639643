// SPDX-License-Identifier: Apache-2.0
#include "hot_call.hpp"

#include <cstdlib>
#include <cstring>
#include <initializer_list>

#include "trace/process/provider.hpp"
#include "trace/process/thread_state.hpp"

#ifdef SPR_HOT_PATHS
namespace spanring::trace {
uint32_t hot_paths[test::kHotPaths] = {};
}  // namespace spanring::trace
#endif

namespace spanring::test {
namespace {

using trace::HotPath;

// Of known sizes: a text that takes one byte for its length, one that takes two, one that no slot has room for.
constexpr char kText[] = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";
const std::string kPlainText(300, 'p'), kMostOfASlot(800, 'm'), kMoreThanASlot(1100, 'n');

void set(const spr_span& span, const char* key, const std::string& text) {
    if (spr_span_set_string(&span, key, strlen(key), text.data(), text.size()) != 0) abort();
}

spr_attribute text_attribute(const char* key, size_t key_size) {
    spr_attribute attribute{key, key_size, SPR_TYPE_STRING, 0, {}};
    attribute.value.string = {kText, sizeof kText - 1};
    return attribute;
}
spr_attribute number_attribute(const char* key, size_t key_size) {
    spr_attribute attribute{key, key_size, SPR_TYPE_INT64, 0, {}};
    attribute.value.int64 = 200;
    return attribute;
}
const spr_attribute kAttributes[] = {text_attribute(SPR_S("exception.type")), number_attribute(SPR_S("exception.id"))};

void think(Workload& workload, HotState&) { workload.think_of_name(); }
void start(Workload& workload, HotState& state) { state.span = workload.start(); }
void start_with(Workload& workload, HotState& state) { state.span = workload.start(state.options); }
void end(Workload& workload, HotState& state) {
    workload.end(state.span);
    state.span = spr_span{};
}
void set_text(Workload&, HotState& state) { spr_span_set_string(&state.span, SPR_S("key"), SPR_S("value")); }

void start_outer(Workload& workload, HotState& state) {
    state.other = workload.start();
    if (spr_context_attach(&state.other.context, &state.token) != 0) abort();
    state.is_attached = true;
    workload.think_of_name();
}

void prepare_given(Workload& workload, HotState& state) {
    static spr_link link;
    memset(&link.context, 1, sizeof link.context.trace_id + sizeof link.context.span_id);
    state.options.attributes = kAttributes;
    state.options.attribute_count = 2;
    state.options.links = &link;
    state.options.link_count = 1;
    workload.think_of_name();
}

void prepare_own_context(Workload& workload, HotState& state) {
    memset(state.context.trace_id, 2, sizeof state.context.trace_id);
    memset(state.context.span_id, 3, sizeof state.context.span_id);
    state.options.context = &state.context;
    workload.think_of_name();
}

void prepare_unsampled(Workload& workload, HotState& state) {
    memset(state.context.trace_id, 4, sizeof state.context.trace_id);
    memset(state.context.span_id, 5, sizeof state.context.span_id);
    state.options.parent_mode = SPR_PARENT_EXPLICIT;
    state.options.parent = &state.context;
    workload.think_of_name();
}

void prepare_off(Workload& workload, HotState& state) { state.tracer = workload.tracer_of_none(); }
void start_off(Workload&, HotState& state) { spr_span_start(state.tracer, SPR_S("off"), &state.span); }

void start_two(Workload& workload, HotState& state) {
    state.span = workload.start();
    state.other = workload.start();
}

// In the slot of a span that had these attributes.
void start_after(Workload& workload, HotState& state, std::initializer_list<const char*> keys) {
    const spr_span before = workload.start();
    for (const char* key : keys) spr_span_set_int64(&before, key, SPR_NUL, 1);
    workload.end(before);
    state.span = workload.start();
}
void start_as_before(Workload& workload, HotState& state) { start_after(workload, state, {"key", "more"}); }
void start_unlike_before(Workload& workload, HotState& state) {
    start_after(workload, state, {"first", "second", "third"});
    spr_span_set_int64(&state.span, SPR_S("first"), 1);
}

void start_in_a_block(Workload& workload, HotState& state) {
    state.span = workload.start();
    set(state.span, "large", kMoreThanASlot);
}
void start_nearly_full(Workload& workload, HotState& state) {
    state.span = workload.start();
    set(state.span, "most", kMostOfASlot);
}

void start_with_much(Workload& workload, HotState& state) {
    state.span = workload.start();
    for (const char* key : {"one", "two", "three"}) spr_span_set_string(&state.span, key, 3, kText, sizeof kText - 1);
}

void add_event(Workload&, HotState& state) {
    const spr_event event = {SPR_S("exception"), 0, kAttributes, 2, 0, 0};
    spr_span_add_event(&state.span, &event);
}
void add_link(Workload&, HotState& state) {
    spr_link link{};
    link.context = state.span.context;
    spr_span_add_link(&state.span, &link);
}

}  // namespace

const HotCall kHotCalls[kHotPaths] = {
    {HotPath::kStartRoot, "start root", think, start},
    {HotPath::kStartBelow, "start below", start_outer, start},
    {HotPath::kStartToItsEnd, "start to its end", think,
     [](Workload& workload, HotState& state) {
         if (!workload.try_start(state.span, Workload::Size::kToBeFound)) abort();
     },
     HotPath::kStartRoot},
    {HotPath::kStartGiven, "start given", prepare_given, start_with},
    {HotPath::kStartWithContext, "start with context", prepare_own_context, start_with},
    {HotPath::kStartUnsampled, "start unsampled", prepare_unsampled, start_with},
    {HotPath::kStartOff, "start off", prepare_off, start_off},
    {HotPath::kTextInSlot, "text in slot", start, set_text},
    {HotPath::kNumberInSlot, "number in slot", start,
     [](Workload&, HotState& state) { spr_span_set_int64(&state.span, SPR_S("key"), 200); }},
    {HotPath::kTextToItsEnd, "text to its end", start,
     [](Workload&, HotState& state) { spr_span_set_string(&state.span, "key", SPR_NUL, "value", SPR_NUL); },
     HotPath::kTextInSlot},
    {HotPath::kForeseen, "key foreseen", start_as_before, set_text, HotPath::kTextInSlot},
    {HotPath::kTagged, "key tagged", start_unlike_before, set_text, HotPath::kTextInSlot},
    {HotPath::kGoneBack, "gone back", start_two, set_text, HotPath::kTextInSlot},
    {HotPath::kList, "list", start,
     [](Workload&, HotState& state) { spr_span_set_attributes(&state.span, kAttributes, 2); }},
    {HotPath::kInBlock, "in block", start_in_a_block, set_text},
    {HotPath::kPlain, "plain", start, [](Workload&, HotState& state) { set(state.span, "plain", kPlainText); }},
    {HotPath::kGrown, "grown", start_nearly_full,
     [](Workload&, HotState& state) { set(state.span, "grown", kPlainText); }},
    {HotPath::kEvent, "event", start, add_event},
    {HotPath::kLink, "link", start, add_link},
    {HotPath::kEndLittle, "end little", start, end},
    {HotPath::kEndLarger, "end larger", start_with_much, end},
    {HotPath::kEndOther, "end other", start_two, end},
    {HotPath::kEndElsewhere, "end elsewhere", start_in_a_block, end},
};

void finish(Workload& workload, HotState& state) {
    if (state.span.handle != 0) workload.end(state.span);
    if (state.is_attached) spr_context_detach(&state.token);
    if (state.other.handle != 0) workload.end(state.other);
    state = HotState();
}

void warm_up_for_hot_calls(Workload& workload) {
    workload.tracer_of_none();
    for (const auto begin : {start_in_a_block, start_two}) {  // a block is had for the first time; two slots are kept
        HotState state;
        begin(workload, state);
        finish(workload, state);
    }
}

void make_hot_calls(Workload& workload) {
    static HotState state;  // who vanishes in the middle may leave a token attached
    warm_up_for_hot_calls(workload);
    for (const HotCall& call : kHotCalls) {
        call.prepare(workload, state);
        call.call(workload, state);
        finish(workload, state);
    }
}

std::string hot_calls_that_went_another_way(const HotPathCounts& counts) {
    std::string names;
    for (const HotCall& call : kHotCalls)
        if (counts[call.path] == 0) names += (names.empty() ? "" : ", ") + std::string(call.name);
    return names;
}

uint64_t stop_clock(Workload& workload) {
    trace::ThreadState& thread = *trace::thread_local_state.states[trace::Provider::of(workload.provider())->index()];
    ring::Clock::Anchor& anchor = thread.levels[0].anchor;
    // For as long as it could be at all.
    anchor.lifetime = (uint64_t{1} << 31) - 1;
    const uint64_t started = trace::thread_local_state.last.slot->start_ticks;
    return started > anchor.ticks && started - anchor.ticks < anchor.lifetime ? started : anchor.ticks;
}

}  // namespace spanring::test
