// SPDX-License-Identifier: Apache-2.0
#include "tags.hpp"

#include <stdint.h>

namespace spanring::envoy {
namespace {

constexpr std::string_view kStatusCode = "http.status_code";
constexpr std::string_view kGrpcStatusCode = "grpc.status_code";
constexpr std::string_view kError = "error";

enum class Form { kText, kNumber, kVersion };

struct Convention {
    std::string_view tag;
    std::string_view key;
    Form form;
};

// Semantic conventions 1.2x and later (http, network, user-agent, rpc).
constexpr Convention kConventions[] = {
    {"http.method", "http.request.method", Form::kText},
    {"http.url", "url.full", Form::kText},
    {kStatusCode, "http.response.status_code", Form::kNumber},
    {"http.protocol", "network.protocol.version", Form::kVersion},
    {"user_agent", "user_agent.original", Form::kText},
    {"peer.address", "network.peer.address", Form::kText},
    {"request_size", "http.request.body.size", Form::kNumber},
    {"response_size", "http.response.body.size", Form::kNumber},
    {kGrpcStatusCode, "rpc.grpc.status_code", Form::kNumber},
};

bool number_of(std::string_view text, int64_t& ret) {
    if (text.empty() || text.size() > 18) return false;
    int64_t value = 0;
    for (const char digit : text) {
        if (digit < '0' || digit > '9') return false;
        value = value * 10 + (digit - '0');
    }
    ret = value;
    return true;
}

void set_text(const spr_span& span, std::string_view key, std::string_view value) {
    spr_span_set_string(&span, key.data(), key.size(), value.data(), value.size());
}

void set_convention(const spr_span& span, const Convention& convention, std::string_view value) {
    int64_t number = 0;
    if (convention.form == Form::kNumber && number_of(value, number)) {
        if (convention.tag == kStatusCode && number == 0) return;  // no response came
        spr_span_set_int64(&span, convention.key.data(), convention.key.size(), number);
        return;
    }
    constexpr std::string_view kHttp = "HTTP/";
    if (convention.form == Form::kVersion && value.starts_with(kHttp)) value.remove_prefix(kHttp.size());
    set_text(span, convention.key, value);
}

bool is_servers_fault(int64_t grpc_status) {
    // UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS
    constexpr uint32_t kFaults = 1u << 2 | 1u << 4 | 1u << 12 | 1u << 13 | 1u << 14 | 1u << 15;
    return grpc_status < 32 && (kFaults >> grpc_status & 1) != 0;
}

}  // namespace

void set_tag(const spr_span& span, std::string_view key, std::string_view value, bool semantic_conventions) {
    if (semantic_conventions) {
        for (const Convention& convention : kConventions)
            if (convention.tag == key) return set_convention(span, convention, value);
        if (key == kError) return;  // the status says so
    }
    set_text(span, key, value);
}

bool is_error(std::string_view key, std::string_view value, int kind) {
    int64_t number = 0;
    if (key == kError) return value == "true";
    if (key == kStatusCode && number_of(value, number)) return number >= (kind == SPR_KIND_CLIENT ? 400 : 500);
    if (key == kGrpcStatusCode && number_of(value, number))
        return kind == SPR_KIND_CLIENT ? number != 0 : is_servers_fault(number);
    return false;
}

}  // namespace spanring::envoy
