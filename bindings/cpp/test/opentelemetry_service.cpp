// SPDX-License-Identifier: Apache-2.0
//
// An HTTP server under load that is to be killed, as OpenTelemetry's examples/http/server.cc has it: on the HTTP server
// that comes with the SDK's headers, the caller's context from the headers, a span around each request, with others
// inside of it. It knows OpenTelemetry's API alone, but for the line that chooses the provider.
//
//     opentelemetry_service SPANS CLIENTS [ENDPOINT]
//
// With an ENDPOINT, http://host:port, it is the SDK that exports there, by its batch processor. Appends to the file
// SPANS "begin ID" after a span was started and "end ID" after it ended, each in one write that a kill cannot take
// back. The load are CLIENTS threads of its own. Prints "ready" when the first request is answered.
#include "opentelemetry_sdk.hpp"

#include <spanring/opentelemetry.hpp>

#include <opentelemetry/context/propagation/global_propagator.h>
#include <opentelemetry/context/runtime_context.h>
#include <opentelemetry/ext/http/server/http_server.h>
#include <opentelemetry/sdk/trace/samplers/always_on_factory.h>
#include <opentelemetry/trace/context.h>
#include <opentelemetry/trace/propagation/http_trace_context.h>
#include <opentelemetry/trace/provider.h>
#include <opentelemetry/trace/scope.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace {

namespace trace = opentelemetry::trace;
namespace nostd = opentelemetry::nostd;
namespace propagation = opentelemetry::context::propagation;

int witness_file = -1;

void witness(const char* what, const trace::Span& span) {
    const trace::SpanContext context = span.GetContext();
    char ids[48];
    context.trace_id().ToLowerBase16(nostd::span<char, 32>{ids, 32});
    context.span_id().ToLowerBase16(nostd::span<char, 16>{ids + 32, 16});
    const std::string line = std::string{what} + ' ' + std::string{ids, sizeof ids} + '\n';
    if (write(witness_file, line.data(), line.size()) != static_cast<ssize_t>(line.size())) std::_Exit(1);
}

nostd::shared_ptr<trace::Tracer> tracer() { return trace::Provider::GetTracerProvider()->GetTracer("http-server"); }

// The server's headers begin with a capital.
class Headers : public propagation::TextMapCarrier {
public:
    explicit Headers(const std::map<std::string, std::string>& headers) : headers_{headers} {}
    nostd::string_view Get(nostd::string_view key) const noexcept override {
        std::string name(key);
        if (!name.empty() && name[0] >= 'a') name[0] = static_cast<char>(name[0] - 'a' + 'A');
        const auto found = headers_.find(name);
        return found != headers_.end() ? nostd::string_view{found->second} : nostd::string_view{};
    }
    void Set(nostd::string_view, nostd::string_view) noexcept override {}

private:
    const std::map<std::string, std::string>& headers_;
};

class Handler : public HTTP_SERVER_NS::HttpRequestCallback {
public:
    int onHttpRequest(const HTTP_SERVER_NS::HttpRequest& request, HTTP_SERVER_NS::HttpResponse& response) override {
        auto here = opentelemetry::context::RuntimeContext::GetCurrent();
        const auto caller =
            propagation::GlobalTextMapPropagator::GetGlobalPropagator()->Extract(Headers{request.headers}, here);
        trace::StartSpanOptions options;
        options.kind = trace::SpanKind::kServer;
        options.parent = trace::GetSpan(caller)->GetContext();
        auto span = tracer()->StartSpan(request.uri, {{"http.request.method", request.method}, {"url.scheme", "http"}},
                                        options);
        witness("begin", *span);
        {
            const trace::Scope scope{span};
            find();
        }
        response.body = "found\n";
        span->SetAttribute("http.response.status_code", 200);
        span->End();
        witness("end", *span);
        return 200;
    }

private:
    static void find() {
        const auto span = tracer()->StartSpan("find");
        witness("begin", *span);
        const trace::Scope scope{span};
        trace::Tracer::GetCurrentSpan()->AddEvent("found", {{"rows", 1}});
        span->End();
        witness("end", *span);
    }
};

// One request after the other, until the program is killed.
void ask(int port, int client) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(connection, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) std::_Exit(1);
    constexpr std::string_view kRequest =
        "GET /orders HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive\r\n"
        "Traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\r\n";
    std::string answer(4096, '\0');
    for (int order = 0;; ++order) {
        if (write(connection, kRequest.data(), kRequest.size()) < 0) std::_Exit(1);
        std::size_t size = 0;
        const int at_once = 1;  // the server sends an answer in parts, and waits for each to be acknowledged
        setsockopt(connection, IPPROTO_TCP, TCP_QUICKACK, &at_once, sizeof at_once);
        while (std::string_view{answer.data(), size}.find("found\n") == std::string_view::npos) {
            const ssize_t got = read(connection, &answer[size], answer.size() - size);
            if (got <= 0) std::_Exit(1);
            size += static_cast<std::size_t>(got);
        }
        if (client == 0 && order == 0) {
            std::puts("ready");
            std::fflush(stdout);
        }
    }
}

std::shared_ptr<trace::TracerProvider> the_sdk(const char* endpoint) {
    return make_sdk(endpoint, opentelemetry::sdk::trace::AlwaysOnSamplerFactory::Create());
}

}  // namespace

int main(int count, char** words) {
    if (count < 3) return 2;
    witness_file = open(words[1], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    trace::Provider::SetTracerProvider(count > 3 ? nostd::shared_ptr<trace::TracerProvider>{the_sdk(words[3])}
                                                 : spanring::otel::provider());
    propagation::GlobalTextMapPropagator::SetGlobalPropagator(
        nostd::shared_ptr<propagation::TextMapPropagator>{new trace::propagation::HttpTraceContext});

    const auto root = tracer()->StartSpan("main");  // open at the kill
    witness("begin", *root);
    const trace::Scope scope{root};
    HTTP_SERVER_NS::HttpServer server;
    Handler handler;
    server.setServerName("localhost");
    server.addHandler("/orders", handler);
    const int port = server.addListeningPort(0);
    server.start();
    std::vector<std::thread> clients;
    for (int client = 0; client < std::atoi(words[2]); ++client) clients.emplace_back(ask, port, client);
    for (std::thread& client : clients) client.join();
}
