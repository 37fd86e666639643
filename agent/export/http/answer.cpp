// SPDX-License-Identifier: Apache-2.0
#include "export/http/answer.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <charconv>
#include <string>

#include "base/foreign_text.hpp"
#include "base/text.hpp"
#include "otlp/wire.hpp"

namespace spanring::agent {

namespace {

bool is_protobuf(std::string_view content_type) {
    constexpr std::string_view kType = "application/x-protobuf";
    return lower(content_type.substr(0, kType.size())) == kType;
}

// What the body of an error says: google.rpc.Status.message, or the beginning of whatever it holds instead.
std::string said(const HttpResponse& response) {
    if (is_protobuf(response.content_type)) {
        std::string message;
        wire::each_field(response.body, [&](const wire::Field& field) {
            if (field.tag() == wire::tags::bytes(2)) message = foreign(field.text());
        });
        return message;
    }
    return foreign({reinterpret_cast<const char*>(response.body.data()), response.body.size()});
}

// opentelemetry-proto, docs/specification.md, "Retryable Response Codes": everything else must not be tried again.
bool may_retry(long code) { return code == 429 || code == 502 || code == 503 || code == 504; }

}  // namespace

std::optional<std::chrono::nanoseconds> retry_after(std::string_view value, std::chrono::system_clock::time_point now) {
    constexpr int64_t kMost = std::chrono::seconds(kLongestDelay).count();
    int64_t seconds = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), seconds);
    if (error == std::errc::result_out_of_range && value.front() != '-') {
        seconds = kMost;
    } else if (error != std::errc{} || end != value.data() + value.size()) {
        const time_t date = ::curl_getdate(std::string(value).c_str(), nullptr);
        if (date == -1) return std::nullopt;
        seconds = date - std::chrono::system_clock::to_time_t(now);
    }
    if (seconds <= 0) return std::nullopt;
    return std::chrono::seconds(std::min(seconds, kMost));
}

Answer judge(const HttpResponse& response) {
    if (response.code >= 200 && response.code < 300) {
        return accepted(is_protobuf(response.content_type) ? response.body : std::span<const uint8_t>());
    }
    Answer answer;
    answer.verdict = may_retry(response.code) ? Verdict::kRetry : Verdict::kRejected;
    if (answer.verdict == Verdict::kRetry) {
        answer.delay = retry_after(response.retry_after, std::chrono::system_clock::now());
    }
    answer.message = "HTTP " + std::to_string(response.code);
    if (!response.location.empty()) {
        answer.message += ", which points to " + foreign(response.location) + "; redirections are not followed";
    }
    if (const std::string text = said(response); !text.empty()) answer.message += ": " + text;
    return answer;
}

}  // namespace spanring::agent
