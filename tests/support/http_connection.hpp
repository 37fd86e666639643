// SPDX-License-Identifier: Apache-2.0
//
// One accepted connection of a test's HTTP server, in plaintext or, with a context, TLS: whole requests in, bytes out.
#pragma once

#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <optional>
#include <string>

namespace spanring::agent::test {

struct HttpRequest {
    std::string line;                            // "POST /v1/traces HTTP/1.1"
    std::map<std::string, std::string> headers;  // names in lower case
    std::string body;
};

class HttpConnection {
public:
    HttpConnection(int socket, SSL_CTX* tls) : socket_(socket) {
        if (tls == nullptr) return;
        ssl_ = ::SSL_new(tls);
        ::SSL_set_fd(ssl_, socket_);
        sound_ = ::SSL_accept(ssl_) == 1;
    }
    ~HttpConnection() {
        if (ssl_ != nullptr) ::SSL_free(ssl_);
        ::close(socket_);
    }
    HttpConnection(const HttpConnection&) = delete;
    HttpConnection& operator=(const HttpConnection&) = delete;

    // Nothing: the peer is gone.
    std::optional<HttpRequest> read() {
        size_t end = std::string::npos;
        while ((end = pending_.find("\r\n\r\n")) == std::string::npos) {
            if (!more()) return std::nullopt;
        }
        HttpRequest request;
        size_t at = pending_.find("\r\n");
        request.line = pending_.substr(0, at);
        while (at < end) {
            const size_t begin = at + 2;
            at = pending_.find("\r\n", begin);
            const size_t colon = pending_.find(':', begin);
            std::string name = pending_.substr(begin, colon - begin);
            std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
            const size_t value = std::min(pending_.find_first_not_of(' ', colon + 1), at);
            request.headers[name] = pending_.substr(value, at - value);
        }
        const auto length = request.headers.find("content-length");
        const size_t size = length == request.headers.end() ? 0 : std::stoul(length->second);
        pending_.erase(0, end + 4);
        while (pending_.size() < size) {
            if (!more()) return std::nullopt;
        }
        request.body = pending_.substr(0, size);
        pending_.erase(0, size);
        return request;
    }

    bool write(const std::string& bytes) {
        if (ssl_ != nullptr) return ::SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size())) > 0;
        for (size_t done = 0; done < bytes.size();) {
            const ssize_t part = ::send(socket_, bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL);
            if (part <= 0) return false;
            done += static_cast<size_t>(part);
        }
        return true;
    }

    // Until the peer closes.
    void wait_for_end() {
        while (more()) pending_.clear();
    }

private:
    bool more() {
        if (!sound_) return false;
        char buffer[65536];
        const ssize_t got =
            ssl_ != nullptr ? ::SSL_read(ssl_, buffer, sizeof buffer) : ::recv(socket_, buffer, sizeof buffer, 0);
        if (got <= 0) return false;
        pending_.append(buffer, static_cast<size_t>(got));
        return true;
    }

    const int socket_;
    SSL* ssl_ = nullptr;
    bool sound_ = true;
    std::string pending_;
};

}  // namespace spanring::agent::test
