// SPDX-License-Identifier: Apache-2.0
//
// What the page can be asked, and who answers: a name of what is there, letter by letter, and a function. Each answer
// is made anew of what is there now; nothing is held open between two of them, so the agent never waits for a page.
//
// Header bill: the store's reader and the accounts, of which answers are made.
#pragma once

#include <memory>
#include <string>

#include "command/commands.hpp"
#include "command/page/exporter_watch.hpp"
#include "command/page/question.hpp"
#include "store/store_reader.hpp"

namespace spanring::agent {

class PageAnswers {
public:
    explicit PageAnswers(const CommandContext& context) : context_(context) {}

    // Any thread. Throws Unanswerable, and what what it asks throws.
    PageAnswer answer(Question& question);

    const CommandContext& context() const { return context_; }
    ExporterWatch& exporters() { return exporters_; }

private:
    const CommandContext& context_;
    ExporterWatch exporters_;
};

// Of a file that is read no longer than the question lasts. Throws Unanswerable where there is none.
std::unique_ptr<StoreReader> open_store(const CommandContext& context, const Question& question);

// Where a command would look, now.
Sites sites_now(const CommandContext& context);

PageAnswer search_answer(PageAnswers& page, Question& question);
PageAnswer trace_answer(PageAnswers& page, Question& question);
PageAnswer span_answer(PageAnswers& page, Question& question);
PageAnswer operations_answer(PageAnswers& page, Question& question);
PageAnswer operation_answer(PageAnswers& page, Question& question);
PageAnswer map_answer(PageAnswers& page, Question& question);
PageAnswer processes_answer(PageAnswers& page, Question& question);
PageAnswer exporters_answer(PageAnswers& page, Question& question);
PageAnswer losses_answer(PageAnswers& page, Question& question);

}  // namespace spanring::agent
