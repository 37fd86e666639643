// SPDX-License-Identifier: Apache-2.0
#include "export/answer.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <charconv>

#include "otlp/wire.hpp"

namespace spanring::agent {

namespace {

using wire::Field;
using Bytes = std::span<const uint8_t>;

constexpr int64_t kLongestDelay = 24 * 3600;  // seconds: what a server may ask for without being taken for broken

constexpr uint32_t varint(uint32_t field) { return wire::tag(field, wire::Type::kVarint); }
constexpr uint32_t bytes(uint32_t field) { return wire::tag(field, wire::Type::kBytes); }

template <class Take>
void each_field(Bytes body, Take take) {
    wire::Cursor cursor(body);
    Field field;
    while (wire::next(cursor, field)) take(wire::tag(field.number, field.type), field);
}

std::string_view text(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

// google.protobuf.Duration
std::chrono::nanoseconds duration(Bytes body) {
    int64_t seconds = 0, nanos = 0;
    each_field(body, [&](uint32_t tag, const Field& field) {
        if (tag == varint(1)) seconds = static_cast<int64_t>(field.value);
        if (tag == varint(2)) nanos = static_cast<int64_t>(field.value);
    });
    seconds = std::clamp<int64_t>(seconds, 0, kLongestDelay);
    nanos = std::clamp<int64_t>(nanos, 0, 999'999'999);
    return std::chrono::seconds(seconds) + std::chrono::nanoseconds(nanos);
}

const char* code_name(grpc::StatusCode code) {
    static constexpr const char* kNames[] = {
        "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
        "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
        "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"};
    const auto index = static_cast<size_t>(code);
    return index < std::size(kNames) ? kNames[index] : "a code that gRPC does not have";
}

// opentelemetry-proto, docs/specification.md, "Failures": everything not listed must not be tried again.
bool may_retry(grpc::StatusCode code, bool retry_info) {
    switch (code) {
        case grpc::StatusCode::CANCELLED:
        case grpc::StatusCode::DEADLINE_EXCEEDED:
        case grpc::StatusCode::ABORTED:
        case grpc::StatusCode::OUT_OF_RANGE:
        case grpc::StatusCode::UNAVAILABLE:
        case grpc::StatusCode::DATA_LOSS: return true;
        case grpc::StatusCode::RESOURCE_EXHAUSTED: return retry_info;
        default: return false;
    }
}

Answer accepted(Bytes response) {
    Answer answer;
    answer.verdict = Verdict::kAccepted;
    each_field(response, [&](uint32_t tag, const Field& partial_success) {
        if (tag != bytes(1)) return;
        each_field(partial_success.bytes, [&](uint32_t inner, const Field& field) {
            const auto count = static_cast<int64_t>(field.value);
            if (inner == varint(1)) answer.rejected = count > 0 ? static_cast<uint64_t>(count) : 0;
            if (inner == bytes(2)) answer.message = text(field.bytes);
        });
    });
    return answer;
}

constexpr size_t kLongestText = 200;  // of a body that is no protobuf

bool is_protobuf(std::string_view content_type) {
    constexpr std::string_view kType = "application/x-protobuf";
    const auto same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b; };
    return content_type.size() >= kType.size() &&
           std::equal(kType.begin(), kType.end(), content_type.begin(), [&](char b, char a) { return same(a, b); });
}

// What the body of an error says: google.rpc.Status.message, or the beginning of what stands there instead.
std::string said(const HttpResponse& response) {
    std::string message;
    if (is_protobuf(response.content_type)) {
        each_field(response.body, [&](uint32_t tag, const Field& field) {
            if (tag == bytes(2)) message = text(field.bytes);
        });
        return message;
    }
    for (const char c : text(response.body.first(std::min(response.body.size(), kLongestText)))) {
        message += c >= ' ' && c <= '~' ? c : ' ';
    }
    while (message.ends_with(' ')) message.pop_back();
    return message;
}

// opentelemetry-proto, docs/specification.md, "Retryable Response Codes": everything else must not be tried again.
bool may_retry(long http_code) {
    return http_code == 429 || http_code == 502 || http_code == 503 || http_code == 504;
}

}  // namespace

std::optional<std::chrono::nanoseconds> retry_after(std::string_view value, std::chrono::system_clock::time_point now) {
    int64_t seconds = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), seconds);
    if (error == std::errc::result_out_of_range && value.front() != '-') {
        seconds = kLongestDelay;
    } else if (error != std::errc{} || end != value.data() + value.size()) {
        const time_t date = ::curl_getdate(std::string(value).c_str(), nullptr);
        if (date == -1) return std::nullopt;
        seconds = date - std::chrono::system_clock::to_time_t(now);
    }
    if (seconds <= 0) return std::nullopt;
    return std::chrono::seconds(std::min(seconds, kLongestDelay));
}

Answer judge(const HttpResponse& response) {
    if (response.code >= 200 && response.code < 300) {
        return accepted(is_protobuf(response.content_type) ? response.body : Bytes{});
    }
    Answer answer;
    answer.verdict = may_retry(response.code) ? Verdict::kRetry : Verdict::kRefused;
    if (answer.verdict == Verdict::kRetry) {
        answer.delay = retry_after(response.retry_after, std::chrono::system_clock::now());
    }
    answer.message = "HTTP " + std::to_string(response.code);
    if (!response.location.empty()) {
        answer.message += ", which points to " + std::string(response.location) + "; redirections are not followed";
    }
    if (const std::string text = said(response); !text.empty()) answer.message += ": " + text;
    return answer;
}

std::optional<std::chrono::nanoseconds> retry_delay(std::string_view details) {
    std::optional<std::chrono::nanoseconds> delay;
    const Bytes status(reinterpret_cast<const uint8_t*>(details.data()), details.size());
    each_field(status, [&](uint32_t tag, const Field& detail) {
        if (tag != bytes(3)) return;
        std::string_view type;
        Bytes value;
        each_field(detail.bytes, [&](uint32_t inner, const Field& field) {  // google.protobuf.Any
            if (inner == bytes(1)) type = text(field.bytes);
            if (inner == bytes(2)) value = field.bytes;
        });
        if (!type.ends_with("/google.rpc.RetryInfo")) return;
        delay = std::chrono::nanoseconds(0);
        each_field(value, [&](uint32_t inner, const Field& field) {
            if (inner == bytes(1)) delay = duration(field.bytes);
        });
    });
    return delay;
}

Answer judge(const grpc::Status& status, Bytes response) {
    if (status.ok()) return accepted(response);
    Answer answer;
    answer.delay = retry_delay(status.error_details());
    answer.verdict = may_retry(status.error_code(), answer.delay.has_value()) ? Verdict::kRetry : Verdict::kRefused;
    answer.message = std::string(code_name(status.error_code())) + ": " + status.error_message();
    return answer;
}

}  // namespace spanring::agent
