// SPDX-License-Identifier: Apache-2.0
//
// Operations: what each did, and what one did minute by minute.
#include <nlohmann/json.hpp>

#include "base/wall_clock.hpp"
#include "command/json_text.hpp"
#include "command/page/page_answers.hpp"
#include "command/traces/measured_operations.hpp"
#include "store/operation_slice.hpp"

namespace spanring::agent {
namespace {

using Json = nlohmann::ordered_json;

constexpr unsigned kBadRequest = 400;
constexpr uint64_t kMostOperations = 1000;
constexpr uint64_t kHour = 3600ULL * 1'000'000'000;

}  // namespace

PageAnswer operations_answer(PageAnswers& page, Question& question) {
    search::Query query;
    std::string problem;
    if (!search::parse_query(question.words("q"), query, problem)) throw Unanswerable(kBadRequest, problem);
    const uint64_t since = question.moment("since", 0);
    OperationChoice choice;
    choice.service = question.text("service");
    choice.name = question.text("name");
    choice.sort = question.one_of("sort", {"spans", "errors", "total", "p50", "p95", "p99"});
    choice.limit = question.number("limit", 50, kMostOperations);
    if (choice.limit == 0) choice.limit = kMostOperations;
    question.check();
    const auto store = open_store(page.context(), question);
    const bool by_agent = query.empty();
    const MeasuredOperations measured =
        by_agent ? measured_by_agent(*store, since) : found_in_store(*store, query, since);
    size_t all = 0;
    const std::vector<const MeasuredOperation*> list = chosen(measured.operations, choice, all);
    Json json = operations_json(measured, list, by_agent);
    json["all"] = all;
    return {200, json_text(json)};
}

PageAnswer operation_answer(PageAnswers& page, Question& question) {
    const uint64_t now = unix_nano();
    const uint64_t since = question.moment("since", now - kHour);
    const OperationName wanted{question.text("service"), question.text("name")};
    const bool any = question.flag("any");
    question.check();
    const auto store = open_store(page.context(), question);
    Json json;
    json["service"] = wanted.service;
    json["name"] = wanted.name;
    json["slice_nano"] = kNanosecondsOfSlice;
    json["end_unix_nano"] = now;
    json["slices"] = Json::array();
    store->each_minute(since, [&](uint64_t begin, const OperationTable& minute) {
        OperationCounts counts;
        if (any) {
            for (const auto& [name, more] : minute) counts.add(more);
        } else if (const auto found = minute.find(wanted); found != minute.end()) {
            counts = found->second;
        }
        if (counts.spans() == 0) return;
        json["slices"].push_back({{"begin_unix_nano", begin},
                                  {"spans", counts.spans()},
                                  {"errors", counts.errors},
                                  {"duration_nano", counts.whole_nanoseconds()},
                                  {"p50_nano", counts.quantile(0.5)},
                                  {"p95_nano", counts.quantile(0.95)},
                                  {"p99_nano", counts.quantile(0.99)},
                                  {"histogram", histogram_json(counts)}});
    });
    return {200, json_text(json)};
}

}  // namespace spanring::agent
