// SPDX-License-Identifier: Apache-2.0
#include "command/live/followed_stores.hpp"

#include <unistd.h>

#include <iostream>

#include "base/text.hpp"
#include "base/wall_clock.hpp"

namespace spanring::agent {
namespace {

bool is_there(const std::string& file) { return ::access(file.c_str(), F_OK) == 0; }

}  // namespace

FollowedStores::FollowedStores(const CommandContext& context) : context_(context), begin_unix_nano_(unix_nano()) {
    if (!context.store.empty())
        add(context.store);
    else
        take(context.sites);
}

void FollowedStores::look_for_more() {
    if (context_.store.empty()) take(find_sites(context_.given));
}

void FollowedStores::take(const Sites& sites) {
    for (const Site& site : sites.all) {
        if (site.agent) {
            for (const std::string& file : site.agent->stores) add(file);  // one that is to come as well
        } else if (is_there(site.store_file())) {
            add(site.store_file());  // another agent may go on with it
        }
    }
}

void FollowedStores::add(const std::string& file) {
    if (files_.insert(file).second) stores_.emplace_back(file, begin_unix_nano_);
}

std::string FollowedStores::notes() const {
    std::string text;
    if (!context_.store.empty()) return text;
    for (const Site& site : context_.sites.all) {
        if (!site.agent || !site.agent->stores.empty()) continue;
        text += "The agent (" + describe(*site.agent) + ") exports to " + printable(join(site.agent->exporters)) +
                " and keeps no store.\n";
    }
    return text;
}

int FollowedStores::explain() const {
    std::cerr
        << "spanring: there is no local store to read spans from.\n"
        << notes()
        << "spanring-agent keeps one where no endpoint is configured, or with --exporter store beside the others; "
           "--store\nFILE names the file itself.\n";
    return kExitUsage;
}

}  // namespace spanring::agent
