// SPDX-License-Identifier: Apache-2.0
#include "span.hpp"

#include <string.h>
#include <time.h>

#include "tags.hpp"

namespace spanring::envoy {
namespace {

// Envoy names a request's span after the traffic's direction: "ingress", or "egress HOST" (Tracing::OperationName).
constexpr std::string_view kEgress = "egress";
// The child for the request to the upstream, where spawn_upstream_span is said.
constexpr std::string_view kUpstream = "router ";

uint64_t now() {
    timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(time.tv_nsec);
}

bool is_forced(TraceReason reason) {
    return reason == TraceReason::kServiceForced || reason == TraceReason::kClientForced;
}

}  // namespace

SpanPool span_pool;

Span* Span::take(const Tracer& tracer) {
    Span* const span = span_pool.take();
    if (span == nullptr) return nullptr;
    span->tracer_ = &tracer;
    span->start_time_ns_ = 0;
    span->texts_ = nullptr;
    span->flags_ = 0;
    span->kind_ = SPR_KIND_SERVER;
    span->decision_is_envoys_ = false;
    span->ended_ = false;
    span->name_size_ = 0;
    span->trace_id_[0] = '\0';
    span->span_id_[0] = '\0';
    return span;
}

Span* Span::start(const Tracer& tracer, void* request, std::string_view operation, bool traced, TraceReason reason) {
    Span* const span = take(tracer);
    if (span == nullptr) return nullptr;
    const Configuration& configuration = tracer.configuration();
    Incoming incoming;
    extract(configuration, request, incoming);
    span->parent_ = incoming.context;
    span->flags_ = incoming.flags;
    span->texts_ = incoming.texts;
    span->kind_ = operation.starts_with(kEgress) ? SPR_KIND_CLIENT : SPR_KIND_SERVER;
    span->decision_is_envoys_ = !incoming.has_decision;
    // As with Envoy's own tracer both must want it: Envoy, and whoever sent the request, where that said something.
    // B3's debug flag asks for it in any case; its decision without ids has no parent that a sampler could follow.
    const bool is_wanted = traced || (incoming.flags & SPR_PROPAGATED_DEBUG) != 0;
    const bool asks = configuration.asks_sampler && incoming.has_decision == incoming.has_context && !is_forced(reason);
    uint32_t sampling = SPR_SAMPLING_DROP;
    if (is_wanted && asks)
        sampling = SPR_SAMPLING_ASK;
    else if (is_wanted && (!incoming.has_decision || incoming.sampled))
        sampling = SPR_SAMPLING_RECORD;
    span->begin(operation, 0, sampling);
    if (span->recorded_) span->set_request(request);
    return span;
}

Span* Span::start_child(std::string_view name, uint64_t start_time_ns) {
    // An egress listener that makes a span for the upstream is a hop of its own: this one served, the child asks.
    if (kind_ == SPR_KIND_CLIENT && name.starts_with(kUpstream)) {
        kind_ = SPR_KIND_SERVER;
        if (recorded_) spr_span_set_kind(&span_, kind_);
    }
    Span* const child = take(*tracer_);
    if (child == nullptr) return nullptr;
    child->parent_ = span_.context;
    child->flags_ = flags_;
    child->texts_ = copy_of(texts_);
    child->kind_ = SPR_KIND_CLIENT;
    child->begin(name, start_time_ns, sampled_ ? SPR_SAMPLING_RECORD : SPR_SAMPLING_DROP);
    return child;
}

void Span::begin(std::string_view name, uint64_t start_time_ns, uint32_t sampling) {
    spr_start_options options = SPR_START_OPTIONS_INIT;
    options.kind = static_cast<uint8_t>(kind_);
    options.parent_mode = SPR_PARENT_EXPLICIT;
    options.parent = &parent_;
    options.start_time_ns = start_time_ns;
    options.sampling = sampling;
    if (texts_ != nullptr) {
        options.trace_state = texts_->trace_state.data;
        options.trace_state_size = texts_->trace_state.size;
    }
    const int started = spr_span_start_with(tracer_->tracer(), name.data(), name.size(), &options, &span_);
    recorded_ = started > 0;
    sampled_ = recorded_;
    if (recorded_) return;
    // Where tracing is off the context is the parent's, and goes on as it came.
    if (started < 0) sampled_ = (span_.context.trace_flags & SPR_TRACE_FLAG_SAMPLED) != 0;
    start_time_ns_ = start_time_ns != 0 ? start_time_ns : now();
    set_name(name);
}

// Envoy says its tags when a request is over. What a span that is never over was about is said at once, by the names
// and values that the tags will have.
void Span::set_request(void* request) {
    constexpr size_t kLongestPath = 256;  // Envoy's own, where its configuration says nothing (max_path_tag_length)
    Text method = {nullptr, 0};
    if (envoy_dynamic_module_callback_tracer_get_trace_context_method(request, &method))
        set_tag("http.method", {method.data, method.size});
    Text host = {nullptr, 0};
    Text path = {nullptr, 0};
    std::string_view scheme;
    if (!envoy_dynamic_module_callback_tracer_get_trace_context_host(request, &host)) return;
    if (!envoy_dynamic_module_callback_tracer_get_trace_context_path(request, &path)) return;
    if (!get_header(request, "x-forwarded-proto", scheme)) return;
    char url[700];
    constexpr std::string_view kAfterScheme = "://";
    if (path.size > kLongestPath) path.size = kLongestPath;
    const size_t size = scheme.size() + kAfterScheme.size() + host.size + path.size;
    if (size > sizeof url) return;
    char* at = url;
    const auto put = [&at](const char* data, size_t count) {
        memcpy(at, data, count);
        at += count;
    };
    put(scheme.data(), scheme.size());
    put(kAfterScheme.data(), kAfterScheme.size());
    put(host.data, host.size);
    put(path.data, path.size);
    set_tag("http.url", {url, size});
}

void Span::set_name(std::string_view name) {
    if (recorded_) {
        spr_span_set_name(&span_, name.data(), name.size());
        return;
    }
    name_size_ = static_cast<uint8_t>(name.size() < sizeof name_ ? name.size() : sizeof name_);
    if (name_size_ != 0) memcpy(name_, name.data(), name_size_);
}

void Span::set_tag(std::string_view key, std::string_view value) {
    if (!recorded_ || key.empty()) return;
    envoy::set_tag(span_, key, value, tracer_->configuration().semantic_conventions);
    if (is_error(key, value, kind_)) spr_span_set_status(&span_, SPR_STATUS_ERROR, nullptr, 0);
}

void Span::add_event(uint64_t time_ns, std::string_view name) {
    if (!recorded_) return;
    spr_event event = {};
    event.name = name.data();
    event.name_size = name.size();
    event.time_ns = time_ns;
    spr_span_add_event(&span_, &event);
}

void Span::set_sampled(bool sampled) {
    if (sampled == sampled_ || ended_) return;
    sampled_ = sampled;
    if (!sampled || recorded_) return;  // what is recorded is outside of the process already, and stays
    // Recorded after all, as the span that it has been since it began.
    const spr_context context = span_.context;
    const bool has_context = has_ids();
    spr_start_options options = SPR_START_OPTIONS_INIT;
    options.kind = static_cast<uint8_t>(kind_);
    options.parent_mode = SPR_PARENT_EXPLICIT;
    options.parent = &parent_;
    options.start_time_ns = start_time_ns_;
    options.sampling = SPR_SAMPLING_RECORD;
    options.context = has_context ? &context : nullptr;
    if (texts_ != nullptr) {
        options.trace_state = texts_->trace_state.data;
        options.trace_state_size = texts_->trace_state.size;
    }
    spr_span late;
    if (spr_span_start_with(tracer_->tracer(), name_, name_size_, &options, &late) <= 0) return;
    span_ = late;
    recorded_ = true;
}

void Span::finish() {
    ended_ = true;
    if (recorded_) spr_span_end(&span_);
}

void Span::destroy() {
    if (!ended_) finish();  // Envoy forgets it without a word: it is over
    if (texts_ != nullptr) texts_pool.give_back(*texts_);
    texts_ = nullptr;
    span_pool.give_back(*this);
}

void Span::inject(void* request) const {
    spr_context context = span_.context;
    context.trace_flags =
        static_cast<uint8_t>((context.trace_flags & ~SPR_TRACE_FLAG_SAMPLED) | (sampled_ ? SPR_TRACE_FLAG_SAMPLED : 0));
    char state[SPR_TRACESTATE_SIZE];
    Outgoing outgoing = {&context, sampled_ ? flags_ : 0, {state, 0, sizeof state}, {nullptr, 0, 0}};
    if (texts_ != nullptr) outgoing.baggage = texts_->baggage;
    // What the span keeps has the sampler's member as well.
    if ((!recorded_ || spr_span_trace_state(&span_, &outgoing.trace_state) <= 0) && texts_ != nullptr)
        outgoing.trace_state = texts_->trace_state;
    envoy::inject(tracer_->configuration(), request, outgoing);
}

bool Span::baggage(std::string_view key, std::string_view& ret_value) {
    if (texts_ == nullptr) return false;
    spr_text decoded = {texts_->decoded, 0, sizeof texts_->decoded};
    if (spr_baggage_get(texts_->baggage.data, texts_->baggage.size, key.data(), key.size(), &decoded) <= 0)
        return false;
    ret_value = {decoded.data, decoded.size};
    return true;
}

void Span::set_baggage(std::string_view key, std::string_view value) {
    if (texts_ == nullptr) texts_ = take_texts();
    if (texts_ != nullptr)
        spr_baggage_set(&texts_->baggage, key.data(), key.size(), value.data(), value.size(), nullptr, 0);
}

bool Span::has_ids() const {
    for (const uint8_t byte : span_.context.span_id)
        if (byte != 0) return true;
    return false;
}

std::string_view Span::trace_id() {
    if (!has_ids()) return {};
    if (trace_id_[0] == '\0') spr_trace_id_hex(&span_.context, trace_id_);
    return {trace_id_, sizeof trace_id_ - 1};
}

std::string_view Span::span_id() {
    if (!has_ids()) return {};
    if (span_id_[0] == '\0') spr_span_id_hex(&span_.context, span_id_);
    return {span_id_, sizeof span_id_ - 1};
}

}  // namespace spanring::envoy
