// SPDX-License-Identifier: Apache-2.0
#include "export/grpc/answer.hpp"

#include <algorithm>
#include <iterator>
#include <string>

#include <grpcpp/support/status.h>

#include "base/foreign_text.hpp"
#include "base/text.hpp"
#include "otlp/wire.hpp"

namespace spanring::agent {

namespace {

using namespace wire::tags;
using wire::each_field;
using wire::Field;
using Bytes = std::span<const uint8_t>;

// google.protobuf.Duration
std::chrono::nanoseconds duration(Bytes body) {
    constexpr int64_t kMost = std::chrono::seconds(kLongestDelay).count();
    int64_t seconds = 0, nanos = 0;
    each_field(body, [&](const Field& field) {
        if (field.tag() == varint(1)) seconds = static_cast<int64_t>(field.value);
        if (field.tag() == varint(2)) nanos = static_cast<int64_t>(field.value);
    });
    seconds = std::clamp<int64_t>(seconds, 0, kMost);
    nanos = std::clamp<int64_t>(nanos, 0, 999'999'999);
    return std::chrono::seconds(seconds) + std::chrono::nanoseconds(nanos);
}

const char* code_name(grpc::StatusCode code) {
    static constexpr const char* kNames[] = {
        "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
        "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
        "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
        "DATA_LOSS", "UNAUTHENTICATED"};
    const auto index = static_cast<size_t>(code);
    return index < std::size(kNames) ? kNames[index] : "a code that gRPC does not have";
}

// opentelemetry-proto, docs/specification.md, "Failures": everything not listed must not be tried again.
bool may_retry(grpc::StatusCode code, bool retry_info, bool ours) {
    switch (code) {
        case grpc::StatusCode::CANCELLED:
        case grpc::StatusCode::DEADLINE_EXCEEDED:
        case grpc::StatusCode::ABORTED:
        case grpc::StatusCode::OUT_OF_RANGE:
        case grpc::StatusCode::UNAVAILABLE:
        case grpc::StatusCode::DATA_LOSS: return true;
        case grpc::StatusCode::RESOURCE_EXHAUSTED: return retry_info || ours;
        default: return false;
    }
}

// The library's own word for a peer that sent more than the channel's quota of memory: what it answers is not known.
bool buffers_full(const grpc::Status& status) { return status.error_message() == "Buffers full"; }

// There is no code for a request that is too large, only what the libraries write: gRPC for C++, Go, Python and others,
// Java, .NET; Rust's, with a code of its own.
bool says_too_large(const grpc::Status& status) {
    const std::string text = lower(status.error_message());
    const auto has = [&](std::string_view part) { return text.find(part) != std::string::npos; };
    switch (status.error_code()) {
        case grpc::StatusCode::RESOURCE_EXHAUSTED:
            // Of an answer that is too large our own side says the same, with our own limit.
            if (has(" vs. " + std::to_string(kMostAnswer) + ")")) return false;
            return has("larger than max") || has("too large") || (has("exceeds") && has("maximum") && has("size"));
        case grpc::StatusCode::OUT_OF_RANGE: return has("message length too large");
        default: return false;
    }
}

}  // namespace

std::optional<std::chrono::nanoseconds> retry_delay(std::string_view details) {
    std::optional<std::chrono::nanoseconds> delay;
    each_field({reinterpret_cast<const uint8_t*>(details.data()), details.size()}, [&](const Field& detail) {
        if (detail.tag() != bytes(3)) return;
        std::string_view type;
        Bytes value;
        each_field(detail.bytes, [&](const Field& field) {  // google.protobuf.Any
            if (field.tag() == bytes(1)) type = field.text();
            if (field.tag() == bytes(2)) value = field.bytes;
        });
        if (!type.ends_with("/google.rpc.RetryInfo")) return;
        delay = std::chrono::nanoseconds(0);
        each_field(value, [&](const Field& field) {
            if (field.tag() == bytes(1)) delay = duration(field.bytes);
        });
    });
    return delay;
}

Answer judge(const grpc::Status& status, Bytes response) {
    if (status.ok()) {
        if (std::optional<Answer> answer = accepted(response)) return *std::move(answer);
        // As gRPC's own stubs have it; and that code must not be tried again.
        return judge({grpc::StatusCode::INTERNAL, "the answer is not an ExportTraceServiceResponse"}, {});
    }
    Answer answer;
    answer.delay = retry_delay(status.error_details());
    answer.verdict = may_retry(status.error_code(), answer.delay.has_value(), buffers_full(status))
                         ? Verdict::kRetry
                         : Verdict::kRejected;
    answer.too_large = !answer.delay && says_too_large(status);
    answer.unauthorized = status.error_code() == grpc::StatusCode::UNAUTHENTICATED;
    if (answer.too_large) answer.verdict = Verdict::kRejected;
    answer.message = std::string(code_name(status.error_code())) + ": " + foreign(status.error_message());
    if (buffers_full(status)) answer.message += " with what it sends, which is more than an answer";
    return answer;
}

}  // namespace spanring::agent
