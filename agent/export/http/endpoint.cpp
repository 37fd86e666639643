// SPDX-License-Identifier: Apache-2.0
#include "export/http/endpoint.hpp"

#include <curl/curl.h>

#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>

#include "base/text.hpp"
#include "export/unix_endpoint.hpp"

namespace spanring::agent {

namespace {

struct FreeUrl {
    void operator()(CURLU* url) const { ::curl_url_cleanup(url); }
};

// A URL and what it is called where it was given.
class Parsed {
public:
    Parsed(const char* key, std::string_view text) : key_(key), text_(text), url_(::curl_url()) {
        if (text.empty()) fail("it is empty");
        if (text.find_first_of(" \t\r\n") != std::string_view::npos) fail("it contains white space");
        const size_t colon = text.find("://");
        if (colon == std::string_view::npos) fail("it must begin with http://, https:// or unix:");
        const CURLUcode result =
            ::curl_url_set(url_.get(), CURLUPART_URL, text_.c_str(), CURLU_NON_SUPPORT_SCHEME | CURLU_PATH_AS_IS);
        if (result == CURLUE_BAD_PORT_NUMBER) fail("the port is not a number from 1 to 65535");
        if (result != CURLUE_OK) fail(::curl_url_strerror(result));
        const std::string scheme = part(CURLUPART_SCHEME);
        if (scheme != "http" && scheme != "https") fail("the scheme \"" + scheme + "\" is not one of http, https");
        if (part(CURLUPART_PORT) == "0") fail("the port is not a number from 1 to 65535");
        if (!part(CURLUPART_USER).empty() || !part(CURLUPART_PASSWORD).empty()) {
            fail("user and password belong in headers");
        }
        if (!part(CURLUPART_FRAGMENT).empty()) fail("it must not contain \"#\"");
    }

    std::string part(CURLUPart which) const {
        char* text = nullptr;
        if (::curl_url_get(url_.get(), which, &text, 0) != CURLUE_OK) return {};
        const std::string result(text);
        ::curl_free(text);
        return result;
    }
    void set(CURLUPart which, const std::string& value) { ::curl_url_set(url_.get(), which, value.c_str(), 0); }

    [[noreturn]] void fail(const std::string& what) const {
        throw std::invalid_argument(key_ + " \"" + shown_url(text_) + "\": " + what);
    }

private:
    const std::string key_, text_;
    const std::unique_ptr<CURLU, FreeUrl> url_;
};

bool is_loopback(const std::string& host) { return host == "localhost" || host == "[::1]" || host.starts_with("127."); }

}  // namespace

HttpEndpoint parse_http_endpoint(std::string_view endpoint, std::string_view whole_url, Signal signal) {
    const std::string path_of_signal = names_of(signal).path;
    const std::string whole_key = names_of(signal).name + std::string("_endpoint");
    const bool whole = !whole_url.empty();
    if (!whole) {
        if (std::optional<std::string> socket = parse_unix_path(endpoint)) {
            return {"http://localhost" + path_of_signal, false, true, *std::move(socket)};
        }
    }
    Parsed url(whole ? whole_key.c_str() : "endpoint", whole ? whole_url : endpoint);
    if (!whole) {
        if (!url.part(CURLUPART_QUERY).empty()) url.fail("it must not contain a query; " + whole_key + " may");
        std::string path = url.part(CURLUPART_PATH);
        while (path.ends_with('/')) path.pop_back();
        if (path.ends_with(path_of_signal)) {
            url.fail(path_of_signal + " is appended to it, so it must not end in it; " + whole_key +
                     " is the whole URL");
        }
        url.set(CURLUPART_PATH, path + path_of_signal);
    }
    return {url.part(CURLUPART_URL), url.part(CURLUPART_SCHEME) == "https", is_loopback(url.part(CURLUPART_HOST)), {}};
}

}  // namespace spanring::agent
