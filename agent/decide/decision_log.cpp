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

constexpr uint64_t kMagic = 0x3244'4543'5250'5300;  // in a file of the host's byte order
constexpr char kName[] = "/decisions";
constexpr char kOlder[] = ".older";
constexpr char kNext[] = ".next";

uint64_t hash_of(const std::string& text) {
    uint64_t hash = 0xcbf29ce484222325;
    for (const char character : text) hash = (hash ^ static_cast<uint8_t>(character)) * 0x100000001b3;
    return hash;
}

constexpr uint64_t kMostPlaces = 255;  // that Record::rule has

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

DecisionLog::DecisionLog(const std::string& directory, const std::vector<std::string>& names,
                         const std::vector<std::string>& meanings, size_t most)
    : path_(directory.empty() ? std::string() : directory + kName), most_(most) {
    for (size_t place = 0; place < names.size(); ++place)
        places_.push_back({hash_of(names[place]), hash_of(meanings[place])});
}

std::vector<DecisionLog::Record> DecisionLog::read(const std::string& path) const {
    std::vector<Record> records;
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    struct stat status;
    Header header;
    if (!file || ::fstat(file.get(), &status) != 0 || !read_all(file.get(), &header, sizeof header) ||
        header.magic != kMagic || header.places > kMostPlaces)
        return records;
    std::vector<Place> places(header.places);
    if (!read_all(file.get(), places.data(), places.size() * sizeof(Place))) return records;
    const size_t before = sizeof header + places.size() * sizeof(Place);
    // What was cut while it was written is no record.
    const size_t whole = (static_cast<size_t>(status.st_size) - before) / sizeof(Record);
    records.resize(std::min(whole, most_ + most_ / 2));
    // The newest ones.
    const size_t from = before + (whole - records.size()) * sizeof(Record);
    if (::lseek(file.get(), static_cast<off_t>(from), SEEK_SET) < 0) records.clear();
    if (!read_all(file.get(), records.data(), records.size() * sizeof(Record))) records.clear();
    for (Record& record : records) record = as_here(record, places);
    return records;
}

// A rule that is still there keeps its name, wherever it stands; of another one the fate alone is known.
DecisionLog::Record DecisionLog::as_here(Record record, const std::vector<Place>& before) const {
    const auto same = [&](size_t place, uint64_t Place::*what) {
        return std::find_if(places_.begin(), places_.end(),
                            [&](const Place& here) { return here.*what == before[place].*what; });
    };
    const auto slot_here = [&](size_t place) {
        const size_t slot = place - before.size();
        return slot < kRuleSlots ? places_.size() + slot : places_.size() - 1;
    };
    size_t rule = 0, by_chance = record.by_chance;
    if (record.rule < before.size()) {
        const auto here = same(record.rule, &Place::name);
        rule = static_cast<size_t>(std::min(here, places_.end() - 1) - places_.begin());  // else what no policy wanted
    } else {
        rule = slot_here(record.rule);
    }
    if (by_chance != 0 && by_chance <= before.size()) {
        const auto here = same(by_chance - 1, &Place::meaning);
        by_chance = here == places_.end() ? 0 : static_cast<size_t>(here - places_.begin()) + 1;
    } else if (by_chance != 0) {
        by_chance = slot_here(by_chance - 1) + 1;
    }
    record.rule = static_cast<uint8_t>(rule);
    record.by_chance = static_cast<uint8_t>(by_chance);
    return record;
}

void DecisionLog::read_into(DecisionMemory& memory, std::chrono::milliseconds kept_for, DecisionMemory::Time now) {
    if (path_.empty()) return;
    const uint32_t now_seconds = unix_seconds();
    std::vector<Record> known;
    for (const std::string& path : {path_ + kOlder, path_}) {
        for (const Record& record : read(path)) {
            const std::chrono::seconds age(now_seconds - std::min(now_seconds, record.unix_seconds));
            if (age >= kept_for) continue;
            memory.add_of_before(record.key, {record.keep != 0, record.rule, record.milliseconds(), record.by_chance},
                                 now - age);
            known.push_back(record);
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
    const Header header{kMagic, places_.size()};
    if (file_ && write_all(file_.get(), &header, sizeof header) &&
        write_all(file_.get(), places_.data(), places_.size() * sizeof(Place)))
        return;
    fail("cannot be made");
    if (file_) ::unlink(path.c_str());  // or it took the place of the older one
    file_.reset();
}

void DecisionLog::add(const TraceKey& key, Decision decision) {
    if (path_.empty()) return;
    if (added_.empty()) now_ = unix_nano() / kMillisecond;  // of all that is written together
    added_.push_back({key, static_cast<uint32_t>(now_ / kMillisecondsInASecond), static_cast<uint8_t>(decision.rule),
                      decision.by_chance, static_cast<uint16_t>(decision.keep),
                      static_cast<uint16_t>(now_ % kMillisecondsInASecond)});
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
            const auto good =
                static_cast<off_t>(sizeof(Header) + places_.size() * sizeof(Place) + written_ * sizeof(Record));
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
