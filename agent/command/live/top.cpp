// SPDX-License-Identifier: Apache-2.0
//
// `spanring top`: what processes, exporters and operations do, second by second.
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <iterator>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "base/wall_clock.hpp"
#include "command/commands.hpp"
#include "command/live/account_watch.hpp"
#include "command/live/operation_feed.hpp"
#include "command/live/top_screen.hpp"
#include "command/live/top_view.hpp"
#include "command/refresh_period.hpp"
#include "command/terminal/awaited_signals.hpp"
#include "command/terminal/repeated_output.hpp"
#include "presence/exporter_report.hpp"

namespace spanring::agent {
namespace {

using Clock = AwaitedSignals::Clock;
using Event = AwaitedSignals::Event;
using Period = std::chrono::nanoseconds;

constexpr std::chrono::seconds kLookForMore{5};
constexpr Period kShortest = std::chrono::milliseconds{250};
constexpr Period kLongest = std::chrono::minutes{1};
constexpr size_t kAllRows = 100'000;
constexpr int kSignalled = -1;  // in place of an exit code

// All that is looked at.
class TopSources {
public:
    explicit TopSources(const CommandContext& context)
        : context_(context), accounts_(context.sites), feed_(context), operations_(Clock::now()) {}

    TopLook look() {
        const Clock::time_point now = Clock::now();
        if (now >= more_) {
            accounts_.follow(find_sites(context_.given));
            feed_.look_for_more();
            more_ = now + kLookForMore;
        }
        TopLook look;
        look.unix_nano = unix_nano();
        Survey survey = accounts_.look();
        std::move(survey.senders.begin(), survey.senders.end(), std::back_inserter(survey.processes));
        std::vector<ExporterReport> reports;
        for (const Site& site : accounts_.sites().all) {
            if (!site.agent) continue;
            std::vector<ExporterReport> said = exporter_reports_of(*site.agent);
            std::move(said.begin(), said.end(), std::back_inserter(reports));
        }
        look.rates = rates_.update(now, look.unix_nano, std::move(survey.processes), reports);
        operations_.turn(now);
        feed_.read_into(operations_);
        look.operations = operations_.rows(now);
        look.note = note(survey);
        return look;
    }

private:
    std::string note(const Survey& survey) const {
        if (!survey.problems.empty())
            return survey.problems.front() +
                   (survey.problems.size() > 1 ? " (and " + std::to_string(survey.problems.size() - 1) + " more)" : "");
        if (!feed_.follows()) return "no operations: no agent here keeps a local store (--exporter store)";
        return feed_.problem();
    }

    const CommandContext& context_;
    AccountWatch accounts_;
    AccountRates rates_;
    OperationFeed feed_;
    OperationWindow operations_;
    Clock::time_point more_ = Clock::now() + kLookForMore;
};

// Every table whole, one look below the other.
std::string page_of(TopView& view, const Terminal& terminal) {
    std::string text;
    for (const TopView::Line& line : view.lines(kAllRows, terminal)) {
        for (const Table::Cell& piece : line) text += terminal.paint(piece.colour, piece.text);
        while (!text.empty() && text.back() == ' ') text.pop_back();
        text += '\n';
    }
    return text;
}

int run_plainly(Period period, const CommandContext& context) {
    TopSources sources(context);
    TopView view(false);
    return repeat_output({period, true, ""}, [&] {
        view.show(sources.look());
        return page_of(view, context.terminal()) + "\n";
    });
}

int run_on(TopScreen& screen, Period period, AwaitedSignals& signals, const CommandContext& context) {
    TopSources sources(context);
    TopView view;
    view.show(sources.look());
    Clock::time_point next = Clock::now() + period;
    for (;;) {
        screen.draw(view.lines(screen.rows(), context.terminal()));
        switch (signals.wait_until(view.paused() ? Clock::time_point::max() : next, STDIN_FILENO)) {
            case Event::kTime:
                view.show(sources.look());
                next = Clock::now() + period;
                break;
            case Event::kInput: {
                bool any = false;
                for (int key = screen.key(); key >= 0; key = screen.key()) {
                    any = true;
                    const TopView::Wish wish = view.press(key);
                    if (wish == TopView::Wish::kEnd) return 0;
                    if (wish == TopView::Wish::kLater) period = std::min(2 * period, kLongest);
                    if (wish == TopView::Wish::kSooner) period = std::max(period / 2, kShortest);
                }
                if (!any) return 0;  // stdin has ended
                break;
            }
            case Event::kRedraw: screen.resized(); break;
            case Event::kStop:
                screen.leave();
                signals.stop();
                screen.resized();
                break;
            case Event::kEnd: return kSignalled;
        }
    }
}

int run(Period period, const CommandContext& context) {
    if (::isatty(STDOUT_FILENO) == 1 && ::isatty(STDIN_FILENO) == 1) {
        AwaitedSignals signals;
        const Terminal terminal = context.terminal();
        if (std::unique_ptr<TopScreen> screen = TopScreen::open(terminal.colours, terminal.unicode)) {
            const int code = run_on(*screen, period, signals, context);
            screen.reset();
            return code == kSignalled ? signals.end() : code;
        }
        std::cerr << "spanring top: without keys: "
                  << (kHasNcurses ? "the kind of this terminal (TERM) is not known" : "it was built without ncurses")
                  << "; Ctrl-C ends it\n";
    }
    return run_plainly(period, context);
}

}  // namespace

void add_top(CLI::App& app, Selection& selection) {
    auto period = std::make_shared<Period>(std::chrono::seconds{1});
    CLI::App* command = app.add_subcommand("top", "Processes, exporters and operations, second by second; by keys");
    add_interval(*command, *period);
    command->footer(
        "Keys: ? lists them, q ends. Where stdout or stdin is no terminal, one look is printed below the other.");
    command->callback([period, &selection] {
        selection.run = [period](const CommandContext& context) { return run(*period, context); };
    });
}

}  // namespace spanring::agent
