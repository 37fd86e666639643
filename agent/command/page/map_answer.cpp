// SPDX-License-Identifier: Apache-2.0
//
// The map of services.
#include <nlohmann/json.hpp>

#include "command/json_text.hpp"
#include "command/page/page_answers.hpp"
#include "command/page/service_map.hpp"

namespace spanring::agent {
namespace {

constexpr uint64_t kUsual = 100'000;
constexpr uint64_t kMost = 1'000'000;

}  // namespace

PageAnswer map_answer(PageAnswers& page, Question& question) {
    const uint64_t since = question.moment("since", 0);
    const uint64_t most = question.number("spans", kUsual, kMost);
    question.check();
    const auto store = open_store(page.context(), question);
    ServiceMap map(most, since);
    bool whole = true;
    store->each_stored([&](std::span<const uint8_t> request) { return whole = map.add(request); });
    map.settle();
    nlohmann::ordered_json json;
    json["spans"] = map.spans();
    json["whole"] = whole;
    json["begin_unix_nano"] = map.spans() == 0 ? 0 : map.begin_unix_nano();
    json["end_unix_nano"] = map.end_unix_nano();
    json["services"] = nlohmann::ordered_json::array();
    for (const auto& [name, service] : map.services())
        json["services"].push_back({{"name", name}, {"spans", service.spans}, {"errors", service.errors}});
    json["edges"] = nlohmann::ordered_json::array();
    for (const auto& [edge, counts] : map.edges())
        json["edges"].push_back({{"from", edge.first},
                                 {"to", edge.second},
                                 {"calls", counts.spans()},
                                 {"errors", counts.errors},
                                 {"p50_nano", counts.quantile(0.5)},
                                 {"p99_nano", counts.quantile(0.99)}});
    return {200, json_text(json)};
}

}  // namespace spanring::agent
