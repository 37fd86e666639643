// SPDX-License-Identifier: Apache-2.0
#include "receive/senders.hpp"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <utility>

#include "base/wall_clock.hpp"

namespace spanring::agent {
namespace {

constexpr char kOther[] = "(other senders)";

// FNV-1a, twice. Whoever makes two names collide finds both in `other`, see of().
AccountId account_of(const std::string& service, const std::string& instance) {
    uint64_t hash[2] = {0xcbf29ce484222325, 0x9e3779b97f4a7c15};
    const auto add = [&](const std::string& text) {
        for (const char byte : text) {
            for (uint64_t& word : hash) word = (word ^ static_cast<uint8_t>(byte)) * 0x100000001b3;
        }
        for (uint64_t& word : hash) word = (word ^ 0x100) * 0x100000001b3;  // no byte: where the text ends
        hash[1] ^= hash[0] >> 29;
    };
    add("sender");
    add(service);
    add(instance);
    AccountId account;
    std::memcpy(account.data(), hash, sizeof hash);
    return account;
}

// `more`: what was counted apart, from nothing.
ring::Totals sum(ring::Totals totals, const ring::Totals& more) {
    totals.acknowledged += more.acknowledged;
    for (ring::ExporterTotals& row : totals.exporters) {
        if (row.exporter == 0) continue;
        const auto same =
            std::find_if(std::begin(more.exporters), std::end(more.exporters),
                         [&](const ring::ExporterTotals& other) { return other.exporter == row.exporter; });
        if (same == std::end(more.exporters)) {
            row.elsewhere += more.acknowledged;
            continue;
        }
        row.exported += same->exported;
        row.rejected += same->rejected;
        row.spooled += same->spooled;
        row.sampled_out += same->sampled_out;
        row.filtered += same->filtered;
        row.dropped_invalid += same->dropped_invalid;
        row.dropped_spool += same->dropped_spool;
    }
    return totals;
}

std::vector<ring::RuleTotals> sum(const std::vector<ring::RuleTotals>& rules,
                                  const std::vector<ring::RuleTotals>& more) {
    RuleAccounts accounts(rules);
    for (const ring::RuleTotals& row : more) accounts.add(row);
    return accounts.rows();
}

uint64_t& counter(ProcessRow& row, ring::Counter which) { return row.writer[static_cast<size_t>(which)]; }

}  // namespace

Senders::Senders(std::vector<ExporterRow> exporters)
    : exporters_(std::move(exporters)), other_(account_of(kOther, "")) {}

void Senders::count_for(std::vector<ExporterRow> exporters) {
    exporters_ = std::move(exporters);
    for (auto& [account, sender] : senders_) sender.accounts.count_for(exporters_);
}

void Senders::add_known(const std::vector<ProcessRow>& rows) {
    for (const ProcessRow& row : rows) {
        if (!row.sender) continue;
        const auto known = senders_.find(row.account());
        if (known == senders_.end()) {
            add(row);
            continue;
        }
        Sender& sender = known->second;
        const ProcessRow since = std::exchange(sender.row, row);
        for (size_t i = 0; i < since.writer.size(); ++i) sender.row.writer[i] += since.writer[i];
        sender.accounts =
            SegmentAccounts(sum(SegmentAccounts(row.agent, exporters_).totals(), sender.accounts.totals()), exporters_,
                            sum(row.rules, sender.accounts.rules()));
    }
}

Senders::Sender& Senders::add(ProcessRow row) {
    const AccountId account = row.account();
    SegmentAccounts accounts(row.agent, exporters_, row.rules);
    return senders_.try_emplace(account, Sender{std::move(row), std::move(accounts)}).first->second;
}

Senders::Sender& Senders::at(const AccountId& account) {
    if (const auto known = senders_.find(account); known != senders_.end()) return known->second;
    ProcessRow row;
    row.sender = true;
    row.finished = true;  // as far as the ledger is concerned: it may be forgotten when it is old
    row.instance = account;
    row.service = kOther;
    row.attached_unix_nano = unix_nano();
    return add(std::move(row));
}

ProcessIdentity Senders::of(const std::string& service, const std::string& instance) {
    const std::string kept_service = service.substr(0, kLongestName), kept_instance = instance.substr(0, kLongestName);
    const AccountId account = account_of(kept_service, kept_instance);
    if (const auto known = senders_.find(account); known != senders_.end()) {
        const ProcessRow& row = known->second.row;
        if (row.service == kept_service && row.program == kept_instance) return row.identity();
    } else if (senders_.size() < kMost) {
        ProcessRow row;
        row.sender = true;
        row.finished = true;
        row.instance = account;
        row.service = kept_service;
        row.program = kept_instance;
        row.attached_unix_nano = unix_nano();
        return add(std::move(row)).row.identity();
    }
    return at(other_).row.identity();
}

void Senders::received(const AccountId& account, uint64_t spans) {
    Sender& sender = at(account);
    counter(sender.row, ring::Counter::kStarted) += spans;
    counter(sender.row, ring::Counter::kEnded) += spans;
    sender.changed = true;
}

void Senders::resolved(const AccountId& account, const Completion& piece) {
    Sender& sender = at(account);
    sender.accounts.book(piece);
    sender.changed = true;
}

std::map<AccountId, uint64_t> Senders::pending() const {
    std::map<AccountId, uint64_t> pending;
    for (const auto& [account, sender] : senders_) {
        const uint64_t received = sender.row.writer[static_cast<size_t>(ring::Counter::kEnded)];
        const uint64_t resolved = sender.accounts.totals().acknowledged;
        if (received > resolved) pending.emplace(account, received - resolved);
    }
    return pending;
}

std::vector<ProcessRow> Senders::changed() {
    std::vector<ProcessRow> rows;
    for (auto& [account, sender] : senders_) {
        if (!sender.changed) continue;
        sender.row.agent = sender.accounts.totals();
        sender.row.rules = sender.accounts.rules();
        sender.row.updated_unix_nano = unix_nano();
        rows.push_back(sender.row);
    }
    return rows;
}

void Senders::written() {
    for (auto& [account, sender] : senders_) sender.changed = false;
}

}  // namespace spanring::agent
