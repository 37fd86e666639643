// SPDX-License-Identifier: Apache-2.0
#include "command/sites.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <string_view>

#include <sys/stat.h>
#include <unistd.h>

#include "command/terminal/terminal.hpp"
#include "config/config.hpp"
#include "ring/runtime_directory.hpp"

namespace spanring::agent {
namespace {

using Directories = std::vector<std::string>;

void add(Directories& directories, const std::string& directory) {
    if (std::find(directories.begin(), directories.end(), directory) == directories.end())
        directories.push_back(directory);
}

void add(Directories& directories, const Directories& more) {
    for (const std::string& directory : more) add(directories, directory);
}

// Those that the library would use, for this user.
Directories own_directories() {
    Directories directories;
    for (uint32_t kind = 0; kind < static_cast<uint32_t>(ring::RuntimeDirectory::kCount); ++kind) {
        char path[ring::kRuntimePathSize];
        if (ring::runtime_directory_path(static_cast<ring::RuntimeDirectory>(kind), path, sizeof path) == 0) {
            add(directories, path);
        }
    }
    return directories;
}

// PARENT/PREFIX + number + SUFFIX, where it belongs to the user of that number.
Directories directories_of_users(const std::string& parent, std::string_view prefix, const std::string& suffix) {
    Directories directories;
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(parent, ignored)) {
        const std::string name = entry.path().filename();
        if (!name.starts_with(prefix)) continue;
        uid_t user = 0;
        const auto [stop, error] = std::from_chars(name.data() + prefix.size(), name.data() + name.size(), user);
        if (error != std::errc() || stop != name.data() + name.size()) continue;
        const std::string path = entry.path().string() + suffix;
        struct stat status {};
        if (::lstat(path.c_str(), &status) != 0 || !S_ISDIR(status.st_mode) || status.st_uid != user) continue;
        directories.push_back(path);
    }
    std::sort(directories.begin(), directories.end());
    return directories;
}

Directories directories_of_all_users() {
    Directories directories = directories_of_users("/run/spanring", "", "");
    add(directories, directories_of_users("/run/user", "", "/spanring"));
    add(directories, directories_of_users("/dev/shm", "spanring-", ""));
    return directories;
}

// Of those that it serves, those that this user may look into.
Directories directories_of(const RunningAgent& agent) {
    if (!agent.all_users) return agent.directories;
    Directories directories;
    for (const std::string& parent : agent.directories) {
        for (const std::string& directory : directories_of_users(parent, "", "")) {
            if (::access(directory.c_str(), R_OK | X_OK) == 0) add(directories, directory);
        }
    }
    return directories;
}

class Search {
public:
    explicit Search(const GivenPlaces& given) : given_(given) {}

    Sites find() {
        const std::string state = given_.state_directory.empty()
                                      ? default_state_directory(process_environment(), ::geteuid() == 0)
                                      : given_.state_directory;
        Directories directories = given_.directories;
        if (directories.empty()) {
            directories = own_directories();
            if (::geteuid() == 0 && given_.state_directory.empty()) add(directories, directories_of_all_users());
        }
        if (!given_.state_directory.empty()) {
            found_.all.push_back({state, std::move(directories), agent_at(state, running_agent_in)});
            take_directories_of(found_.all.front());
            return std::move(found_);
        }
        if (given_.directories.empty()) {
            if (auto agent = agent_at(state, running_agent_in)) site_of(std::move(*agent));
        }
        Directories unserved;
        for (const std::string& directory : directories) {
            auto agent = agent_at(directory, running_agent_of);
            // The agent of all users makes none of their directories.
            if (agent && agent->all_users && ::access(directory.c_str(), F_OK) != 0) agent.reset();
            if (!agent) {
                unserved.push_back(directory);
            } else {
                Site& site = site_of(std::move(*agent));
                if (is_parent(*site.agent, directory))
                    add(site.directories, directories_of(*site.agent));
                else
                    add(site.directories, directory);
            }
        }
        for (Site& site : found_.all) take_directories_of(site);
        place_unserved(unserved, state);
        std::stable_sort(found_.all.begin(), found_.all.end(),
                         [](const Site& a, const Site& b) { return is_own(a) && !is_own(b); });
        return std::move(found_);
    }

private:
    using Look = std::optional<RunningAgent> (&)(const std::string& directory, std::string& ret_problem);

    static bool is_own(const Site& site) { return !site.agent || site.agent->user == ::geteuid(); }

    static bool is_parent(const RunningAgent& agent, const std::string& directory) {
        return agent.all_users &&
               std::find(agent.directories.begin(), agent.directories.end(), directory) != agent.directories.end();
    }

    std::optional<RunningAgent> agent_at(const std::string& directory, Look look) {
        std::string problem;
        auto agent = look(directory, problem);
        if (!problem.empty())
            found_.problems.push_back(directory + "/" + Notice::kName + " is not believed: " + problem);
        return agent;
    }

    Site& site_of(RunningAgent agent) {
        for (Site& site : found_.all) {
            if (site.state_directory == agent.state_directory) return site;
        }
        const std::string state = agent.state_directory;
        return found_.all.emplace_back(Site{state, {}, std::move(agent)});
    }

    // An agent may serve directories that nobody would look for.
    void take_directories_of(Site& site) const {
        if (!site.agent || !given_.directories.empty()) return;
        Directories served = directories_of(*site.agent);
        std::erase_if(served, [&](const std::string& directory) {
            return std::any_of(found_.all.begin(), found_.all.end(), [&](const Site& other) {
                return std::find(other.directories.begin(), other.directories.end(), directory) !=
                       other.directories.end();
            });
        });
        add(site.directories, served);
    }

    // They go with this user's own agent, whose ledger may know their processes, else with its place.
    void place_unserved(const Directories& unserved, const std::string& state) {
        const auto own = std::find_if(found_.all.begin(), found_.all.end(), is_own);
        if (own != found_.all.end()) return add(own->directories, unserved);
        const bool any = std::any_of(unserved.begin(), unserved.end(), [](const std::string& directory) {
            return ::access(directory.c_str(), F_OK) == 0;
        });
        if (any || found_.all.empty()) found_.all.push_back({state, unserved, std::nullopt});
    }

    const GivenPlaces& given_;
    Sites found_;
};

}  // namespace

Sites find_sites(const GivenPlaces& given) { return Search(given).find(); }

const Site& Sites::only() const {
    std::vector<const Site*> running, own;
    for (const Site& site : all) {
        if (!site.agent) continue;
        running.push_back(&site);
        if (site.agent->user == ::geteuid()) own.push_back(&site);
    }
    if (all.size() == 1) return all.front();
    if (own.size() == 1) return *own.front();
    if (running.size() == 1) return *running.front();
    std::string text = "several agents run here; name one by --state-dir:";
    for (const Site* site : running)
        text += "\n  " + printable(site->state_directory) + "  (" + describe(*site->agent) + ")";
    throw SeveralSites(text);
}

std::string describe(const RunningAgent& agent) {
    const std::string pid = agent.pid > 0 ? "pid " + std::to_string(agent.pid) : "in another pid namespace";
    return agent.user == ::geteuid() ? pid : pid + " of user " + std::to_string(agent.user);
}

}  // namespace spanring::agent
