// SPDX-License-Identifier: Apache-2.0
#include "spool/spool.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <stdexcept>
#include <system_error>

#include "base/error_text.hpp"
#include "base/file_lock.hpp"
#include "base/private_directory.hpp"
#include "base/set_aside.hpp"
#include "base/state_file.hpp"

namespace spanring::agent {

namespace {

constexpr uint64_t kSmallestFile = uint64_t{64} << 10;

[[noreturn]] void fail(const std::string& what, int error) {
    throw std::system_error(error, std::generic_category(), "spool: " + what);
}

bool says_full(int error) { return error == ENOSPC || error == EDQUOT; }

void make_directory(const std::string& directory) {
    if (directory.empty() || directory.front() != '/') {
        throw std::runtime_error("spool: directory \"" + directory + "\" is not absolute");
    }
    make_private_directories(std::filesystem::path(directory).parent_path().string());
    make_state_directory(directory);
}

}  // namespace

Spool::Spool(const SpoolOptions& options, OnLost on_lost)
    : options_(options),
      file_bytes_(std::clamp(options.file_bytes, kSmallestFile, std::max(kSmallestFile, options.max_bytes / 4))),
      on_lost_(std::move(on_lost)) {
    make_directory(options_.directory);
    lock();
    recover();
}

void Spool::lock() {
    const std::string path = options_.directory + "/lock";
    lock_ = open_state_file(path);
    const int error = lock_file(lock_.get());
    if (error == -EAGAIN) throw std::runtime_error("spool: " + options_.directory + " is used by another agent");
    if (error != 0) fail("cannot lock " + path, -error);
}

void Spool::recover() {
    std::vector<spool::FileName> names;
    for (const auto& entry : std::filesystem::directory_iterator(options_.directory)) {
        if (const auto name = spool::FileName::parse(entry.path().filename().string())) names.push_back(*name);
    }
    std::sort(names.begin(), names.end(), [](const auto& a, const auto& b) { return a.number < b.number; });
    for (const spool::FileName& name : names) {
        next_number_ = name.number + 1;
        recover(name);
    }
    make_room(0, 0);
}

void Spool::recover(const spool::FileName& name) {
    const std::string path = options_.directory + "/" + name.text();
    std::string fault = fault_of_state_file(path);
    std::optional<spool::SpoolFile> recovered;
    if (fault.empty()) {
        recovered.emplace(spool::SpoolFile::recover(options_.directory, name, std::max(file_bytes_, spool::kMaxEntry)));
        fault = recovered->fault();
    }
    if (!fault.empty()) {
        ++damaged_;
        set_aside(path, fault);
        return;
    }
    const auto owner = owners_.try_emplace(name.owner, options_.first_share).first;
    const spool::SpoolFile& file = owner->second.of(name.priority).add(std::move(*recovered));
    bytes_ += file.size();
    damaged_ += file.damaged();
    if (file.finished()) remove(owner, name.number);
}

std::map<AccountId, uint64_t> Spool::unfinished() {
    std::map<AccountId, uint64_t> spans;
    const auto add = [&](spool::SpoolFile& file) {
        for (size_t i = 0; i < file.places().size(); ++i) {
            if (file.places()[i].state == spool::State::kDone) continue;
            for (const Share& share : file.shares(i)) spans[share.account] += share.spans;
        }
        rest(file);
    };
    for (auto& [owner, lanes] : owners_) {
        for (const Priority priority : kPriorities)
            for (auto& [number, file] : lanes.of(priority).files()) add(file);
    }
    return spans;
}

bool Spool::append(uid_t owner, std::span<const Share> shares, std::span<const std::span<const uint8_t>> request,
                   Priority priority) {
    uint64_t request_bytes = 0;
    for (const auto slice : request) request_bytes += slice.size();
    const uint64_t size = spool::entry_size(shares.size(), request_bytes);
    if (size > options_.max_bytes) {
        error_ = "a request of " + std::to_string(request_bytes) + " bytes is larger than the whole spool";
        return false;
    }
    for (;;) {
        make_room(owner, size);
        const int error = write(owner, priority, shares, request, size);
        if (error == 0) return true;
        // A full disk is a full spool: whoever has most in it gives way, but nobody does for that one, and of its own
        // the rest does for what comes first.
        const auto gives_way = says_full(error) ? biggest(owner, size) : owners_.end();
        const bool own = gives_way != owners_.end() && gives_way->first == owner;
        const bool rest_does = own && priority == Priority::kFirst && !gives_way->second.of(Priority::kRest).empty();
        if (gives_way == owners_.end() || (own && !rest_does)) {
            error_ = "cannot write to " + options_.directory + ": " + error_text(error);
            return false;
        }
        drop_oldest(gives_way, own ? Priority::kRest : gives_way->second.to_give_way(options_.first_share));
    }
}

// 0, or an errno.
int Spool::write(uid_t owner, Priority priority, std::span<const Share> shares,
                 std::span<const std::span<const uint8_t>> request, uint64_t size) {
    const auto row = owners_.try_emplace(owner, options_.first_share).first;
    spool::OwnerFiles& files = row->second.of(priority);
    spool::SpoolFile* file = files.writing(size, most_in_a_file());
    try {
        if (file == nullptr) file = &files.begin_writing(new_file(owner, priority));
    } catch (const std::system_error& error) {
        if (row->second.empty()) owners_.erase(row);
        return error.code().value();
    }
    const int error = file->append(shares, request, options_.fsync);
    rest(*file);
    if (error != 0) return error;
    files.grew(size);
    bytes_ += size;
    appended_ = {owner, file->number(), file->places().size() - 1};
    return 0;
}

spool::SpoolFile Spool::new_file(uid_t owner, Priority priority) {
    spool::SpoolFile file = spool::SpoolFile::create(options_.directory, {next_number_, owner, priority});
    ++next_number_;
    if (options_.fsync) {
        // The name must survive as well as the bytes.
        const Descriptor directory(::open(options_.directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (directory) ::fsync(directory.get());
    }
    return file;
}

// What gives way is a file: a quarter of an equal share, so that it is the biggest's again as soon as may be.
uint64_t Spool::most_in_a_file() const {
    return std::min(file_bytes_, std::max(kSmallestFile, options_.max_bytes / (4 * owners_.size())));
}

void Spool::make_room(uid_t owner, uint64_t bytes) {
    while (!owners_.empty() && bytes_ + bytes > options_.max_bytes) {
        const auto gives_way = biggest(owner, bytes);
        drop_oldest(gives_way, gives_way->second.to_give_way(options_.first_share));
    }
}

// Who has most in it, once `owner` has so many bytes more; of those that have something to give.
Spool::Owners::iterator Spool::biggest(uid_t owner, uint64_t more) {
    return std::max_element(owners_.begin(), owners_.end(), [&](const auto& a, const auto& b) {
        const auto will_have = [&](const auto& each) { return each.second.bytes() + (each.first == owner ? more : 0); };
        return will_have(a) < will_have(b);
    });
}

void Spool::drop_oldest(Owners::iterator owner, Priority priority) {
    spool::OwnerFiles& files = owner->second.of(priority);
    bytes_ -= files.bytes();
    files.drop_oldest([&](std::span<const Share> shares) { lose(priority, shares); });
    bytes_ += files.bytes();
    if (owner->second.empty()) owners_.erase(owner);
}

void Spool::lose(Priority priority, std::span<const Share> shares) {
    for (const Share& share : shares) lost_[static_cast<size_t>(priority)] += share.spans;
    on_lost_(shares);
}

void Spool::remove(Owners::iterator owner, uint64_t file) {
    spool::OwnerFiles& files = *owner->second.with(file);
    bytes_ -= files.bytes();
    files.remove(file);
    bytes_ += files.bytes();
    if (owner->second.empty()) owners_.erase(owner);
}

uint64_t Spool::bytes(Priority priority) const {
    uint64_t bytes = 0;
    for (const auto& [owner, lanes] : owners_) bytes += lanes.of(priority).bytes();
    return bytes;
}

// One owner's files stay open while they are in use. Of many owners they would be all descriptors that there are.
void Spool::rest(spool::SpoolFile& file) {
    if (owners_.size() > 1) file.close();
}

Spool::Owners::iterator Spool::next_turn() {
    const auto waits = [](const auto& owner) { return owner.second.waiting(); };
    const auto after = owners_.upper_bound(last_turn_);
    const auto found = std::find_if(after, owners_.end(), waits);
    if (found != owners_.end()) return found;
    const auto wrapped = std::find_if(owners_.begin(), after, waits);
    return wrapped == after ? owners_.end() : wrapped;
}

std::optional<Spool::Entry> Spool::take() {
    for (;;) {
        const auto owner = next_turn();
        if (owner == owners_.end()) return std::nullopt;
        last_turn_ = owner->first;
        spool::OwnerLanes& lanes = owner->second;
        const Priority priority = lanes.next();
        spool::SpoolFile& file = lanes.of(priority).first_waiting();
        lanes.took(priority, file.places()[file.next()].request_bytes);
        Entry entry;
        entry.priority = priority;
        entry.ticket = {owner->first, file.number(), file.take()};
        entry.shares = file.shares(entry.ticket.place);
        entry.spans = file.places()[entry.ticket.place].spans;
        const bool sound = file.read(entry.ticket.place, entry.request);
        rest(file);
        if (sound) return entry;
        ++damaged_;
        lose(priority, entry.shares);
        finish(entry.ticket);
    }
}

bool Spool::has(const Ticket& ticket) {
    const auto owner = owners_.find(ticket.owner);
    return owner != owners_.end() && owner->second.with(ticket.file) != nullptr;
}

bool Spool::give_back(const Ticket& ticket) {
    const auto owner = owners_.find(ticket.owner);
    spool::OwnerFiles* const files = owner == owners_.end() ? nullptr : owner->second.with(ticket.file);
    if (files == nullptr) return false;
    files->find(ticket.file)->give_back(ticket.place);
    return true;
}

void Spool::finish(const Ticket& ticket) {
    const auto owner = owners_.find(ticket.owner);
    spool::OwnerFiles* const files = owner == owners_.end() ? nullptr : owner->second.with(ticket.file);
    if (files == nullptr) return;
    spool::SpoolFile* const file = files->find(ticket.file);
    file->finish(ticket.place);
    rest(*file);
    if (file->finished()) remove(owner, ticket.file);
}

bool Spool::waiting() const {
    return std::any_of(owners_.begin(), owners_.end(), [](const auto& owner) { return owner.second.waiting(); });
}

size_t Spool::next_bytes() {
    const auto owner = next_turn();
    if (owner == owners_.end()) return 0;
    const spool::SpoolFile& file = owner->second.of(owner->second.next()).first_waiting();
    return file.places()[file.next()].request_bytes;
}

}  // namespace spanring::agent
