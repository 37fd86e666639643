// SPDX-License-Identifier: Apache-2.0
#include "auth/token_request.hpp"

#include <algorithm>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "auth/secret_file.hpp"
#include "base/file_beginning.hpp"
#include "base/foreign_text.hpp"
#include "base/quantity.hpp"
#include "base/text.hpp"
#include "otlp/span_decoder.hpp"

namespace spanring::agent {

namespace {

constexpr size_t kMostFile = size_t{16} << 20;  // of certificates
constexpr size_t kMostBody = 64 << 10;
constexpr int64_t kLongestLife = 10 * 365 * 86400LL;  // seconds

// Once for the process, before its threads use libcurl.
void set_up_curl() {
    static const CURLcode result = ::curl_global_init(CURL_GLOBAL_DEFAULT);
    if (result != CURLE_OK) throw std::runtime_error(std::string("HTTP client: ") + ::curl_easy_strerror(result));
}

struct FreeEasy {
    void operator()(CURL* easy) const { ::curl_easy_cleanup(easy); }
};
struct FreeList {
    void operator()(curl_slist* list) const { ::curl_slist_free_all(list); }
};

size_t write(char* from, size_t size, size_t count, void* to) {
    auto& body = *static_cast<std::string*>(to);
    if (body.size() + size * count > kMostBody) return 0;
    body.append(from, size * count);
    return size * count;
}

std::string read(const Secret& secret, std::string& ret_fault) {
    return secret.file.empty() ? secret.text : read_secret(secret.file, ret_fault);
}

// A server may send back what it was sent, as it was sent or as it read it.
std::string without(std::string text, const std::vector<std::string>& secrets) {
    constexpr std::string_view kInstead = "...";
    for (const std::string& secret : secrets) {
        if (secret.empty()) continue;
        for (size_t at = 0; (at = text.find(secret, at)) != std::string::npos; at += kInstead.size())
            text.replace(at, secret.size(), kInstead);
    }
    return text;
}

// RFC 6749, 5.2.
std::string reason_of(const std::string& body) {
    const auto said = nlohmann::json::parse(body, nullptr, false);
    std::string reason;
    for (const char* key : {"error", "error_description"}) {
        const auto found = said.is_object() ? said.find(key) : said.end();
        if (said.is_object() && found != said.end() && found->is_string())
            append(reason, found->get_ref<const std::string&>(), ": ");
    }
    return reason;
}

}  // namespace

std::string form_encoded(const std::string& text) {
    static constexpr char kDigits[] = "0123456789ABCDEF";
    std::string encoded;
    for (const char c : text) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                           c == '.' || c == '_' || c == '~';
        const auto byte = static_cast<unsigned char>(c);
        if (plain) {
            encoded += c;
        } else {
            encoded += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
        }
    }
    return encoded;
}

TokenAnswer token_of(const std::string& body) {
    TokenAnswer answer;
    const auto said = nlohmann::json::parse(body, nullptr, false);
    const auto text = [&](const char* key) -> std::string {
        const auto found = said.find(key);
        return found != said.end() && found->is_string() ? found->get<std::string>() : std::string();
    };
    const std::string token = said.is_object() ? text("access_token") : "";
    if (token.empty() || !is_header_text(token)) {
        answer.error = "its answer has no access_token";
        return answer;
    }
    std::string type = text("token_type");
    if (type.empty() || lower(type) == "bearer") type = "Bearer";
    if (!is_header_text(type)) {
        answer.error = "its answer has no token_type that could be sent";
        return answer;
    }
    if (const auto life = said.find("expires_in"); life != said.end()) {
        int64_t seconds = -1;
        if (life->is_number_integer()) {
            seconds = life->is_number_unsigned()
                          ? static_cast<int64_t>(std::min<uint64_t>(life->get<uint64_t>(), kLongestLife))
                          : life->get<int64_t>();
        } else if (life->is_number()) {
            seconds = static_cast<int64_t>(std::clamp<double>(life->get<double>(), -1, kLongestLife));
        } else if (life->is_string()) {
            const auto parsed = parse_unsigned(life->get_ref<const std::string&>());
            if (parsed) seconds = static_cast<int64_t>(std::min<uint64_t>(*parsed, kLongestLife));
        }
        // As golang.org/x/oauth2 has it: 0 is no word about its end.
        if (seconds > 0) answer.lifetime = std::chrono::seconds(std::min(seconds, kLongestLife));
    }
    answer.header = type + " " + token;
    return answer;
}

TokenRequest::TokenRequest(const AuthOptions& options, std::function<void(bool waits)> waits)
    : options_(options), waits_(std::move(waits)), multi_((set_up_curl(), ::curl_multi_init())) {
    if (multi_ == nullptr) throw std::runtime_error("HTTP client: cannot be set up");
}

void TokenRequest::interrupt() {
    interrupted_ = true;
    ::curl_multi_wakeup(multi_.get());
}

TokenAnswer TokenRequest::ask() {
    bool refused = false;
    TokenAnswer answer = ask(in_body_, refused);
    if (!refused) return answer;
    bool refused_again = false;
    TokenAnswer other = ask(!in_body_, refused_again);
    if (other.header.empty()) return answer;
    in_body_ = !in_body_;
    return other;
}

TokenAnswer TokenRequest::ask(bool in_body, bool& ret_refused) {
    TokenAnswer answer;
    const std::string id = read(options_.client_id, answer.error);
    const std::string secret = answer.error.empty() ? read(options_.client_secret, answer.error) : "";
    if (!answer.error.empty()) return answer;
    std::vector<std::string> unsaid = {secret, form_encoded(secret)};
    std::string form = "grant_type=client_credentials", scopes;
    for (const std::string& scope : options_.scopes) append(scopes, scope, " ");
    if (!scopes.empty()) form += "&scope=" + form_encoded(scopes);
    for (const auto& [key, value] : options_.endpoint_params) {
        form += "&" + form_encoded(key) + "=" + form_encoded(value);
        unsaid.insert(unsaid.end(), {value, form_encoded(value)});
    }
    std::string authorization;
    if (in_body) {
        form += "&client_id=" + form_encoded(id) + "&client_secret=" + form_encoded(secret);
    } else {
        const std::string pair = form_encoded(id) + ":" + form_encoded(secret);
        const std::string credentials = to_base64({reinterpret_cast<const uint8_t*>(pair.data()), pair.size()});
        authorization = "Authorization: Basic " + credentials;
        unsaid.push_back(credentials);
    }
    const Response response = post(form, authorization);
    if (response.error.empty() && response.code == 200) {
        answer = token_of(response.body);
        return answer;
    }
    ret_refused = response.code == 400 || response.code == 401;
    answer.error = response.error;
    if (response.error.empty()) {
        answer.error = "it answers HTTP " + std::to_string(response.code);
        // The longest first: one may be a part of another.
        std::sort(unsaid.begin(), unsaid.end(),
                  [](const std::string& one, const std::string& other) { return one.size() > other.size(); });
        if (std::string reason = foreign(without(reason_of(response.body), unsaid)); !reason.empty())
            answer.error += " (" + reason + ")";
    }
    return answer;
}

TokenRequest::Response TokenRequest::post(const std::string& form, const std::string& authorization) {
    Response response;
    const std::unique_ptr<CURL, FreeEasy> easy(::curl_easy_init());
    std::unique_ptr<curl_slist, FreeList> headers(::curl_slist_append(nullptr, "Accept: application/json"));
    if (!authorization.empty() && headers != nullptr) ::curl_slist_append(headers.get(), authorization.c_str());
    if (easy == nullptr || headers == nullptr) {
        response.error = "no memory to ask it";
        return response;
    }
    char reason[CURL_ERROR_SIZE] = {};
    CURL* const call = easy.get();
    const auto set = [call](CURLoption option, auto value) { ::curl_easy_setopt(call, option, value); };
    set(CURLOPT_URL, options_.token_url.c_str());
    set(CURLOPT_ERRORBUFFER, reason);
    set(CURLOPT_HTTPHEADER, headers.get());
    set(CURLOPT_POSTFIELDSIZE, static_cast<long>(form.size()));
    set(CURLOPT_POSTFIELDS, form.c_str());
    set(CURLOPT_WRITEFUNCTION, &write);
    set(CURLOPT_WRITEDATA, &response.body);
    set(CURLOPT_TIMEOUT_MS, static_cast<long>(options_.timeout.count()));
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_QUICK_EXIT, 1L);  // never waits for the thread that looks a name up
    // Read here: libcurl would wait for somebody who writes into a FIFO.
    const auto set_file = [&](CURLoption option, const std::string& path) {
        if (path.empty() || !response.error.empty()) return;
        std::string bytes = read_beginning(path, kMostFile, response.error);
        curl_blob blob{bytes.data(), bytes.size(), CURL_BLOB_COPY};
        set(option, &blob);
    };
    set_file(CURLOPT_CAINFO_BLOB, options_.ca_file);
    if (!options_.ca_file.empty()) set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));
    set_file(CURLOPT_SSLCERT_BLOB, options_.cert_file);
    set_file(CURLOPT_SSLKEY_BLOB, options_.key_file);
    if (!response.error.empty()) return response;
    set(CURLOPT_SSL_VERIFYPEER, options_.insecure_skip_verify ? 0L : 1L);
    set(CURLOPT_SSL_VERIFYHOST, options_.insecure_skip_verify ? 0L : 2L);

    ::curl_multi_add_handle(multi_.get(), call);
    CURLcode result = CURLE_OPERATION_TIMEDOUT;
    for (int running = 1; running != 0 && !interrupted_;) {
        ::curl_multi_perform(multi_.get(), &running);
        if (running == 0) break;
        waits_(true);
        ::curl_multi_poll(multi_.get(), nullptr, 0, 1000, nullptr);
        waits_(false);
    }
    int left = 0;
    while (const CURLMsg* message = ::curl_multi_info_read(multi_.get(), &left)) result = message->data.result;
    ::curl_multi_remove_handle(multi_.get(), call);
    ::curl_easy_getinfo(call, CURLINFO_RESPONSE_CODE, &response.code);
    if (result == CURLE_OK) return response;
    response.error = interrupted_ ? "interrupted"
                     : result == CURLE_OPERATION_TIMEDOUT
                         ? "no answer within " + format_duration(options_.timeout)
                         : foreign(reason[0] != '\0' ? reason : ::curl_easy_strerror(result));
    return response;
}

}  // namespace spanring::agent
