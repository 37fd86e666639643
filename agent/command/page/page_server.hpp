// SPDX-License-Identifier: Apache-2.0
//
// The page's server: who may ask (gate.hpp, entrance.hpp), its own files, and answers that other threads make. One
// thread runs its context.
//
// Header bill: connections.hpp; page.cpp alone includes it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "command/page/connections.hpp"
#include "command/page/entrance.hpp"
#include "command/page/gate.hpp"
#include "command/page/page_answers.hpp"
#include "command/page/query_threads.hpp"

namespace spanring::agent {

struct PageOptions {
    ListenAddress endpoint{"127.0.0.1", 0, ""};
    PageTls tls;
    std::vector<std::string> names;  // hosts that it is reached by, beside loopback's own
};

class PageServer {
public:
    // Listens at once. Throws std::runtime_error that says what it cannot. Both outlive it.
    PageServer(boost::asio::io_context& context, const PageOptions& options, PageAnswers& answers);
    ~PageServer();
    PageServer(const PageServer&) = delete;
    PageServer& operator=(const PageServer&) = delete;

    void serve();
    std::string make_link();  // of a unix socket its path: whoever may open it needs no link

private:
    void handle(const PageRequest& request, const std::shared_ptr<PageExchange>& exchange);
    void enter(const Target& target, const std::shared_ptr<PageExchange>& exchange, bool head);
    void ask(Target target, const std::shared_ptr<PageExchange>& exchange);
    bool has_session(const PageRequest& request);
    std::string cookie_name() const;

    boost::asio::io_context& context_;
    const PageOptions options_;
    PageConnections connections_;
    const Gate gate_;
    Entrance entrance_;
    QueryThreads queries_;  // goes first: its threads post to the context
};

}  // namespace spanring::agent
