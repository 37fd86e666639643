// SPDX-License-Identifier: Apache-2.0
#include "command/processes/account_groups.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <tuple>
#include <utility>

#include "accounts/equations.hpp"

namespace spanring::agent {
namespace {

ProcessAccount sum_of(const std::vector<ProcessAccount>& accounts, const std::vector<size_t>& members) {
    std::vector<ProcessAccount> list;
    for (const size_t member : members) list.push_back(accounts[member]);
    ProcessAccount sum = total_of(list);
    sum.service = list.front().service;
    sum.program = list.front().program;
    sum.state = list.front().state;
    for (const ProcessAccount& account : list)
        sum.since_unix_nano = std::max(sum.since_unix_nano, account.since_unix_nano);
    return sum;
}

}  // namespace

std::vector<AccountGroup> grouped(const std::vector<ProcessAccount>& accounts,
                                  const std::function<bool(size_t which)>& may) {
    using Key = std::tuple<std::string, std::string, ProcessState>;
    std::map<Key, std::vector<size_t>> alike;
    const auto key_of = [](const ProcessAccount& account) {
        return Key{account.service, account.program, account.state};
    };
    std::vector<const std::vector<size_t>*> of(accounts.size());  // null: may not
    for (size_t i = 0; i < accounts.size(); ++i) {
        if (!may(i)) continue;
        std::vector<size_t>& members = alike[key_of(accounts[i])];
        members.push_back(i);
        of[i] = &members;
    }
    std::vector<AccountGroup> groups;
    for (size_t i = 0; i < accounts.size(); ++i) {
        if (of[i] == nullptr || of[i]->size() < kFewestInGroup)
            groups.push_back({accounts[i], {i}});
        else if (of[i]->front() == i)
            groups.push_back({sum_of(accounts, *of[i]), *of[i]});
    }
    return groups;
}

}  // namespace spanring::agent
