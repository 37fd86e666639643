// SPDX-License-Identifier: Apache-2.0
#include "command/page/page_server.hpp"

#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/http.hpp>

#include "command/page/page_files.hpp"

namespace spanring::agent {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;

constexpr size_t kQueryThreads = 2;
constexpr std::string_view kApi = "/api/";
constexpr char kJson[] = "application/json; charset=utf-8";
constexpr char kPolicy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'";

std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }

PageResponse make(unsigned status, std::string_view type, std::string body) {
    PageResponse response(static_cast<http::status>(status), 11);
    response.set(http::field::content_type, boost::beast::string_view(type.data(), type.size()));
    response.set("Content-Security-Policy", kPolicy);
    response.set("X-Content-Type-Options", "nosniff");
    response.set("Referrer-Policy", "no-referrer");
    response.set("Cross-Origin-Opener-Policy", "same-origin");
    response.set("Cross-Origin-Resource-Policy", "same-origin");
    response.set("X-Frame-Options", "DENY");
    response.set(http::field::cache_control, "no-store");
    if (status == 405) response.set(http::field::allow, "GET, HEAD");
    if (status == 503) response.set(http::field::retry_after, "1");
    response.body() = std::move(body);
    return response;
}

PageResponse make(PageAnswer answer) { return make(answer.status, kJson, std::move(answer.body)); }

const PageFile* file_at(std::string_view path) {
    const std::string_view name = path == "/" ? "index.html" : path.substr(1);
    if (path == "/index.html" || path == "/enter.html") return nullptr;  // each has one name
    for (const PageFile& file : page_files()) {
        if (file.name == name) return &file;
    }
    return nullptr;
}

PageResponse file_response(const PageFile& file) {
    PageResponse response = make(200, file.type, std::string(file.content));
    response.set(http::field::cache_control, "no-cache");
    return response;
}

// Of a field that there may be once.
std::optional<std::string_view> only(const PageRequest& request, boost::beast::string_view name, bool& ret_twice) {
    const auto [first, last] = request.equal_range(name);
    if (first == last) return std::nullopt;
    if (std::next(first) != last) ret_twice = true;
    return view(first->value());
}

RequestHead head_of(const PageRequest& request) {
    RequestHead head;
    head.method = view(request.method_string());
    head.host = only(request, "Host", head.twice).value_or("");
    head.origin = only(request, "Origin", head.twice);
    head.fetch_site = only(request, "Sec-Fetch-Site", head.twice);
    head.fetch_mode = only(request, "Sec-Fetch-Mode", head.twice);
    head.fetch_destination = only(request, "Sec-Fetch-Dest", head.twice);
    return head;
}

}  // namespace

PageServer::PageServer(asio::io_context& context, const PageOptions& options, PageAnswers& answers)
    : context_(context),
      options_(options),
      connections_(context, options.endpoint, options.tls),
      gate_(options.tls.certificate.empty() ? "http" : "https", options.names,
            !options.endpoint.is_unix() && !options.endpoint.is_loopback()),
      queries_(kQueryThreads, [&answers](Question& question) { return answers.answer(question); }) {}

PageServer::~PageServer() = default;

void PageServer::serve() {
    connections_.serve([this](const PageRequest& request, const std::shared_ptr<PageExchange>& exchange) {
        handle(request, exchange);
    });
}

std::string PageServer::make_link() {
    const ListenAddress address = connections_.address();
    if (address.is_unix()) return address.text();
    ListenAddress reached = address;
    if (!options_.names.empty()) reached.host = options_.names.front();
    return (options_.tls.certificate.empty() ? "http://" : "https://") + reached.text() +
           "/enter?token=" + entrance_.make_link(Entrance::Clock::now());
}

// Another server on this host has another port, and the same cookies.
std::string PageServer::cookie_name() const { return "spanring_page_" + std::to_string(connections_.address().port); }

bool PageServer::has_session(const PageRequest& request) {
    if (options_.endpoint.is_unix()) return true;
    const std::string name = cookie_name();
    const auto [first, last] = request.equal_range(http::field::cookie);
    for (auto field = first; field != last; ++field) {
        for (const std::string_view cookie : cookies_called(name, view(field->value()))) {
            if (entrance_.knows(cookie, Entrance::Clock::now())) return true;
        }
    }
    return false;
}

void PageServer::handle(const PageRequest& request, const std::shared_ptr<PageExchange>& exchange) {
    std::optional<Target> target = parse_target(view(request.target()));
    const bool document = target && (target->path == "/" || target->path == "/enter");
    if (const auto refused = gate_.refuses(head_of(request), document))
        return exchange->answer(make(refusal(refused->status, refused->why)));
    if (!target) return exchange->answer(make(refusal(400, "its target is not a path with parameters")));
    if (target->path == "/enter") return enter(*target, exchange, request.method() == http::verb::head);
    if (!target->path.starts_with(kApi)) {
        const PageFile* file = file_at(target->path);
        if (file == nullptr || !target->parameters.empty())
            return exchange->answer(make(refusal(404, "there is nothing that is called so")));
        return exchange->answer(file_response(*file));
    }
    if (!has_session(request)) {
        return exchange->answer(
            make(refusal(401, "there is no session: spanring page prints a link that begins one, and works once")));
    }
    exchange->note_trusted();
    ask(std::move(*target), exchange);
}

// No redirection: after one that another site began, a browser would not send a cookie of this kind.
void PageServer::enter(const Target& target, const std::shared_ptr<PageExchange>& exchange, bool head) {
    const PageFile* page = nullptr;
    for (const PageFile& file : page_files()) {
        if (file.name == "enter.html") page = &file;
    }
    const bool right = target.parameters.size() == 1 && target.parameters.front().first == "token";
    std::optional<std::string> cookie;
    // Who only asks what the link is about (a preview) does not use it up.
    if (right && page != nullptr && !head)
        cookie = entrance_.enter(target.parameters.front().second, Entrance::Clock::now());
    if (!cookie) {
        return exchange->answer(make(401, "text/plain; charset=utf-8",
                                     "This link was used already, or is too old. spanring page prints another one.\n"));
    }
    PageResponse response = make(200, page->type, std::string(page->content));
    response.set(http::field::set_cookie, cookie_name() + "=" + *cookie + "; Path=/; HttpOnly; SameSite=Strict" +
                                              (options_.tls.certificate.empty() ? "" : "; Secure"));
    exchange->answer(std::move(response));
}

void PageServer::ask(Target target, const std::shared_ptr<PageExchange>& exchange) {
    const auto question = std::make_shared<Question>(std::move(target));
    exchange->when_gone([question] { question->abandon(); });
    // The other thread must not be the last to let go of a connection, which belongs to this one.
    const bool asked = queries_.ask(question, [this, waiting = exchange](PageAnswer answer) mutable {
        asio::post(context_, [waiting = std::move(waiting), answer = std::move(answer)]() mutable {
            waiting->answer(make(std::move(answer)));
        });
    });
    if (!asked) exchange->answer(make(refusal(503, "too many questions wait for their answers")));
}

}  // namespace spanring::agent
