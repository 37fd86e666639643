// SPDX-License-Identifier: Apache-2.0
#include "export/http/answer.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <charconv>
#include <string>

#include <nlohmann/json.hpp>

#include "base/foreign_text.hpp"
#include "base/quantity.hpp"
#include "base/text.hpp"
#include "otlp/wire.hpp"

namespace spanring::agent {

namespace {

bool is_type(std::string_view content_type, std::string_view type) {
    return lower(content_type.substr(0, content_type.find_first_of("; \t"))) == type;
}

bool is_protobuf(std::string_view content_type) { return is_type(content_type, "application/x-protobuf"); }

std::string_view text_of(std::span<const uint8_t> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// OTLP's JSON, of a receiver that does not answer in the encoding of the request. Nothing: it is not JSON.
std::optional<Answer> accepted_in_json(std::span<const uint8_t> body) {
    const auto response = nlohmann::json::parse(text_of(body), nullptr, false);
    if (!response.is_object()) return std::nullopt;
    Answer answer;
    answer.verdict = Verdict::kAccepted;
    const auto partial = response.find("partialSuccess");
    if (partial == response.end() || !partial->is_object()) return answer;
    for (const auto& [key, value] : partial->items()) {
        if (key == "errorMessage" && value.is_string()) answer.message = foreign(value.get_ref<const std::string&>());
        if (key != "rejectedSpans" && key != "rejectedLogRecords" && key != "rejectedDataPoints") continue;
        if (value.is_number_unsigned()) answer.rejected = value.get<uint64_t>();
        if (value.is_string()) {  // as protobuf's mapping has 64-bit numbers
            answer.rejected = parse_unsigned(value.get_ref<const std::string&>()).value_or(0);
        }
    }
    return answer;
}

// Of a 2xx. Nothing: it is not the answer of an OTLP receiver.
std::optional<Answer> taken(const HttpResponse& response) {
    const std::string_view type = response.content_type;
    const bool json = is_type(type, "application/json");
    if (response.body.empty() && response.end == HttpResponse::End::kWhole) return accepted(response.body);
    if (!json && !is_protobuf(type) && !type.empty()) return std::nullopt;
    // Once the status has arrived, a connection that breaks does not cause the request to be sent again.
    if (response.end == HttpResponse::End::kBrokenOff) return accepted(std::span<const uint8_t>());
    return json ? accepted_in_json(response.body) : accepted(response.body);
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
    return foreign(text_of(response.body));
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
    const bool success = response.code >= 200 && response.code < 300;
    const bool too_long = response.end == HttpResponse::End::kTooLong;
    Answer answer;
    answer.message = "HTTP " + std::to_string(response.code);
    if (success && !too_long) {
        if (std::optional<Answer> answer = taken(response)) return *std::move(answer);
        answer.message += ", but not from an OTLP receiver: ";
        answer.message += response.content_type.empty() ? "no content type" : foreign(response.content_type);
    }
    const bool again = success ? !too_long : may_retry(response.code);
    answer.verdict = again ? Verdict::kRetry : Verdict::kRejected;
    answer.too_large = response.code == 413;
    answer.unauthorized = response.code == 401;
    if (again) answer.delay = retry_after(response.retry_after, std::chrono::system_clock::now());
    if (too_long) answer.message += " and an answer without an end";
    if (!response.location.empty()) {
        answer.message += ", which points to " + foreign(response.location) + "; redirections are not followed";
    }
    if (const std::string text = said(response); !text.empty()) answer.message += ": " + text;
    return answer;
}

}  // namespace spanring::agent
