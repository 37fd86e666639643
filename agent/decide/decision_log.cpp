// SPDX-License-Identifier: Apache-2.0
#include "decide/decision_log.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error_text.hpp"
#include "base/wall_clock.hpp"
#include "ring/testpoint.hpp"

namespace spanring::agent {
namespace {

constexpr uint64_t kMagic = 0x3144'4543'5250'5300;  // in a file of the host's byte order
constexpr char kName[] = "/decisions";
constexpr char kOlder[] = ".older";
constexpr char kNext[] = ".next";

uint64_t hash_of(const std::vector<std::string>& names) {
    uint64_t hash = 0xcbf29ce484222325;
    for (const std::string& name : names) {
        for (size_t i = 0; i <= name.size(); ++i)  // with the zero behind it
            hash = (hash ^ static_cast<uint8_t>(name.c_str()[i])) * 0x100000001b3;
    }
    return hash;
}

constexpr uint64_t kMillisecond = 1'000'000;
constexpr uint32_t kMillisecondsInASecond = 1000;

uint32_t unix_seconds() { return static_cast<uint32_t>(unix_nano() / kMillisecond / kMillisecondsInASecond); }

bool write_all(int file, const void* from, size_t size) {
    const char* at = static_cast<const char*>(from);
    while (size != 0) {
        const ssize_t written = ::write(file, at, size);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return false;
        at += written;
        size -= static_cast<size_t>(written);
    }
    return true;
}

bool read_all(int file, void* to, size_t size) {
    char* at = static_cast<char*>(to);
    while (size != 0) {
        const ssize_t got = ::read(file, at, size);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        at += got;
        size -= static_cast<size_t>(got);
    }
    return true;
}

}  // namespace

uint32_t DecisionLog::Record::milliseconds() const {
    return std::max(unix_seconds * kMillisecondsInASecond + millisecond, 1u);
}

DecisionLog::DecisionLog(const std::string& directory, const std::vector<std::string>& rules, size_t most)
    : path_(directory.empty() ? std::string() : directory + kName),
      most_(most),
      no_policy_(static_cast<uint8_t>(rules.size() - 1)),
      places_(static_cast<uint8_t>(rules.size() + kRuleSlots)),
      header_{kMagic, hash_of(rules)} {}

std::vector<DecisionLog::Record> DecisionLog::read(const std::string& path, bool& ret_same_rules) const {
    std::vector<Record> records;
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    struct stat status;
    Header header;
    if (!file || ::fstat(file.get(), &status) != 0 || !read_all(file.get(), &header, sizeof header) ||
        header.magic != kMagic)
        return records;
    ret_same_rules = header.rules == header_.rules;
    // What was cut while it was written is no record.
    const size_t whole = (static_cast<size_t>(status.st_size) - sizeof header) / sizeof(Record);
    records.resize(std::min(whole, most_ + most_ / 2));
    // The newest ones.
    const size_t from = sizeof header + (whole - records.size()) * sizeof(Record);
    if (::lseek(file.get(), static_cast<off_t>(from), SEEK_SET) < 0) records.clear();
    if (!read_all(file.get(), records.data(), records.size() * sizeof(Record))) records.clear();
    return records;
}

void DecisionLog::read_into(DecisionMemory& memory, std::chrono::milliseconds kept_for, DecisionMemory::Time now) {
    if (path_.empty()) return;
    const uint32_t now_seconds = unix_seconds();
    std::vector<Record> known;
    for (const std::string& path : {path_ + kOlder, path_}) {
        bool same_rules = false;
        for (const Record& record : read(path, same_rules)) {
            const std::chrono::seconds age(now_seconds - std::min(now_seconds, record.unix_seconds));
            if (age >= kept_for) continue;
            const uint8_t rule = same_rules && record.rule < places_ ? record.rule : no_policy_;
            const uint8_t by_chance = same_rules ? record.by_chance : uint8_t{0};
            memory.add(record.key, {record.keep != 0, rule, record.milliseconds(), by_chance}, now - age);
            known.push_back({record.key, record.unix_seconds, rule, by_chance, record.keep, record.millisecond});
        }
    }
    // All that fits goes into one file, for nobody knows whether the last record of another is whole.
    const std::string next = path_ + kNext;
    begin_file(next);
    std::erase_if(known, [&](const Record& record) { return !memory.find(record.key, now); });
    added_ = std::move(known);
    write();
    SPR_TESTPOINT(decisions_read);
    if (file_ && ::rename(next.c_str(), path_.c_str()) == 0) {
        SPR_TESTPOINT(decisions_joined);
        ::unlink((path_ + kOlder).c_str());
    }
}

void DecisionLog::begin_file(const std::string& path) {
    written_ = 0;
    ::unlink(path.c_str());
    file_ = Descriptor(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (file_ && write_all(file_.get(), &header_, sizeof header_)) return;
    fail("cannot be made");
    if (file_) ::unlink(path.c_str());  // or it took the place of the older one
    file_.reset();
}

void DecisionLog::add(const TraceKey& key, Decision decision) {
    if (path_.empty()) return;
    const uint64_t now = unix_nano() / kMillisecond;
    added_.push_back({key, static_cast<uint32_t>(now / kMillisecondsInASecond), static_cast<uint8_t>(decision.rule),
                      decision.by_chance, static_cast<uint16_t>(decision.keep),
                      static_cast<uint16_t>(now % kMillisecondsInASecond)});
}

void DecisionLog::write() {
    if (added_.empty()) return;
    if (written_ >= most_ || !file_) {
        ::rename(path_.c_str(), (path_ + kOlder).c_str());
        SPR_TESTPOINT(decisions_set_apart);
        begin_file(path_);
        SPR_TESTPOINT(decisions_begun);
    }
    if (file_) {
        if (write_all(file_.get(), added_.data(), added_.size() * sizeof(Record))) {
            written_ += added_.size();
            failed_ = false;
        } else {
            fail("cannot be written");
            // What is in it stays. Where it cannot be cut: begun anew, for it may end in the middle of a record.
            const auto good = static_cast<off_t>(sizeof header_ + written_ * sizeof(Record));
            if (::ftruncate(file_.get(), good) != 0) file_.reset();
        }
    }
    added_.clear();
}

// Once, until it works again: decisions go on, and are forgotten with the agent.
void DecisionLog::fail(const char* what) {
    if (!std::exchange(failed_, true)) spdlog::error("{}: {}: {}", path_, what, error_text(errno));
}

}  // namespace spanring::agent
