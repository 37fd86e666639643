// SPDX-License-Identifier: Apache-2.0
//
// `spanring tail`: spans as they arrive in the local stores.
#include <unistd.h>

#include <chrono>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>

#include "base/wall_clock.hpp"
#include "command/commands.hpp"
#include "command/live/followed_stores.hpp"
#include "command/live/tail_view.hpp"
#include "otlp/span_decoder.hpp"
#include "search/query.hpp"

namespace spanring::agent {
namespace {

using Clock = std::chrono::steady_clock;

// An agent stores what has waited for at most 200ms; to ask costs some microseconds.
constexpr std::chrono::milliseconds kPeriod{100};
constexpr std::chrono::seconds kLookForMore{5};

struct Options {
    std::vector<std::string> words;
    uint64_t limit = 0;
    bool json = false;
};

class Tail {
public:
    Tail(const Options& options, search::Query query, const CommandContext& context)
        : options_(options),
          query_(std::move(query)),
          context_(context),
          terminal_(context.terminal()),
          on_terminal_(::isatty(STDOUT_FILENO) == 1),
          stores_(context) {}

    int run() {
        if (stores_.empty()) return stores_.explain();
        std::cerr << stores_.notes();
        // Whoever reads this knows that what ends from now on is shown.
        pass();
        if (options_.json)
            std::cerr << "Spans that arrive from now on:\n";
        else
            std::cout << tail_titles(terminal_) << std::flush;
        for (Clock::time_point more = Clock::now() + kLookForMore; !done();) {
            std::this_thread::sleep_for(kPeriod);
            if (Clock::now() >= more) {
                stores_.look_for_more();
                more = Clock::now() + kLookForMore;
            }
            pass();
        }
        return 0;
    }

private:
    bool done() const { return options_.limit != 0 && shown_ >= options_.limit; }

    void pass() {
        if (on_terminal_) terminal_ = context_.terminal();  // it may be wider now
        for (FollowedStores::Source& source : stores_.all()) {
            std::string problem;
            try {
                read(source.follower);
            } catch (const DatabaseError& error) {
                problem = error.what();
            }
            if (problem != source.problem && !problem.empty()) std::cerr << "spanring: " << printable(problem) << "\n";
            source.problem = std::move(problem);
        }
    }

    void read(StoreFollower& store) {
        const uint64_t missed = store.missed();
        for (const StoreFollower::Head& batch : store.fresh()) {
            if (done()) return;
            if (store.read(batch, request_)) show();
        }
        if (store.missed() != missed)
            std::cerr << "spanring: " << store.missed() - missed << " batches were removed from "
                      << printable(store.file()) << " before they were read\n";
    }

    // The lines of a batch go out at once: whatever ends this does not end it in the middle of a colour.
    void show() {
        std::string text;
        const uint64_t now = unix_nano();
        const std::span bytes(reinterpret_cast<const uint8_t*>(request_.data()), request_.size());
        visit_spans(bytes,
                    [&](const DecodedResource& resource, const DecodedScope& scope, std::span<const uint8_t> body) {
                        DecodedSpan span;
                        if (done() || !decode_span(body, span) || !query_.finds(resource, scope, span)) return;
                        ++shown_;
                        const TailedSpan tailed = {resource, scope, span};
                        text += options_.json ? tail_json(tailed) : tail_line(tailed, now, terminal_, !on_terminal_);
                    });
        std::cout << text << std::flush;
    }

    const Options& options_;
    const search::Query query_;
    const CommandContext& context_;
    Terminal terminal_;
    const bool on_terminal_;
    FollowedStores stores_;
    std::string request_;
    uint64_t shown_ = 0;
};

int run(const Options& options, const CommandContext& context) {
    search::Query query;
    std::string problem;
    if (!search::parse_query(options.words, query, problem)) {
        std::cerr << "spanring tail: " << printable(problem) << "\n";
        return kExitUsage;
    }
    return Tail(options, std::move(query), context).run();
}

}  // namespace

void add_tail(CLI::App& app, Selection& selection) {
    auto options = std::make_shared<Options>();
    CLI::App* command = app.add_subcommand("tail", "Spans as they arrive in the local store, until Ctrl-C");
    command->add_option("words", options->words, "what a span must be: see below")->type_name("WORD");
    command->add_option("-n,--limit", options->limit, "end after this many (0: never)")
        ->type_name("N")
        ->capture_default_str();
    command->add_flag("--json", options->json, "a JSON document for each span, on a line of its own");
    command->footer(std::string(search::kWordsHelp) + "\nA shell wants quotes around a word with < > * in it.");
    command->callback([options, &selection] {
        selection.run = [options](const CommandContext& context) { return run(*options, context); };
    });
}

}  // namespace spanring::agent
