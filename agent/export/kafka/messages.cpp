// SPDX-License-Identifier: Apache-2.0
#include "export/kafka/messages.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <numeric>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "otlp/json.hpp"
#include "otlp/wire.hpp"

namespace spanring::agent {

namespace {

constexpr size_t kTraceId = 16;

KafkaPayload take_memory(size_t size) {
    KafkaPayload payload;
    payload.bytes.reset(static_cast<char*>(std::malloc(std::max(size, size_t{1}))));
    if (payload.bytes == nullptr) throw std::bad_alloc();
    payload.size = size;
    return payload;
}

uint64_t spans_of(std::span<const Run> runs) {
    return std::accumulate(runs.begin(), runs.end(), uint64_t{0},
                           [](uint64_t spans, const Run& run) { return spans + run.spans; });
}

// Of one element of ScopeSpans.spans.
std::string_view trace_of(std::span<const uint8_t> element) {
    std::string_view trace;
    wire::each_field(wire::body_of({reinterpret_cast<const char*>(element.data()), element.size()}),
                     [&](const wire::Field& field) {
                         if (field.tag() == wire::tags::bytes(1)) trace = field.text();  // the last one counts
                     });
    return trace.size() == kTraceId ? trace : std::string_view();
}

std::string hex(std::string_view bytes) {
    constexpr char kDigits[] = "0123456789abcdef";
    std::string text;
    text.reserve(2 * bytes.size());
    for (const char c : bytes) {
        const auto byte = static_cast<uint8_t>(c);
        text += kDigits[byte >> 4];
        text += kDigits[byte & 15];
    }
    return text;
}

// Spans that follow each other stay one run.
void append(std::vector<Run>& runs, const Run& of, std::span<const uint8_t> span) {
    if (!runs.empty()) {
        Run& last = runs.back();
        if (last.producer == of.producer && last.scope == of.scope &&
            last.bytes.data() + last.bytes.size() == span.data()) {
            last.bytes = {last.bytes.data(), last.bytes.size() + span.size()};
            ++last.spans;
            return;
        }
    }
    runs.push_back({of.producer, of.scope, span, 1});
}

}  // namespace

std::vector<TraceRuns> runs_by_trace(std::span<const Run> runs) {
    std::vector<TraceRuns> traces;
    std::unordered_map<std::string_view, size_t> places;  // of ids in the runs' own memory
    for (const Run& run : runs) {
        wire::Cursor cursor(run.bytes);
        const uint8_t* begin = cursor.at;
        for (wire::Field span; wire::next(cursor, span); begin = cursor.at) {
            const std::span<const uint8_t> element(begin, cursor.at);
            const std::string_view trace = trace_of(element);
            const auto [place, fresh] = places.try_emplace(trace, traces.size());
            if (fresh) traces.push_back({std::string(trace), {}});
            append(traces[place->second].runs, run, element);
        }
    }
    return traces;
}

std::vector<KafkaMessage> KafkaMessages::of(std::span<const Run> runs, const Request& whole, size_t most) const {
    std::vector<KafkaMessage> messages;
    if (by_trace_ && !runs.empty()) {
        for (TraceRuns& trace : runs_by_trace(runs))
            add(std::move(trace.runs), hex(trace.trace), nullptr, most, messages);
    } else {
        add({runs.begin(), runs.end()}, {}, &whole, most, messages);
    }
    return messages;
}

std::vector<KafkaMessage> KafkaMessages::again(std::vector<Run> runs, std::string key, size_t most) const {
    std::vector<KafkaMessage> messages;
    add(std::move(runs), std::move(key), nullptr, most, messages);
    return messages;
}

// In at least two, or as it is where it has one span.
std::vector<KafkaMessage> KafkaMessages::divide(KafkaMessage message, size_t most) const {
    std::vector<KafkaMessage> messages;
    if (message.spans > 1) {
        const size_t bytes = assemble(message.runs).bytes;
        // At least in two, and so much smaller than before as the message is too large.
        const size_t part = std::min(bytes / 2, bytes * most / std::max(message.payload.size, size_t{1}));
        for (auto& runs : split(message.runs, std::max(part, size_t{1})))
            add(std::move(runs), message.key, nullptr, most, messages);
    } else {
        messages.push_back(std::move(message));
    }
    return messages;
}

void KafkaMessages::add(std::vector<Run> runs, std::string key, const Request* whole, size_t most,
                        std::vector<KafkaMessage>& messages) const {
    KafkaMessage message;
    message.spans = spans_of(runs);
    const auto request_bytes = [&] { return whole != nullptr ? whole->bytes : assemble(runs).bytes; };
    if (!json_ && message.spans > 1 && request_bytes() > most) {  // told before a copy is made
        for (auto& part : split(runs, most)) add(std::move(part), key, nullptr, most, messages);
        return;
    }
    message.payload = whole != nullptr ? encode(*whole) : encode(assemble(runs));
    message.runs = std::move(runs);
    message.key = std::move(key);
    if (message.payload.size <= most || message.spans <= 1) return messages.push_back(std::move(message));
    for (KafkaMessage& part : divide(std::move(message), most)) messages.push_back(std::move(part));
}

KafkaPayload KafkaMessages::encode(const Request& request) const {
    if (json_) {
        const std::string bytes = flatten(request);
        const std::string text = otlp_json_of_request({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
        KafkaPayload payload = take_memory(text.size());
        std::memcpy(payload.bytes.get(), text.data(), text.size());
        return payload;
    }
    KafkaPayload payload = take_memory(request.bytes);
    char* at = payload.bytes.get();
    for (const auto slice : request.slices) {
        std::memcpy(at, slice.data(), slice.size());
        at += slice.size();
    }
    return payload;
}

}  // namespace spanring::agent
