// SPDX-License-Identifier: Apache-2.0
//
// One attempt at a time to deliver a shipment by an HTTP POST: an easy handle of libcurl, set up once and used again
// and again. libcurl reads the body through here, straight out of the shipment's pieces, or out of what was made of
// them.
//
// Header bill: libcurl, and what a request says of who sends it; transport.hpp and its own .cpp alone include it.
#pragma once

#include <curl/curl.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "export/answer.hpp"
#include "export/http/endpoint.hpp"
#include "export/http/options.hpp"
#include "export/request_headers.hpp"
#include "export/shipment.hpp"
#include "export/tls_files.hpp"

namespace spanring::agent {

class HttpCall {
public:
    // All but `tls` must outlive the call; `headers` are sent with each request.
    HttpCall(const HttpEndpoint& endpoint, const OtlpHttpOptions& options, std::shared_ptr<const TlsFiles> tls,
             const RequestHeaders& headers);

    // `made`: the body, where it is not the shipment's own bytes; `headers`: of this request. Then the handle goes to a
    // multi handle.
    void start(ShipmentPtr shipment, std::string made, RequestHeaders headers);
    // After it came to its end, with `result`.
    Answer answer(CURLcode result) const;
    // Lets go of the shipment.
    ShipmentPtr finish();

    CURL* handle() const { return easy_.get(); }
    const std::shared_ptr<const TlsFiles>& tls() const { return tls_; }
    const ShipmentPtr& shipment() const { return shipment_; }  // null: not in use
    static HttpCall& of(CURL* handle);

    bool probe = false;  // the transport's note

private:
    struct Free {
        void operator()(CURL* easy) const { ::curl_easy_cleanup(easy); }
    };

    struct FreeList {
        void operator()(curl_slist* list) const { ::curl_slist_free_all(list); }
    };

    void set_headers(RequestHeaders headers);
    static size_t read(char* to, size_t size, size_t count, void* self);
    static int seek(void* self, curl_off_t offset, int origin);
    static size_t write(char* from, size_t size, size_t count, void* self);
    static size_t take_header(char* from, size_t size, size_t count, void* self);
    std::string header(const char* name) const;

    const OtlpHttpOptions& options_;
    const RequestHeaders& headers_;               // of every request
    const std::shared_ptr<const TlsFiles> tls_;   // libcurl refers to them; null: plaintext
    RequestHeaders more_headers_;                 // of the last one ...
    std::unique_ptr<curl_slist, FreeList> list_;  // ... and all of them: libcurl refers to it
    char error_[CURL_ERROR_SIZE] = {};
    const std::unique_ptr<CURL, Free> easy_;

    ShipmentPtr shipment_;
    std::string made_;
    std::span<const uint8_t> made_piece_;
    std::span<const std::span<const uint8_t>> body_;
    size_t piece_ = 0;  // of the body, and how far into it
    size_t offset_ = 0;
    std::vector<uint8_t> response_;
    size_t header_bytes_ = 0;
    bool headers_whole_ = false;
    bool too_long_ = false;
};

}  // namespace spanring::agent
