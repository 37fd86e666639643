// SPDX-License-Identifier: Apache-2.0
//
// A span that was measured elsewhere: started and ended in one call. A kill in its middle leaves an unfinished span
// with what was copied until then.
#include <errno.h>

#include "trace/base/options.hpp"
#include "trace/propagation/context.hpp"
#include "trace/span/whole_span.hpp"

using namespace spanring::trace;

namespace {

bool is_complete(const spr_whole_span& span) {
    return span.kind <= SPR_KIND_CONSUMER && span.status <= SPR_STATUS_ERROR &&
           (span.attribute_count == 0 || span.attributes != nullptr) &&
           (span.event_count == 0 || span.events != nullptr) && (span.link_count == 0 || span.links != nullptr) &&
           (span.context == nullptr || is_valid(*span.context));
}

}  // namespace

extern "C" {

int spr_span_record(spr_tracer* tracer, const spr_whole_span* span, spr_context* ret_context) noexcept {
    spr_whole_span space;
    int error = 0;
    const spr_whole_span* known = known_options(span, space, error);
    if (tracer == nullptr || span == nullptr) return -EINVAL;
    if (known == nullptr) return error;
    if (!is_complete(*known)) return -EINVAL;

    ChosenStart start;
    static_cast<spr_start_options&>(start) = SPR_START_OPTIONS_INIT;
    start.whole = true;
    start.kind = known->kind;
    start.parent_mode = SPR_PARENT_EXPLICIT;
    start.parent = known->parent;
    start.start_time_ns = known->start_time_ns;
    start.attributes = known->attributes;
    start.attribute_count = known->attribute_count;
    start.links = known->links;
    start.link_count = known->link_count;
    start.trace_state = known->trace_state;
    start.trace_state_size = known->trace_state_size;
    start.context = known->context;
    if (known->context != nullptr)  // it was decided where the span was measured
        start.sampling =
            (known->context->trace_flags & SPR_TRACE_FLAG_SAMPLED) != 0 ? SPR_SAMPLING_RECORD : SPR_SAMPLING_DROP;
    spr_span handle;
    const int started = start_whole(tracer, known->name, known->name_size, start, &handle);
    if (ret_context != nullptr) *ret_context = handle.context;
    OpenSpan open;
    if (started != 1 || !OpenSpan::find(&handle, open)) return started == 1 ? -ESHUTDOWN : started;

    spr_end_options end = SPR_END_OPTIONS_INIT;
    end.status = known->status;
    end.end_time_ns = known->end_time_ns;
    end.status_message = known->status_message;
    end.status_message_size = known->status_message_size;
    end.events = known->events;
    end.event_count = known->event_count;
    open.add_dropped(known->dropped_attributes, known->dropped_events, known->dropped_links);
    const int ended = end_whole(open, end);
    return ended == 0 ? 1 : ended;
}

}  // extern "C"
