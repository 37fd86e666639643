// SPDX-License-Identifier: Apache-2.0
#include "workload.hpp"

#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#include "trace/process/provider.hpp"
#include "trace/process/thread_state.hpp"

namespace spanring::test {

Workload::Workload(Truth& truth, uint64_t memory_limit, uint32_t full_policy) : truth_(truth) {
    spr_provider_options options = SPR_PROVIDER_OPTIONS_INIT;
    options.service_name = "crash";
    options.memory_limit = memory_limit;
    options.full_policy = full_policy;
    if (spr_provider_open(&options, &provider_) != 0) abort();
    if (spr_tracer_get(provider_, "crash", SPR_NUL, nullptr, 0, nullptr, 0, &tracer_) != 0) abort();
}

void Workload::warm_up() {
    const spr_span span = start();
    decorate(span);
    end(span);
}

void Workload::fill_ring() {
    const auto overwritten = [this] {
        spr_statistics statistics = SPR_STATISTICS_INIT;
        if (spr_provider_statistics(provider_, &statistics) != 0) abort();
        return statistics.dropped_overwritten;
    };
    const uint64_t before = overwritten();
    for (spr_span span; try_start(span);) {
        fill(span);
        truth_.ends_begun.fetch_add(1);
        const int error = spr_span_end(&span);
        truth_.ends_returned.fetch_add(1);
        if (error != 0 || overwritten() != before) return;
    }
}

void Workload::fill_ring_until_one_waits() {
    for (uint32_t i = 0; i < ring::kSlotsPerExtent + 8; ++i) start();
    const ring::SegmentView view = trace::Provider::of(provider_)->life()->segment.view();
    while (ring::StdAtomics::load(view.writer().waits, std::memory_order_relaxed) == 0) {
        const spr_span span = start();
        fill(span);
        end(span);
    }
}

spr_span Workload::start() {
    spr_span span;
    if (!try_start(span)) abort();
    return span;
}

spr_span Workload::start(const spr_start_options& options) {
    const size_t name_size = take_name();
    truth_.starts_begun.fetch_add(1);
    spr_span span;
    const int started = spr_span_start_with(tracer_, name_, name_size, &options, &span);
    if (started < 0) abort();
    if (started == 0)
        truth_.starts_begun.fetch_sub(1);
    else
        truth_.starts_returned.fetch_add(1);
    return span;
}

bool Workload::try_start(spr_span& ret_span, Size size) {
    const size_t known = take_name();
    const size_t name_size = size == Size::kKnown ? known : SPR_NUL;
    truth_.starts_begun.fetch_add(1);
    if (spr_span_start(tracer_, name_, name_size, &ret_span) != 1) {
        truth_.starts_begun.fetch_sub(1);
        return false;
    }
    truth_.starts_returned.fetch_add(1);
    return true;
}

bool Workload::has_kept_slot() const {
    const auto index = trace::Provider::of(provider_)->index();
    return trace::thread_local_state.states[index]->levels[0].writer.has_kept_slot();
}

void Workload::have_others_end(uint32_t count) {
    std::vector<spr_span> spans;
    for (uint32_t i = 0; i < count; ++i) spans.push_back(start());
    std::thread([&] {
        for (const spr_span& span : spans) end(span);
    }).join();
}

void Workload::think_of_name() {
    name_size_ = static_cast<size_t>(snprintf(name_, sizeof name_, "span-%d", number_++));
}

// Whoever is killed in the start leaves it to nobody.
size_t Workload::take_name() {
    if (name_size_ == 0) think_of_name();
    const size_t size = name_size_;
    name_size_ = 0;
    return size;
}

spr_tracer* Workload::tracer_of_none() {
    if (tracer_of_none_ != nullptr) return tracer_of_none_;
    spr_provider_options options = SPR_PROVIDER_OPTIONS_INIT;
    spr_provider* provider;
    if (spr_provider_open(&options, &provider) != 0) abort();
    if (spr_tracer_get(provider, "none", SPR_NUL, nullptr, 0, nullptr, 0, &tracer_of_none_) != 0) abort();
    if (spr_provider_shutdown(provider, 0) != 0) abort();
    return tracer_of_none_;
}

void Workload::decorate(const spr_span& span) {
    spr_span_set_string(&span, "http.request.method", SPR_NUL, "GET", SPR_NUL);
    spr_span_set_int64(&span, "http.response.status_code", SPR_NUL, 200);
    spr_span_set_string(&span, "http.request.method", SPR_NUL, "POST", SPR_NUL);
    spr_span_set_string(
        &span, "user_agent.original", SPR_NUL,
        "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0, and what else there is to say of it",
        SPR_NUL);
    spr_attribute attribute{};
    attribute.key = "exception.type";
    attribute.key_size = SPR_NUL;
    attribute.type = SPR_TYPE_INT64;
    attribute.value.int64 = 1;
    spr_event event{};
    event.name = "exception";
    event.name_size = SPR_NUL;
    event.attributes = &attribute;
    event.attribute_count = 1;
    spr_span_add_event(&span, &event);
    spr_link link{};
    link.context = span.context;
    spr_span_add_link(&span, &link);
    spr_span_set_status(&span, SPR_STATUS_ERROR, "refused", SPR_NUL);
    spr_span_set_status(&span, SPR_STATUS_ERROR, "refused again", SPR_NUL);
}

void Workload::fill(const spr_span& span) {
    for (int i = 0; i < 24; ++i) {
        char key[32];
        snprintf(key, sizeof key, "attribute.number.%d", i);
        spr_span_set_string(&span, key, SPR_NUL, "a value that is long enough to leave the slot's own data soon",
                            SPR_NUL);
    }
}

void Workload::enlarge(const spr_span& span) {
    for (const size_t size : {size_t{100} << 10, size_t{400} << 10}) {
        const std::string text(size, 'x');
        spr_span_set_string(&span, size < (200 << 10) ? "large" : "larger", SPR_NUL, text.data(), text.size());
    }
}

void Workload::end(const spr_span& span) {
    truth_.ends_begun.fetch_add(1);
    spr_span_end(&span);
    truth_.ends_returned.fetch_add(1);
}

}  // namespace spanring::test
