// SPDX-License-Identifier: Apache-2.0
#include "export/http/transport.hpp"

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "base/text.hpp"

namespace spanring::agent {

namespace {

// Once for the process, before its threads use libcurl.
void set_up_curl() {
    static const CURLcode result = ::curl_global_init(CURL_GLOBAL_DEFAULT);
    if (result != CURLE_OK) throw std::runtime_error(std::string("HTTP client: ") + ::curl_easy_strerror(result));
}

}  // namespace

HttpTransport::HttpTransport(const OtlpHttpOptions& options, HttpBodies::Rule rule)
    : options_(options),
      endpoint_(parse_http_endpoint(options.endpoint, options.traces_endpoint, options.signal)),
      peer_(endpoint_.socket.empty() ? shown_url(endpoint_.url) : options.endpoint),
      bodies_(options_, rule, [this] { wake(); }) {
    for (const OptionFault& fault : header_faults(options_)) throw std::invalid_argument(fault.key + ": " + fault.what);
    if (endpoint_.tls) tls_.emplace(options_);
    set_up_curl();
    multi_.reset(::curl_multi_init());
    if (multi_ == nullptr) throw std::runtime_error("HTTP client: cannot be set up");
    ::curl_multi_setopt(multi_.get(), CURLMOPT_MAXCONNECTS, static_cast<long>(options_.in_flight));

    headers_.emplace_back("Content-Type", json() ? "application/json" : "application/x-protobuf");
    if (bodies_.content_encoding() != nullptr) headers_.emplace_back("Content-Encoding", bodies_.content_encoding());
    for (const auto& [key, value] : options_.headers) headers_.emplace_back(key, value);
}

HttpTransport::~HttpTransport() {
    bodies_.all();
    for (const auto& call : calls_) ::curl_multi_remove_handle(multi_.get(), call->handle());
    calls_.clear();  // before the multi handle, as libcurl wants it
}

void HttpTransport::start(ShipmentPtr shipment, bool probe, RequestHeaders headers) {
    bodies_.make(std::move(shipment), probe, std::move(headers));
    start_made();
}

void HttpTransport::start_made() {
    while (std::optional<HttpBodies::Body> body = bodies_.next()) {
        if (tls_ && tls_->refresh(Clock::now())) {
            // libcurl goes on with a kept connection only where its certificates are the same.
            for (HttpCall* const old : std::exchange(free_, {})) free_call(*old);
        }
        if (free_.empty()) {
            calls_.push_back(std::make_unique<HttpCall>(endpoint_, options_, current_tls(), headers_));
            free_.push_back(calls_.back().get());
        }
        HttpCall& call = *free_.back();
        free_.pop_back();
        call.probe = body->probe;
        call.start(std::move(body->shipment), std::move(body->bytes), std::move(body->headers));
        ::curl_multi_add_handle(multi_.get(), call.handle());
        int running = 0;
        ::curl_multi_perform(multi_.get(), &running);  // its bytes are on their way while the next ones are compressed
    }
}

std::vector<Transport::Ended> HttpTransport::wait(Clock::time_point until) {
    start_made();
    std::vector<Ended> ended = take_ended();  // as soon as it was started
    if (!ended.empty()) return ended;
    // Returns earlier for libcurl's own times, the deadlines among them.
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    const auto pause = std::clamp<int64_t>(left, 0, std::numeric_limits<int>::max());
    ::curl_multi_poll(multi_.get(), nullptr, 0, static_cast<int>(pause), nullptr);
    start_made();
    int running = 0;
    ::curl_multi_perform(multi_.get(), &running);
    ended = take_ended();
    if (cut_.exchange(false)) end_all(ended);
    return ended;
}

// For the next request, unless its certificates are not those of today.
void HttpTransport::free_call(HttpCall& call) {
    if (call.tls() == current_tls()) return free_.push_back(&call);
    std::erase_if(calls_, [&](const auto& each) { return each.get() == &call; });
}

std::vector<Transport::Ended> HttpTransport::take_ended() {
    std::vector<Ended> ended;
    int left = 0;
    while (const CURLMsg* message = ::curl_multi_info_read(multi_.get(), &left)) {
        if (message->msg != CURLMSG_DONE) continue;
        CURL* const handle = message->easy_handle;
        const CURLcode result = message->data.result;
        HttpCall& call = HttpCall::of(handle);
        Answer answer = call.answer(result);
        ::curl_multi_remove_handle(multi_.get(), handle);  // `message` is gone with it
        ended.push_back({call.finish(), call.probe, std::move(answer)});
        free_call(call);
    }
    return ended;
}

// libcurl reads nothing from connections that wait for their next request.
void HttpTransport::end_all(std::vector<Ended>& ended) {
    std::vector<HttpCall*> calls;
    for (const auto& call : calls_) {
        if (call->shipment() != nullptr) calls.push_back(call.get());
    }
    for (HttpCall* const call : calls) {
        ::curl_multi_remove_handle(multi_.get(), call->handle());
        ended.push_back({call->finish(), call->probe, kept_busy()});
        free_call(*call);
    }
}

std::vector<ShipmentPtr> HttpTransport::abandon() {
    std::vector<ShipmentPtr> left = bodies_.all();
    for (const auto& call : calls_) {
        if (call->shipment() == nullptr) continue;
        ::curl_multi_remove_handle(multi_.get(), call->handle());
        left.push_back(call->finish());
    }
    return left;
}

}  // namespace spanring::agent
