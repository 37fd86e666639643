// SPDX-License-Identifier: Apache-2.0
//
// A backend in this process that takes OTLP over HTTP/1.1 and answers as a test says: any code, headers and body, or
// nothing at all. A thread for each connection.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>

#include <condition_variable>
#include <functional>
#include <list>
#include <mutex>
#include <thread>
#include <vector>

#include "base/unix_address.hpp"
#include "support/decompress.hpp"
#include "support/http_connection.hpp"
#include "support/span_ids.hpp"
#include "support/watchdog.hpp"

namespace spanring::agent::test {

struct HttpReceived : HttpRequest {
    int connection = 0;  // which one, counted from 1
    std::string bytes;   // the body, decompressed
    otlp::Request request;
    bool parsed = false;

    std::string header(const std::string& name) const {
        const auto found = headers.find(name);
        return found == headers.end() ? "" : found->second;
    }
    std::vector<std::string> span_ids() const { return span_ids_of(request); }
};

struct HttpReply {
    int code = 200;
    std::string body = {};
    std::string content_type = "application/x-protobuf";
    std::vector<std::string> headers = {};  // whole lines
    bool never = false;                     // not until the client gives up
    bool hang_up = false;                   // instead of an answer
    bool close = false;                     // after it
    std::string raw = {};                   // instead of all of it, then the end
};

class HttpBackend {
public:
    using Answer = std::function<HttpReply(const HttpReceived&)>;

    ~HttpBackend() { stop(); }

    // On 127.0.0.1, at `port` to come back to the same place. Returns "127.0.0.1:port".
    std::string start(uint16_t port = 0, SSL_CTX* tls = nullptr) {
        listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const int on = 1;
        ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) std::abort();
        socklen_t size = sizeof address;
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
        ::listen(listener_, 64);
        port_ = ntohs(address.sin_port);
        tls_ = tls;
        acceptor_ = std::thread([this] { accept(); });
        return "127.0.0.1:" + std::to_string(port_);
    }
    uint16_t port() const { return port_; }

    // On a unix socket; an abstract name begins with a zero byte.
    void start_at(const std::string& path) {
        listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const UnixAddress address(path);
        if (::bind(listener_, address.get(), address.size()) != 0) std::abort();
        ::listen(listener_, 64);
        acceptor_ = std::thread([this] { accept(); });
    }

    void stop() {
        if (listener_ < 0) return;
        ::shutdown(listener_, SHUT_RDWR);
        acceptor_.join();
        {
            std::lock_guard lock(mutex_);
            for (const int socket : sockets_) ::shutdown(socket, SHUT_RDWR);
        }
        for (std::thread& thread : threads_) thread.join();
        threads_.clear();
        ::close(listener_);
        listener_ = -1;
    }

    void answer_with(Answer answer) {
        std::lock_guard lock(mutex_);
        answer_ = std::move(answer);
    }

    // False: the watchdog came first.
    bool wait_until(const std::function<bool(const std::vector<HttpReceived>&)>& there) {
        std::unique_lock lock(mutex_);
        return arrived_.wait_for(lock, kWatchdog, [&] { return there(received_); });
    }
    bool wait_for_requests(size_t count) {
        return wait_until([=](const auto& received) { return received.size() >= count; });
    }

    std::vector<HttpReceived> received() {
        std::lock_guard lock(mutex_);
        return received_;
    }
    int connections() {
        std::lock_guard lock(mutex_);
        return connections_;
    }

private:
    void accept() {
        for (;;) {
            const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
            if (socket < 0) return;
            std::lock_guard lock(mutex_);
            const int number = ++connections_;
            sockets_.push_back(socket);
            threads_.emplace_back([this, socket, number] { serve(socket, number); });
        }
    }

    void serve(int socket, int number) {
        HttpConnection connection(socket, tls_);
        while (auto request = connection.read()) {
            HttpReceived received;
            static_cast<HttpRequest&>(received) = std::move(*request);
            received.connection = number;
            if (!answer(connection, std::move(received))) break;
        }
        std::lock_guard lock(mutex_);
        sockets_.remove(socket);  // before it is closed and its number belongs to another
    }

    // False: that was the last one of this connection.
    bool answer(HttpConnection& connection, HttpReceived received) {
        const auto bytes = decode_body(received.header("content-encoding"), received.body);
        received.parsed = bytes && received.request.ParseFromString(*bytes);
        received.bytes = bytes.value_or("");
        Answer answer;
        {
            std::lock_guard lock(mutex_);
            answer = answer_;
            received_.push_back(received);
            arrived_.notify_all();
        }
        const HttpReply reply = answer(received);
        if (reply.hang_up) return false;
        if (!reply.raw.empty()) return connection.write(reply.raw), false;
        if (reply.never) return connection.wait_for_end(), false;
        std::string head = "HTTP/1.1 " + std::to_string(reply.code) + " because of the test\r\n";
        if (!reply.content_type.empty()) head += "Content-Type: " + reply.content_type + "\r\n";
        for (const std::string& line : reply.headers) head += line + "\r\n";
        if (reply.code != 204) head += "Content-Length: " + std::to_string(reply.body.size()) + "\r\n";
        return connection.write(head + "\r\n" + reply.body) && !reply.close;
    }

    std::mutex mutex_;
    std::condition_variable arrived_;
    std::vector<HttpReceived> received_;
    Answer answer_ = [](const HttpReceived&) { return HttpReply{}; };  // called by several threads at a time
    std::list<int> sockets_;
    int connections_ = 0;
    std::list<std::thread> threads_;  // the acceptor's, until it is joined

    int listener_ = -1;
    uint16_t port_ = 0;
    SSL_CTX* tls_ = nullptr;
    std::thread acceptor_;
};

}  // namespace spanring::agent::test
