// SPDX-License-Identifier: Apache-2.0
//
// The ledger over its file. One connection behind a mutex: it is written a few times a second at most. Where the file
// cannot be opened or written (a full disk) the agent goes on: rows are refused until it can (their owners tell
// them again), what spools did is kept in memory. Where it is damaged, it is set aside and a new one is made.
#include "ledger/ledger.hpp"
#include "base/mutex.hpp"

#include <spdlog/spdlog.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "base/private_directory.hpp"
#include "base/standing_trouble.hpp"
#include "ledger/ledger_tables.hpp"

namespace spanring::agent {
namespace {

constexpr std::chrono::seconds kOpenPause{1};

class FileLedger final : public Ledger {
public:
    explicit FileLedger(std::string file) : file_(std::move(file)) {
        for (int times = 0; times < 2 && !tables_; ++times) {  // the first may have been damaged
            next_open_ = {};
            guarded("opening", [] {});
        }
    }

    bool follows_a_death() const override {
        const MutexLock lock(mutex_);
        return follows_a_death_;
    }

    void end_well() override {
        const MutexLock lock(mutex_);
        guarded("closing", [&]() SPR_REQUIRES(mutex_) { tables_->end_well(); });
    }

    bool update(const ProcessRow& process) override { return update_all({&process, 1}); }

    bool update_all(std::span<const ProcessRow> processes) override {
        const MutexLock lock(mutex_);
        return guarded("update", [&]() SPR_REQUIRES(mutex_) { tables_->update(processes); });
    }

    void book_spool(const AccountId& account, const std::string& exporter, const SpoolRow& more) override {
        const MutexLock lock(mutex_);
        SpoolRow& row = untold_[{account, exporter_hash(exporter)}];
        row.exported += more.exported;
        row.rejected += more.rejected;
        row.dropped += more.dropped;
        guarded("booking", [] {});
    }

    uint64_t settle_spool(const std::string& exporter, const std::string& directory,
                          const SpooledSpans& held) override {
        const MutexLock lock(mutex_);
        uint64_t lost = 0;
        guarded("settling",
                [&]() SPR_REQUIRES(mutex_) { lost = tables_->settle_spool(exporter_hash(exporter), directory, held); });
        return lost;
    }

    void name_exporter(const std::string& exporter) override {
        const MutexLock lock(mutex_);
        names_.insert(exporter);
        guarded("naming", [&]() SPR_REQUIRES(mutex_) { tables_->name_exporter(exporter); });
    }

    void name_rule(uint64_t rule, const std::string& name) override {
        const MutexLock lock(mutex_);
        rules_[rule] = name;
        guarded("naming", [&]() SPR_REQUIRES(mutex_) { tables_->name_rule(rule, name); });
    }

    bool book_received(const ReceivedBooking& booking) override {
        const MutexLock lock(mutex_);
        return guarded("booking", [&]() SPR_REQUIRES(mutex_) { tables_->book_received(booking); });
    }

    std::optional<std::vector<uint64_t>> kept_requests() const override {
        {
            const MutexLock lock(mutex_);
            if (lost_) return std::nullopt;
        }
        return read(std::optional<std::vector<uint64_t>>(),
                    [](LedgerTables& tables) { return std::optional(tables.kept_requests()); });
    }

    std::vector<ProcessRow> processes() const override {
        return read(std::vector<ProcessRow>{}, [](LedgerTables& tables) { return tables.processes(); });
    }

    SpoolRow spool(const AccountId& account, const std::string& exporter) const override {
        return read(SpoolRow{}, [&](LedgerTables& tables) { return tables.spool(account, exporter_hash(exporter)); });
    }

    std::string exporter_name(uint64_t hash) const override {
        return read(std::string(), [&](LedgerTables& tables) { return tables.exporter_name(hash); });
    }

    std::string rule_name(uint64_t rule) const override {
        return read(std::string(), [&](LedgerTables& tables) { return tables.rule_name(rule); });
    }

private:
    template <class Result, class Work>
    Result read(Result nothing, Work work) const {
        const MutexLock lock(mutex_);
        try {
            return tables_ ? work(*tables_) : nothing;
        } catch (const DatabaseError&) {  // the next write tells, and sets aside what is damaged
            return nothing;
        }
    }

    // False: it is not written. Told once, until it is again.
    template <class Work>
    bool guarded(const char* doing, Work work) SPR_REQUIRES(mutex_) {
        const auto now = std::chrono::steady_clock::now();
        if (!tables_ && now < next_open_) return false;
        try {
            if (!tables_) open();
            tell_untold();
            work();
            if (broken_.end()) spdlog::info("ledger: it is written again");
            return true;
        } catch (const DatabaseError& error) {
            if (broken_.begin("it cannot be written, accounts of processes are incomplete"))
                spdlog::error("ledger: {} failed, accounts of processes are incomplete: {}", doing, error.what());
            next_open_ = now + kOpenPause;
            if (error.damaged()) replace(error.what());
            return false;
        }
    }

    void open() SPR_REQUIRES(mutex_) {
        try {
            make_private_directories(std::filesystem::path(file_).parent_path().string());
        } catch (const std::system_error& error) {
            throw DatabaseError(error.what());
        }
        tables_.emplace(file_);
        try {
            follows_a_death_ = tables_->begin() || lost_;
            for (const std::string& name : names_) tables_->name_exporter(name);
            for (const auto& [rule, name] : rules_) tables_->name_rule(rule, name);
        } catch (const DatabaseError&) {
            tables_.reset();
            throw;
        }
    }

    // What was in the file is not known any more: whatever earlier agents did may come twice.
    void replace(const std::string& why) SPR_REQUIRES(mutex_) {
        tables_.reset();
        lost_ = true;
        try {
            Database::set_aside(file_, why);
            next_open_ = {};
        } catch (const DatabaseError& error) {
            spdlog::error("ledger: {}", error.what());
        }
    }

    void tell_untold() SPR_REQUIRES(mutex_) {
        while (!untold_.empty()) {
            const auto& [key, row] = *untold_.begin();
            tables_->book_spool(key.first, key.second, row);
            untold_.erase(untold_.begin());
        }
    }

    const std::string file_;
    mutable Mutex mutex_;
    mutable std::optional<LedgerTables> tables_ SPR_GUARDED_BY(mutex_);  // none: it cannot be opened
    std::chrono::steady_clock::time_point next_open_ SPR_GUARDED_BY(mutex_){};
    StandingTrouble broken_ SPR_GUARDED_BY(mutex_){"ledger", "not_written"};
    bool lost_ SPR_GUARDED_BY(mutex_) = false;            // what earlier agents wrote
    bool follows_a_death_ SPR_GUARDED_BY(mutex_) = true;  // until it is known
    std::set<std::string> names_ SPR_GUARDED_BY(mutex_);
    std::map<uint64_t, std::string> rules_ SPR_GUARDED_BY(mutex_);
    std::map<std::pair<AccountId, uint64_t>, SpoolRow> untold_ SPR_GUARDED_BY(mutex_);  // of spools, by process and
                                                                                        // exporter
};

// Throws on any call, as it says.
class LedgerReader final : public Ledger {
public:
    explicit LedgerReader(const std::string& file) : tables_(LedgerTables::open_read_only(file)) {}

    bool update(const ProcessRow&) override { return false; }
    void book_spool(const AccountId&, const std::string&, const SpoolRow&) override {}
    std::vector<ProcessRow> processes() const override {
        const MutexLock lock(mutex_);
        return tables_.processes();
    }
    SpoolRow spool(const AccountId& account, const std::string& exporter) const override {
        const MutexLock lock(mutex_);
        return tables_.spool(account, exporter_hash(exporter));
    }
    std::string exporter_name(uint64_t hash) const override {
        const MutexLock lock(mutex_);
        return tables_.exporter_name(hash);
    }
    std::string rule_name(uint64_t rule) const override {
        const MutexLock lock(mutex_);
        return tables_.rule_name(rule);
    }

private:
    mutable Mutex mutex_;
    mutable LedgerTables tables_ SPR_GUARDED_BY(mutex_);
};

}  // namespace

// FNV-1a.
uint64_t exporter_hash(const std::string& name) {
    uint64_t hash = 0xcbf29ce484222325;
    for (const char byte : name) hash = (hash ^ static_cast<uint8_t>(byte)) * 0x100000001b3;
    return hash != 0 ? hash : 1;
}

std::unique_ptr<Ledger> Ledger::open(const std::string& file) {
    try {
        prepare_private_directory(std::filesystem::path(file).parent_path().string());
    } catch (const std::system_error& error) {
        spdlog::error("ledger: {}", error.what());
    }
    return std::make_unique<FileLedger>(file);
}

std::unique_ptr<Ledger> Ledger::open_read_only(const std::string& file) { return std::make_unique<LedgerReader>(file); }

}  // namespace spanring::agent
