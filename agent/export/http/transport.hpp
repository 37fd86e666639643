// SPDX-License-Identifier: Apache-2.0
//
// OTLP over HTTP/1.1: protobuf or JSON in POST requests, several at the same time, on connections that are kept.
// libcurl's multi handle does the work on the sender's thread; its time-out is the deadline and ends a request whatever
// the peer does, for the bytes are the agent's until libcurl copies them into the socket. Another encoding and
// compression are made once an attempt (bodies.hpp), of private copies only: mapped shipments are never carried. With
// TLS the process must ignore SIGPIPE.
//
// Header bill: it holds its calls and the thread that watches them; whoever makes one, and nobody else, includes it.
#pragma once

#include <curl/curl.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "export/http/bodies.hpp"
#include "export/http/call.hpp"
#include "export/http/endpoint.hpp"
#include "export/http/options.hpp"
#include "export/transport.hpp"
#include "export/watched_tls_files.hpp"

namespace spanring::agent {

class HttpTransport final : public Transport {
public:
    // Throws std::runtime_error or std::invalid_argument with what is wrong with the options.
    explicit HttpTransport(const OtlpHttpOptions& options, HttpBodies::Rule rule = {});
    ~HttpTransport() override;

    const std::string& peer() const override { return peer_; }
    void wake() override { ::curl_multi_wakeup(multi_.get()); }
    void cut() override {
        cut_ = true;
        wake();
    }
    void start(ShipmentPtr shipment, bool probe, RequestHeaders headers) override;
    std::vector<Ended> wait(Clock::time_point until) override;
    std::vector<ShipmentPtr> abandon() override;

private:
    struct FreeMulti {
        void operator()(CURLM* multi) const { ::curl_multi_cleanup(multi); }
    };

    void start_made();
    bool json() const { return options_.encoding == OtlpHttpOptions::Encoding::kJson; }
    std::vector<Ended> take_ended();
    void end_all(std::vector<Ended>& ended);
    std::shared_ptr<const TlsFiles> current_tls() const { return tls_ ? tls_->get() : nullptr; }
    void free_call(HttpCall& call);

    const OtlpHttpOptions options_;
    const HttpEndpoint endpoint_;
    const std::string peer_;
    std::optional<WatchedTlsFiles> tls_;  // none: plaintext
    RequestHeaders headers_;              // of every request
    std::unique_ptr<CURLM, FreeMulti> multi_;
    std::vector<std::unique_ptr<HttpCall>> calls_;  // in use or not
    std::vector<HttpCall*> free_;                   // of these
    std::atomic<bool> cut_ = false;
    HttpBodies bodies_;  // last: its threads wake the multi handle
};

}  // namespace spanring::agent
