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
#include "otlp/sorted_runs.hpp"
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

// The message of runs of one producer and scope, as assemble() has it, without what is needed for several.
KafkaPayload encode_of_one(std::span<const Run> runs) {
    const Run& first = runs.front();
    const std::string &resource = first.producer->resource, &scope = first.scope->scope,
                      &schema_url = first.scope->schema_url;
    size_t spans = scope.size() + schema_url.size();
    for (const Run& run : runs) spans += run.bytes.size();
    const size_t inside = resource.size() + 1 + wire::varint_size(spans) + spans;
    KafkaPayload payload = take_memory(1 + wire::varint_size(inside) + inside);
    auto* at = reinterpret_cast<uint8_t*>(payload.bytes.get());
    const auto put = [&](const void* bytes, size_t size) {
        std::memcpy(at, bytes, size);
        at += size;
    };
    *at++ = wire::tag(1, wire::Type::kBytes);  // ExportTraceServiceRequest.resource_spans
    at = wire::put_varint(at, inside);
    put(resource.data(), resource.size());
    *at++ = wire::tag(2, wire::Type::kBytes);  // ResourceSpans.scope_spans
    at = wire::put_varint(at, spans);
    put(scope.data(), scope.size());
    put(schema_url.data(), schema_url.size());
    for (const Run& run : runs) put(run.bytes.data(), run.bytes.size());
    return payload;
}

bool are_of_one(std::span<const Run> runs) {
    return !runs.empty() && std::all_of(runs.begin(), runs.end(), [&](const Run& run) {
        return run.producer == runs.front().producer && run.scope == runs.front().scope;
    });
}

// Of one element of ScopeSpans.spans.
std::string_view trace_of(std::span<const uint8_t> element) {
    wire::Cursor span(wire::body_of({reinterpret_cast<const char*>(element.data()), element.size()}));
    for (wire::Field field; wire::next(span, field);) {
        if (field.tag() != wire::tags::bytes(1)) continue;
        return field.bytes.size() == kTraceId ? field.text() : std::string_view();
    }
    return {};
}

std::string hex(std::string_view bytes) {
    constexpr char kDigits[] = "0123456789abcdef";
    std::string text(2 * bytes.size(), '0');
    for (size_t i = 0; i < bytes.size(); ++i) {
        const auto byte = static_cast<uint8_t>(bytes[i]);
        text[2 * i] = kDigits[byte >> 4];
        text[2 * i + 1] = kDigits[byte & 15];
    }
    return text;
}

}  // namespace

std::vector<TraceRuns> runs_by_trace(std::span<const Run> runs) {
    std::vector<TraceRuns> traces;
    std::unordered_map<std::string_view, size_t> places;  // of ids in the runs' own memory
    size_t last = 0;
    for (const Run& run : runs) {
        wire::Cursor cursor(run.bytes);
        const uint8_t* begin = cursor.at;
        for (wire::Field span; wire::next(cursor, span); begin = cursor.at) {
            const std::span<const uint8_t> element(begin, cursor.at);
            const std::string_view trace = trace_of(element);
            if (traces.empty() || traces[last].trace != trace) {  // mostly it is that of the span before
                const auto [place, fresh] = places.try_emplace(trace, traces.size());
                if (fresh) traces.push_back({std::string(trace), {}});
                last = place->second;
            }
            append_span(traces[last].runs, run, element);
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
    if (whole == nullptr && !json_ && are_of_one(runs)) {
        message.payload = encode_of_one(runs);
        return keep(std::move(message), std::move(runs), std::move(key), most, messages);
    }
    const auto request_bytes = [&] { return whole != nullptr ? whole->bytes : assemble(runs).bytes; };
    if (!json_ && message.spans > 1 && request_bytes() > most) {  // told before a copy is made
        for (auto& part : split(runs, most)) add(std::move(part), key, nullptr, most, messages);
        return;
    }
    message.payload = whole != nullptr ? encode(*whole) : encode(assemble(runs));
    keep(std::move(message), std::move(runs), std::move(key), most, messages);
}

// Where it fits, else its parts.
void KafkaMessages::keep(KafkaMessage message, std::vector<Run> runs, std::string key, size_t most,
                         std::vector<KafkaMessage>& messages) const {
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
