// SPDX-License-Identifier: Apache-2.0
//
// `spanring page`: what the other commands show, in a browser. It only reads.
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

#include <cerrno>
#include <iostream>
#include <memory>
#include <stdexcept>

#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include "base/descriptor.hpp"
#include "base/error_text.hpp"
#include "base/text.hpp"
#include "command/commands.hpp"
#include "command/page/page_server.hpp"

namespace spanring::agent {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

struct Options {
    std::string listen = "127.0.0.1:0";
    PageTls tls;
    std::vector<std::string> names;
};

// What is wrong with them together; empty: nothing.
std::string problem_of(const PageOptions& options) {
    const bool tls = !options.tls.certificate.empty();
    if (tls != !options.tls.key.empty()) return "--tls-certificate and --tls-key belong together";
    if (options.endpoint.is_unix())
        return tls                     ? "there is no TLS on a unix socket"
               : options.names.empty() ? ""
                                       : "--host is for --listen HOST:PORT";
    if (!options.endpoint.is_loopback() && !tls)
        return "--listen: '" + options.endpoint.text() +
               "' may be reached from other hosts, and that is only with TLS: --tls-certificate and --tls-key";
    for (const std::string& file : {options.tls.certificate, options.tls.key}) {
        // TLS's own library does not say why.
        if (tls && !Descriptor(::open(file.c_str(), O_RDONLY | O_CLOEXEC))) return file + ": " + error_text(errno);
    }
    return "";
}

// Prints one more link each time it is asked to.
class LinkRequests {
public:
    LinkRequests(asio::io_context& context, PageServer& server) : signals_(context, SIGUSR1), server_(server) {
        await();
    }

private:
    void await() {
        signals_.async_wait([this](error_code error, int) {
            if (error) return;
            std::cout << server_.make_link() << std::endl;
            await();
        });
    }

    asio::signal_set signals_;
    PageServer& server_;
};

int run(const Options& options, const CommandContext& context) {
    PageOptions page;
    try {
        page.endpoint = parse_listen_address(options.listen);
    } catch (const std::invalid_argument& error) {
        std::cerr << "spanring page: --listen: " << printable(error.what()) << "\n";
        return kExitUsage;
    }
    page.tls = options.tls;
    for (const std::string& name : options.names) page.names.push_back(lower(name));
    if (const std::string problem = problem_of(page); !problem.empty()) {
        std::cerr << "spanring page: " << printable(problem) << "\n";
        return kExitUsage;
    }
    ::umask(0177);  // the socket is this user's alone, from its first moment on
    PageAnswers answers(context);
    asio::io_context loop{1};
    PageServer server(loop, page, answers);
    asio::signal_set ends(loop, SIGINT, SIGTERM, SIGHUP);
    ends.async_wait([&](error_code error, int) {
        if (!error) loop.stop();
    });
    LinkRequests links(loop, server);
    server.serve();
    std::cout << server.make_link() << std::endl;
    loop.run();
    return 0;
}

}  // namespace

void add_page(CLI::App& app, Selection& selection) {
    auto options = std::make_shared<Options>();
    CLI::App* command = app.add_subcommand("page", "The same in a browser: prints a link that works once");
    command
        ->add_option("--listen", options->listen,
                     "HOST:PORT (port 0: one that is free), or unix:PATH, a socket of this user alone")
        ->type_name("ADDRESS")
        ->capture_default_str();
    command->add_option("--tls-certificate", options->tls.certificate, "of this server, with its chain: PEM")
        ->type_name("FILE");
    command->add_option("--tls-key", options->tls.key, "the certificate's private key: PEM")->type_name("FILE");
    command->add_option("--host", options->names, "a name that browsers reach it by, beside localhost; several times")
        ->type_name("NAME")
        ->allow_extra_args(false);
    command->footer(
        "The link begins a session in the browser that opens it, within ten minutes; SIGUSR1 prints another one.\n"
        "Elsewhere than on loopback it serves only with TLS. Ctrl-C ends it, and all sessions.");
    command->callback([options, &selection] {
        selection.run = [options](const CommandContext& context) { return run(*options, context); };
    });
}

}  // namespace spanring::agent
