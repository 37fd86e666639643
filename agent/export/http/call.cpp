// SPDX-License-Identifier: Apache-2.0
#include "export/http/call.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "base/foreign_text.hpp"
#include "export/http/answer.hpp"
#include "export/user_agent.hpp"

namespace spanring::agent {

namespace {

constexpr size_t kMostHeaders = 64 << 10;  // of an answer, trailers and informational answers included
constexpr long kUploadBuffer = 256 << 10;  // what one write to the socket takes; libcurl's own is 64 KiB

template <class Value>
void set(CURL* easy, CURLoption option, Value value) {
    if (const CURLcode result = ::curl_easy_setopt(easy, option, value); result != CURLE_OK) {
        throw std::runtime_error(std::string("HTTP client: ") + ::curl_easy_strerror(result));
    }
}

void set_blob(CURL* easy, CURLoption option, const std::string& bytes) {
    curl_blob blob{const_cast<char*>(bytes.data()), bytes.size(), CURL_BLOB_NOCOPY};  // only read
    if (!bytes.empty()) set(easy, option, &blob);
}

long tls_version(const std::string& version) {
    if (version == "1.0") return CURL_SSLVERSION_TLSv1_0;
    if (version == "1.1") return CURL_SSLVERSION_TLSv1_1;
    if (version == "1.3") return CURL_SSLVERSION_TLSv1_3;
    return CURL_SSLVERSION_TLSv1_2;
}

}  // namespace

HttpCall::HttpCall(const HttpEndpoint& endpoint, const OtlpHttpOptions& options, std::shared_ptr<const TlsFiles> tls,
                   const RequestHeaders& headers)
    : options_(options), headers_(headers), tls_(std::move(tls)), easy_(::curl_easy_init()) {
    CURL* const easy = easy_.get();
    if (easy == nullptr) throw std::runtime_error("HTTP client: cannot be set up");
    set(easy, CURLOPT_PRIVATE, this);
    set(easy, CURLOPT_ERRORBUFFER, error_);
    set(easy, CURLOPT_URL, endpoint.url.c_str());
    set(easy, CURLOPT_PATH_AS_IS, 1L);
    if (endpoint.socket.starts_with('\0')) {
        set(easy, CURLOPT_ABSTRACT_UNIX_SOCKET, endpoint.socket.c_str() + 1);
    } else if (!endpoint.socket.empty()) {
        set(easy, CURLOPT_UNIX_SOCKET_PATH, endpoint.socket.c_str());
    }
    set_headers({});
    set(easy, CURLOPT_USERAGENT, user_agent().c_str());
    set(easy, CURLOPT_POST, 1L);
    set(easy, CURLOPT_READFUNCTION, &HttpCall::read);
    set(easy, CURLOPT_READDATA, this);
    set(easy, CURLOPT_SEEKFUNCTION, &HttpCall::seek);  // a kept connection was closed by the peer: from the beginning
    set(easy, CURLOPT_SEEKDATA, this);
    set(easy, CURLOPT_WRITEFUNCTION, &HttpCall::write);
    set(easy, CURLOPT_WRITEDATA, this);
    set(easy, CURLOPT_HEADERFUNCTION, &HttpCall::take_header);
    set(easy, CURLOPT_HEADERDATA, this);
    set(easy, CURLOPT_UPLOAD_BUFFERSIZE, kUploadBuffer);
    // One request at a time on a connection, so that the end of one at its deadline ends no other.
    set(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    // From the look-up of the name to the answer's last byte.
    set(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(options.timeout.count()));
    set(easy, CURLOPT_MAXAGE_CONN,
        std::max(1L, static_cast<long>(std::chrono::ceil<std::chrono::seconds>(options.idle_conn_timeout).count())));
    set(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    set(easy, CURLOPT_NOSIGNAL, 1L);
    set(easy, CURLOPT_QUICK_EXIT, 1L);  // never waits for the thread that looks a name up
    if (endpoint.loopback) set(easy, CURLOPT_PROXY, "");
    if (!tls_) return;
    set(easy, CURLOPT_SSLVERSION, tls_version(options.min_version));
    set(easy, CURLOPT_SSL_VERIFYPEER, options.insecure_skip_verify ? 0L : 1L);
    set(easy, CURLOPT_SSL_VERIFYHOST, options.insecure_skip_verify ? 0L : 2L);
    set_blob(easy, CURLOPT_CAINFO_BLOB, tls_->ca);
    // Instead of the system's authorities, not in addition to them.
    if (!tls_->ca.empty()) set(easy, CURLOPT_CAPATH, static_cast<const char*>(nullptr));
    set_blob(easy, CURLOPT_SSLCERT_BLOB, tls_->cert);
    set_blob(easy, CURLOPT_SSLKEY_BLOB, tls_->key);
}

HttpCall& HttpCall::of(CURL* handle) {
    void* self = nullptr;
    ::curl_easy_getinfo(handle, CURLINFO_PRIVATE, &self);
    return *static_cast<HttpCall*>(self);
}

void HttpCall::set_headers(RequestHeaders headers) {
    std::unique_ptr<curl_slist, FreeList> list;
    const auto append = [&list](const std::string& line) {
        curl_slist* const whole = ::curl_slist_append(list.get(), line.c_str());
        if (whole == nullptr) throw std::runtime_error("HTTP client: no memory");
        static_cast<void>(list.release());  // it is the head of `whole`, or there was none
        list.reset(whole);
    };
    append("Expect:");  // never asks before it sends
    for (const RequestHeaders* const each : {&headers_, &std::as_const(headers)}) {
        // libcurl: a semicolon in place of the colon stands for a header without a value.
        for (const auto& [key, value] : *each) append(value.empty() ? key + ";" : key + ": " + value);
    }
    set(easy_.get(), CURLOPT_HTTPHEADER, list.get());
    list_ = std::move(list);
    more_headers_ = std::move(headers);
}

void HttpCall::start(ShipmentPtr shipment, std::string made, RequestHeaders headers) {
    if (headers != more_headers_) set_headers(std::move(headers));
    shipment_ = std::move(shipment);
    made_ = std::move(made);
    if (made_.empty()) {
        body_ = shipment_->request.slices;
    } else {
        made_piece_ = {reinterpret_cast<const uint8_t*>(made_.data()), made_.size()};
        body_ = {&made_piece_, 1};
    }
    piece_ = offset_ = 0;
    response_.clear();
    header_bytes_ = 0;
    headers_whole_ = false;
    too_long_ = false;
    error_[0] = '\0';
    const size_t size = made_.empty() ? shipment_->request.bytes : made_.size();
    set(easy_.get(), CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(size));
}

Answer HttpCall::answer(CURLcode result) const {
    long code = 0;
    ::curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &code);
    Answer answer;
    if (code >= 200 && (headers_whole_ || too_long_)) {
        using End = HttpResponse::End;
        const std::string type = header("Content-Type"), after = header("Retry-After"), location = header("Location");
        const End end = too_long_ ? End::kTooLong : result != CURLE_OK ? End::kBrokenOff : End::kWhole;
        return judge({code, type, after, location, end == End::kWhole ? response_ : std::span<const uint8_t>(), end});
    }
    answer.verdict = Verdict::kRetry;
    if (too_long_) {
        answer.message = "an answer without an end";
    } else if (result == CURLE_OPERATION_TIMEDOUT) {
        answer.message = "no answer within " + std::to_string(options_.timeout.count()) + " ms";
        if (error_[0] != '\0') answer.message += " (" + foreign(error_) + ")";
    } else {
        answer.message = foreign(error_[0] != '\0' ? error_ : ::curl_easy_strerror(result));
    }
    return answer;
}

ShipmentPtr HttpCall::finish() {
    made_ = {};
    body_ = {};
    return std::exchange(shipment_, nullptr);
}

std::string HttpCall::header(const char* name) const {
    curl_header* found = nullptr;
    const auto result = ::curl_easy_header(easy_.get(), name, 0, CURLH_HEADER, -1, &found);
    return result == CURLHE_OK ? found->value : "";
}

size_t HttpCall::read(char* to, size_t size, size_t count, void* self) {
    auto& call = *static_cast<HttpCall*>(self);
    const size_t room = size * count;
    size_t done = 0;
    while (done != room && call.piece_ != call.body_.size()) {
        const auto rest = call.body_[call.piece_].subspan(call.offset_);
        const size_t part = std::min(rest.size(), room - done);
        if (part != 0) std::memcpy(to + done, rest.data(), part);
        done += part;
        call.offset_ += part;
        if (part == rest.size()) {
            ++call.piece_;
            call.offset_ = 0;
        }
    }
    return done;
}

int HttpCall::seek(void* self, curl_off_t offset, int origin) {
    auto& call = *static_cast<HttpCall*>(self);
    if (origin != SEEK_SET || offset != 0) return CURL_SEEKFUNC_CANTSEEK;
    call.piece_ = call.offset_ = 0;
    return CURL_SEEKFUNC_OK;
}

size_t HttpCall::take_header(char* from, size_t size, size_t count, void* self) {
    auto& call = *static_cast<HttpCall*>(self);
    const std::string_view line(from, size * count);
    if (line.starts_with("HTTP/")) call.headers_whole_ = false;  // after an informational answer
    if (line == "\r\n" || line == "\n") call.headers_whole_ = true;
    call.header_bytes_ += size * count;
    call.too_long_ = call.too_long_ || call.header_bytes_ > kMostHeaders;
    return call.too_long_ ? 0 : size * count;
}

size_t HttpCall::write(char* from, size_t size, size_t count, void* self) {
    auto& call = *static_cast<HttpCall*>(self);
    const size_t more = size * count;
    if (call.response_.size() + more > kMostAnswer) {
        call.too_long_ = true;
        return 0;  // ends the transfer
    }
    call.response_.insert(call.response_.end(), from, from + more);
    return more;
}

}  // namespace spanring::agent
