// SPDX-License-Identifier: Apache-2.0
//
// http_sink: an HTTP/1.1 receiver that reads every request, counts it and forgets it, for OTLP over HTTP. It looks at
// no body, for they come compressed. It says "ready HOST:PORT".
//
//     count    requests and bytes since the last count
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include <atomic>
#include <thread>

#include "worker.hpp"

namespace {

namespace beast = boost::beast;
namespace http = beast::http;
using boost::asio::ip::tcp;

struct Arrivals {
    std::atomic<uint64_t> requests{0}, bytes{0};  // relaxed everywhere: sums, read once the senders are quiet
};

// One connection until its client closes it.
void serve_connection(tcp::socket socket, Arrivals& arrivals) {
    beast::flat_buffer buffer(256 << 10);
    std::vector<char> piece(256 << 10);
    beast::error_code error;
    for (;;) {
        http::request_parser<http::buffer_body> request;
        request.body_limit(64 << 20);
        http::read_header(socket, buffer, request, error);
        if (error) return;
        if (beast::iequals(request.get()[http::field::expect], "100-continue")) {
            http::response<http::empty_body> go_on(http::status::continue_, 11);
            http::write(socket, go_on, error);
            if (error) return;
        }
        uint64_t bytes = 0;
        while (!request.is_done()) {
            request.get().body() = {piece.data(), piece.size(), true};
            http::read(socket, buffer, request, error);
            bytes += piece.size() - request.get().body().size;
            if (error == http::error::need_buffer) error = {};
            if (error) return;
        }
        arrivals.requests.fetch_add(1, std::memory_order_relaxed);
        arrivals.bytes.fetch_add(bytes, std::memory_order_relaxed);
        http::response<http::string_body> answer(http::status::ok, 11);
        answer.set(http::field::content_type, "application/x-protobuf");
        answer.keep_alive(request.get().keep_alive());
        answer.prepare_payload();
        http::write(socket, answer, error);
        if (error || !answer.keep_alive()) return;
    }
}

}  // namespace

int main() {
    Arrivals arrivals;
    boost::asio::io_context context;
    tcp::acceptor acceptor(context, {boost::asio::ip::make_address("127.0.0.1"), 0});
    std::thread([&] {
        for (;;) {
            beast::error_code error;
            tcp::socket socket = acceptor.accept(error);
            if (error) return;
            std::thread(serve_connection, std::move(socket), std::ref(arrivals)).detach();
        }
    }).detach();
    bench::serve({{"count",
                   [&](const bench::Numbers&) {
                       return bench::Answer()
                           .add("requests",
                                static_cast<double>(arrivals.requests.exchange(0, std::memory_order_relaxed)))
                           .add("bytes", static_cast<double>(arrivals.bytes.exchange(0, std::memory_order_relaxed)));
                   }}},
                 "127.0.0.1:" + std::to_string(acceptor.local_endpoint().port()));
    std::quick_exit(0);  // its threads wait in the kernel
}
