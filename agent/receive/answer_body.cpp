// SPDX-License-Identifier: Apache-2.0
#include "receive/answer_body.hpp"

#include <nlohmann/json.hpp>

#include "otlp/wire_append.hpp"
#include "receive/receiver.hpp"

namespace spanring::agent {
namespace {

std::string text_of(const nlohmann::json& json) {
    return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

std::string response_body(WireEncoding encoding, const ReceiverReply& reply, Signal signal) {
    if (encoding == WireEncoding::kJson) {
        nlohmann::json json = nlohmann::json::object();
        if (reply.rejected != 0) {
            json["partialSuccess"] = {{names_of(signal).rejected, std::to_string(reply.rejected)},
                                      {"errorMessage", reply.message}};
        }
        return text_of(json);
    }
    if (reply.rejected == 0) return {};
    std::string partial_success;
    wire::append_number(partial_success, 1, reply.rejected);
    wire::append_bytes(partial_success, 2, reply.message);
    std::string body;
    wire::append_bytes(body, 1, partial_success);
    return body;
}

std::string status_body(WireEncoding encoding, uint32_t code, std::string_view message) {
    if (encoding == WireEncoding::kJson) return text_of({{"code", code}, {"message", message}});
    std::string body;
    wire::append_number(body, 1, code);
    wire::append_bytes(body, 2, message);
    return body;
}

std::string retry_status_body(uint32_t code, std::string_view message) {
    std::string delay, info, detail;
    wire::append_number(delay, 1, kRetrySeconds);
    wire::append_bytes(info, 1, delay);
    wire::append_bytes(detail, 1, "type.googleapis.com/google.rpc.RetryInfo");
    wire::append_bytes(detail, 2, info);
    std::string body = status_body(WireEncoding::kProtobuf, code, message);
    wire::append_bytes(body, 3, detail);
    return body;
}

}  // namespace spanring::agent
