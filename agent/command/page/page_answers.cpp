// SPDX-License-Identifier: Apache-2.0
#include "command/page/page_answers.hpp"

#include <cerrno>
#include <string_view>

#include <nlohmann/json.hpp>
#include <pwd.h>
#include <unistd.h>

#include "base/version.hpp"
#include "base/wall_clock.hpp"
#include "command/attributes_json.hpp"
#include "command/json_text.hpp"
#include "command/open/open_json.hpp"
#include "command/open/open_look.hpp"
#include "command/processes/process_json.hpp"

namespace spanring::agent {
namespace {

constexpr unsigned kNotFound = 404;
constexpr uint64_t kMostRows = 1000;

std::string store_file(const CommandContext& context) {
    if (!context.store.empty()) return context.store;
    try {
        return sites_now(context).only().store_file();
    } catch (const SeveralSites& several) {
        throw Unanswerable(kNotFound, several.what(), StoreTrouble::kSeveral);
    }
}

std::string user_name() {
    char buffer[4096];
    passwd entry{};
    passwd* found = nullptr;
    const bool known = ::getpwuid_r(::geteuid(), &entry, buffer, sizeof buffer, &found) == 0 && found != nullptr;
    return known ? found->pw_name : std::to_string(::geteuid());
}

PageAnswer status_answer(PageAnswers& page, Question& question) {
    question.check();
    const Sites sites = sites_now(page.context());
    std::vector<std::string> problems = sites.problems;
    nlohmann::ordered_json json;
    json["version"] = version();
    json["now_unix_nano"] = unix_nano();
    json["user"] = user_name();
    json["store"] = nullptr;
    json["stored_spans"] = nullptr;
    json["evicted_spans"] = nullptr;
    try {
        json["store"] = store_file(page.context());
        const auto store = open_store(page.context(), question);
        json["stored_spans"] = store->stored_spans();
        json["evicted_spans"] = store->evicted_spans();
    } catch (const Unanswerable& error) {
        if (error.store == StoreTrouble::kNone) throw;
    } catch (const DatabaseError& error) {  // another user's, or damaged; an agent may be making it
        problems.push_back(error.what());
    }
    json["agents"] = nlohmann::ordered_json::array();
    for (const Site& site : sites.all) {
        if (site.agent) json["agents"].push_back(agent_json(*site.agent));
    }
    json["problems"] = problems;
    return {200, json_text(json)};
}

PageAnswer open_answer(PageAnswers& page, Question& question) {
    OpenFilter filter;
    filter.service = question.text("service");
    filter.name = question.text("name");
    if (const uint64_t pid = question.number("pid", 0, UINT32_MAX); pid != 0) filter.pid = static_cast<uint32_t>(pid);
    filter.stuck_nano = question.duration_nano("stuck", 0);
    filter.limit = question.number("limit", 100, kMostRows);
    if (filter.limit == 0) filter.limit = kMostRows;
    question.check();
    nlohmann::ordered_json json = open_look_json(look_at_open_spans(sites_now(page.context()), filter), nullptr);
    for (auto& span : json["spans"]) make_exact_for_browsers(span["attributes"]);
    return {200, json_text(json)};
}

struct Route {
    std::string_view path;
    PageAnswer (*answer)(PageAnswers& page, Question& question);
};
constexpr Route kRoutes[] = {{"/api/status", status_answer},
                             {"/api/search", search_answer},
                             {"/api/trace", trace_answer},
                             {"/api/span", span_answer},
                             {"/api/operations", operations_answer},
                             {"/api/operation", operation_answer},
                             {"/api/map", map_answer},
                             {"/api/open", open_answer},
                             {"/api/processes", processes_answer},
                             {"/api/exporters", exporters_answer},
                             {"/api/losses", losses_answer}};

}  // namespace

PageAnswer PageAnswers::answer(Question& question) {
    for (const Route& route : kRoutes) {
        if (route.path == question.path()) return route.answer(*this, question);
    }
    throw Unanswerable(kNotFound, "there is nothing that is called so");
}

Sites sites_now(const CommandContext& context) { return find_sites(context.given); }

std::unique_ptr<StoreReader> open_store(const CommandContext& context, const Question& question) {
    const std::string file = store_file(context);
    if (::access(file.c_str(), F_OK) != 0 && errno == ENOENT)
        throw Unanswerable(kNotFound,
                           "there is no span store at " + file +
                               ": spanring-agent keeps one where no endpoint is configured, or with --exporter store",
                           StoreTrouble::kMissing);
    auto store = std::make_unique<StoreReader>(file);
    store->stop_when([&question] { return question.is_over(); });
    return store;
}

}  // namespace spanring::agent
