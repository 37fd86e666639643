// SPDX-License-Identifier: Apache-2.0
//
// Any structs of attributes, events, links and options, through every function of a span: what comes out the agent's
// validator must accept, and protobuf's parser with no unknown field; and the statistics must come out.
#include <fuzzer/FuzzedDataProvider.h>
#include <unistd.h>

#include <cstring>
#include <deque>
#include <string>
#include <vector>

#include "demand.hpp"
#include "otlp.pb.h"
#include "otlp/span_validator.hpp"
#include "ring/chunk_reader.hpp"
#include "spanring/spanring.h"
#include "support/extents.hpp"
#include "support/known_fields.hpp"
#include "support/private_directory.hpp"
#include "trace/process/provider.hpp"

using namespace spanring;

namespace {

// What the structs point to; kept until the input is used up.
class Caller {
public:
    explicit Caller(FuzzedDataProvider& input) : input_(input) {}

    const char* text(size_t& ret_size) {
        switch (input_.ConsumeIntegralInRange(0, 7)) {
            case 0: ret_size = input_.ConsumeBool() ? SPR_NUL : 7; return nullptr;
            case 1: {  // a long one
                texts_.emplace_back(input_.ConsumeIntegralInRange<size_t>(0, 70000), 'x');
                break;
            }
            default: texts_.push_back(input_.ConsumeRandomLengthString(40));
        }
        ret_size = input_.ConsumeBool() ? SPR_NUL : texts_.back().size();
        return texts_.back().c_str();
    }
    uint32_t value(spr_any& ret, int depth) {
        memset(&ret, 0, sizeof ret);
        const uint32_t type = input_.ConsumeIntegralInRange<uint32_t>(0, 10);
        switch (type) {
            case SPR_TYPE_STRING: ret.string.data = text(ret.string.size); break;
            case SPR_TYPE_BYTES:
                ret.bytes.data = text(ret.bytes.size);
                if (ret.bytes.size == SPR_NUL) ret.bytes.size = 0;
                break;
            case SPR_TYPE_ARRAY: {
                ret.array.count = count(depth);
                if (input_.ConsumeBool() && ret.array.count != 0) {
                    auto& list = values_.emplace_back(ret.array.count);
                    for (spr_value& one : list) one = {value(one.value, depth + 1), 0, one.value};
                    ret.array.values = list.data();
                }
                break;
            }
            case SPR_TYPE_KEY_VALUES: ret.key_values.pairs = attributes(ret.key_values.count, depth + 1); break;
            case 8: return SPR_TYPE_EMPTY;
            case 9: ret.int64 = input_.ConsumeIntegral<int64_t>(); return SPR_TYPE_UINT64;
            case 10: return input_.ConsumeIntegral<uint32_t>();  // mostly none; of a list then without elements
            default: ret.int64 = input_.ConsumeIntegral<int64_t>();
        }
        return type;
    }
    const spr_attribute* attributes(size_t& ret_count, int depth = 0) {
        ret_count = count(depth);
        if (ret_count == 0 || input_.ConsumeIntegralInRange(0, 20) == 0) return nullptr;
        auto& list = attributes_.emplace_back(ret_count);
        for (spr_attribute& one : list) {
            if (input_.ConsumeBool()) {  // few keys, so that they meet again
                keys_.emplace_back(1, static_cast<char>('a' + input_.ConsumeIntegralInRange(0, 5)));
                one.key = keys_.back().c_str();
                one.key_size = SPR_NUL;
            } else {
                one.key = text(one.key_size);
            }
            one.reserved = 0;
            one.type = value(one.value, depth);
        }
        return list.data();
    }
    spr_context context() {
        spr_context result = {};
        const std::string bytes = input_.ConsumeBytesAsString(sizeof result);
        memcpy(&result, bytes.data(), bytes.size());
        return result;
    }
    spr_event event() {
        spr_event result = {};
        result.name = text(result.name_size);
        result.time_ns = input_.ConsumeIntegral<uint64_t>();
        result.attributes = attributes(result.attribute_count);
        result.dropped_attributes = input_.ConsumeIntegral<uint32_t>();
        return result;
    }
    spr_link link() {
        spr_link result = {};
        result.context = context();
        result.trace_state = text(result.trace_state_size);
        result.attributes = attributes(result.attribute_count);
        result.dropped_attributes = input_.ConsumeIntegral<uint32_t>();
        return result;
    }
    template <class Made>
    const Made* list(size_t& ret_count, std::deque<std::vector<Made>>& kept, Made (Caller::*make)()) {
        ret_count = count(0);
        if (ret_count == 0 || input_.ConsumeIntegralInRange(0, 20) == 0) return nullptr;
        auto& made = kept.emplace_back();
        for (size_t i = 0; i < ret_count; ++i) made.push_back((this->*make)());
        return made.data();
    }
    const spr_event* events(size_t& ret_count) { return list(ret_count, events_, &Caller::event); }
    const spr_link* links(size_t& ret_count) { return list(ret_count, links_, &Caller::link); }

private:
    size_t count(int depth) {
        return depth > 20 || input_.remaining_bytes() == 0 ? 0 : input_.ConsumeIntegralInRange<size_t>(0, 4);
    }

    FuzzedDataProvider& input_;
    std::deque<std::string> texts_, keys_;
    std::deque<std::vector<spr_value>> values_;
    std::deque<std::vector<spr_attribute>> attributes_;
    std::deque<std::vector<spr_event>> events_;
    std::deque<std::vector<spr_link>> links_;
};

spr_provider* g_provider;
spr_tracer* g_tracer;

void open_provider() {
    static const spanring::test::PrivateDirectory directory;
    spr_provider_options options = SPR_PROVIDER_OPTIONS_INIT;
    options.event_count_limit = options.attribute_count_limit = 3;
    options.attribute_value_length_limit = 30;
    demand(spr_provider_open(&options, &g_provider) == 0, "the provider opens");
    demand(spr_tracer_get(g_provider, "fuzz", SPR_NUL, nullptr, 0, nullptr, 0, &g_tracer) == 0, "there is a tracer");
}

void check_span(const uint8_t* bytes, size_t size) {
    std::vector<uint8_t> span(bytes, bytes + size);
    demand(agent::validate_span(span).defect == agent::SpanDefect::kNone, "the validator accepts the span");
    otlp::Span parsed;
    demand(test::parse_strictly(span.data(), span.size(), parsed), "protobuf parses it, with no unknown field");
    demand(parsed.end_time_unix_nano() >= parsed.start_time_unix_nano(), "it does not end before it starts");
    demand(parsed.attributes_size() <= 3 && parsed.events_size() <= 3, "limits hold");
}

// Every span of every chunk; what is full is given back.
void check_segment() {
    const ring::SegmentView segment = trace::Provider::of(g_provider)->life()->segment.view();
    const ring::ExtentMap extents = test::extents_of(segment);
    extents.each_chunk([&](uint32_t chunk) {
        const ring::ChunkWord word = ring::ChunkReader<>::committed(segment.chunk_line(chunk));
        if (word.state == ring::ChunkState::kFree) return;
        const uint8_t* const begin = segment.chunk_bytes(chunk, extents.chunk_capacity(chunk));
        for (const uint8_t* at = begin; at < begin + word.length;) {
            if (*at == ring::kControlRecord) {
                at += ring::kScopeRecordSize;
                continue;
            }
            demand(*at++ == ring::kSpanRecord, "a record is a span or a scope");
            size_t size = 0;
            for (int shift = 0;; shift += 7) {
                size |= static_cast<size_t>(*at & 0x7f) << shift;
                if ((*at++ & 0x80) == 0) break;
            }
            check_span(at, size);
            at += size;
        }
        if (word.state == ring::ChunkState::kFull) ring::ChunkReader<>::release(segment, chunk, word.generation);
    });
}

void make_whole(FuzzedDataProvider& input, Caller& caller) {
    spr_whole_span whole = SPR_WHOLE_SPAN_INIT;
    const spr_context own = caller.context(), parent = caller.context();
    whole.kind = input.ConsumeIntegralInRange<uint8_t>(0, 6);
    whole.status = input.ConsumeIntegralInRange<uint8_t>(0, 3);
    if (input.ConsumeBool()) whole.context = &own;
    if (input.ConsumeBool()) whole.parent = &parent;
    whole.name = caller.text(whole.name_size);
    whole.start_time_ns = input.ConsumeIntegral<uint64_t>();
    whole.end_time_ns = input.ConsumeIntegral<uint64_t>();
    whole.status_message = caller.text(whole.status_message_size);
    whole.trace_state = caller.text(whole.trace_state_size);
    whole.attributes = caller.attributes(whole.attribute_count);
    whole.events = caller.events(whole.event_count);
    whole.links = caller.links(whole.link_count);
    whole.dropped_attributes = input.ConsumeIntegral<uint32_t>();
    whole.dropped_events = input.ConsumeIntegral<uint32_t>();
    whole.dropped_links = input.ConsumeIntegral<uint32_t>();
    spr_span_record(g_tracer, &whole, nullptr);
}

void make_steps(FuzzedDataProvider& input, Caller& caller) {
    spr_start_options start = SPR_START_OPTIONS_INIT;
    const spr_context parent = caller.context();
    start.kind = input.ConsumeIntegralInRange<uint8_t>(0, 6);
    start.parent_mode = input.ConsumeIntegralInRange<uint8_t>(0, 3);
    start.parent = &parent;
    start.start_time_ns = input.ConsumeIntegral<uint64_t>();
    start.attributes = caller.attributes(start.attribute_count);
    start.links = caller.links(start.link_count);
    start.trace_state = caller.text(start.trace_state_size);
    size_t size = 0, other_size = 0;
    const char* const name = caller.text(size);
    spr_span span;
    spr_span_start_with(g_tracer, name, size, &start, &span);
    for (int steps = input.ConsumeIntegralInRange(0, 8); steps > 0; --steps) {
        const char* const text = caller.text(size);
        switch (input.ConsumeIntegralInRange(0, 8)) {
            case 0: {
                const char* const value = caller.text(other_size);
                spr_span_set_string(&span, text, size, value, other_size);
                break;
            }
            case 1: spr_span_set_int64(&span, text, size, input.ConsumeIntegral<int64_t>()); break;
            case 2: spr_span_set_double(&span, text, size, input.ConsumeFloatingPoint<double>()); break;
            case 3: {
                const spr_event event = caller.event();
                spr_span_add_event(&span, &event);
                break;
            }
            case 4: {
                const spr_link link = caller.link();
                spr_span_add_link(&span, &link);
                break;
            }
            case 5: {
                spr_exception exception = SPR_EXCEPTION_INIT;
                exception.type = text;
                exception.type_size = size;
                exception.message = caller.text(exception.message_size);
                exception.stacktrace = caller.text(exception.stacktrace_size);
                exception.attributes = caller.attributes(exception.attribute_count);
                spr_span_record_exception(&span, &exception);
                break;
            }
            case 6: spr_span_set_status(&span, input.ConsumeIntegralInRange(-1, 3), text, size); break;
            case 7: spr_span_set_name(&span, text, size); break;
            case 8: spr_span_end(&span); break;
        }
    }
    spr_end_options end = SPR_END_OPTIONS_INIT;
    end.status = input.ConsumeIntegralInRange<uint8_t>(0, 3);
    end.end_time_ns = input.ConsumeIntegral<uint64_t>();
    end.name = caller.text(end.name_size);
    end.status_message = caller.text(end.status_message_size);
    end.attributes = caller.attributes(end.attribute_count);
    end.events = caller.events(end.event_count);
    if (spr_span_end_with(&span, &end) == -EINVAL) spr_span_end(&span);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (g_provider == nullptr) open_provider();
    FuzzedDataProvider input(data, size);
    Caller caller(input);
    if (input.ConsumeBool())
        make_whole(input, caller);
    else
        make_steps(input, caller);
    if (trace::Provider::of(g_provider)->life() == nullptr) return 0;
    check_segment();
    spr_statistics statistics = SPR_STATISTICS_INIT;
    demand(spr_provider_statistics(g_provider, &statistics) == 0, "there are statistics");
    demand(statistics.started == statistics.ended, "what started has ended");
    demand(statistics.dropped_full == 0 && statistics.dropped_too_big == 0, "and is in the ring");
    return 0;
}
