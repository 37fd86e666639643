// SPDX-License-Identifier: Apache-2.0
#include "export/tap/options.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <set>
#include <stdexcept>
#include <system_error>

#include "base/error_text.hpp"
#include "base/option.hpp"
#include "search/query.hpp"
#include "tap/line.hpp"

namespace spanring::agent {
namespace {

using namespace option;

constexpr char kProgram[] = "spanring-tap";

// iceoryx's own take a hundred bytes, and anything in them.
void check_name(const std::string& text) {
    if (text.size() > kMostTapText)
        throw std::invalid_argument("is longer than " + std::to_string(kMostTapText) + " bytes");
    for (const char c : text)
        if (c < 0x21 || c > 0x7e) throw std::invalid_argument("has other characters than visible ones of ASCII");
}

std::string fault_of_words(const std::vector<std::string>& words) {
    search::Query query;
    std::string problem;
    search::parse_query(words, query, problem);
    return problem;
}

std::vector<Option> describe(TapSubscription& subscription) {
    return {
        {"event", text(subscription.event, "name", check_name), "by which programs subscribe to it"},
        {"where", TextList{subscription.where, "list of words", fault_of_words},
         "all hold of its spans: the words by which `spanring tail` looks for spans"},
    };
}

// Beside the agent in a build folder, else in the libexec of the same prefix. Asked for before the agent confines
// itself.
const std::string& installed_program() {
    static const std::string program = [] {
        std::error_code error;
        const std::filesystem::path own = std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
        const std::filesystem::path beside = own / kProgram;
        if (::access(beside.c_str(), X_OK) == 0) return beside.string();
        return (own.parent_path() / "libexec" / kProgram).string();
    }();
    return program;
}

}  // namespace

std::string TapOptions::instance_name() const { return instance.empty() ? std::to_string(::geteuid()) : instance; }

std::vector<TapSubscription> TapOptions::all_subscriptions() const {
    return subscriptions.empty() ? std::vector<TapSubscription>{{"spans", {}}} : subscriptions;
}

std::string TapOptions::program_file() const { return program.empty() ? installed_program() : program; }

std::vector<Option> describe(TapOptions& options) {
    installed_program();
    const auto add = [&options] { return describe(options.subscriptions.emplace_back()); };
    const auto items = [&options] {
        std::vector<std::vector<Option>> items;
        for (TapSubscription& subscription : options.subscriptions) items.push_back(describe(subscription));
        return items;
    };
    return {
        {"instance", text(options.instance, "name", check_name), "of the service `spanring.traces.v1`",
         "number of the user"},
        {"subscriptions", GroupList{add, kMostTapSubscriptions, "event", items}},
        {"chunk_bytes", size(options.chunk_bytes, uint64_t{4} << 10),
         "most bytes of a message, but where a single span has more"},
        {"queue_size", size(options.queue_bytes, uint64_t{1} << 20), "most bytes that wait for the program"},
        {"timeout", duration(options.timeout, milliseconds(2000)),
         "a program that was silent for so long is ended, and started again"},
        {"program", text(options.program, "absolute path"), "that publishes", "the installed `spanring-tap`"},
    };
}

std::vector<OptionFault> faults_of(const TapOptions& options) {
    std::vector<OptionFault> faults;
    if (!options.program.empty() && options.program.front() != '/')
        faults.push_back({"program", "'" + options.program + "' is not an absolute path"});
    std::set<std::string> events;
    for (const TapSubscription& each : options.subscriptions) {
        if (each.event.empty())
            faults.push_back({"subscriptions", "each must say event"});
        else if (!events.insert(each.event).second)
            faults.push_back({"subscriptions", "event '" + each.event + "' is there twice"});
    }
    return faults;
}

std::vector<OptionFault> file_faults_of(const TapOptions& options) {
    const std::string file = options.program_file();
    struct stat status {};
    if (::stat(file.c_str(), &status) == 0 && S_ISREG(status.st_mode) && ::access(file.c_str(), X_OK) == 0) return {};
    return {
        {"program", file + ": " + error_text(errno != 0 ? errno : EACCES) +
                        "; this exporter needs the program spanring-tap, which a build with iceoryx has (Debian: the "
                        "package spanring-tap)"}};
}

}  // namespace spanring::agent
