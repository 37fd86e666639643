// SPDX-License-Identifier: Apache-2.0
#include "spool/spool.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
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

// The number of "0000000000000001.spool", else 0.
uint64_t number_of(const std::string& name) {
    uint64_t number = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number, 16);
    return error == std::errc{} && spool::SpoolFile::name(number) == name ? number : 0;
}

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
    std::vector<uint64_t> numbers;
    for (const auto& entry : std::filesystem::directory_iterator(options_.directory)) {
        if (const uint64_t number = number_of(entry.path().filename().string()); number != 0) numbers.push_back(number);
    }
    std::sort(numbers.begin(), numbers.end());
    for (const uint64_t number : numbers) {
        next_number_ = number + 1;
        recover(number);
    }
    make_room(0);
}

void Spool::recover(uint64_t number) {
    const std::string path = options_.directory + "/" + spool::SpoolFile::name(number);
    std::string fault = fault_of_state_file(path);
    std::optional<spool::SpoolFile> recovered;
    if (fault.empty()) {
        recovered.emplace(
            spool::SpoolFile::recover(options_.directory, number, std::max(file_bytes_, spool::kMaxEntry)));
        fault = recovered->fault();
    }
    if (!fault.empty()) {
        ++damaged_;
        set_aside(path, fault);
        return;
    }
    const auto file = files_.try_emplace(number, std::move(*recovered)).first;
    bytes_ += file->second.size();
    damaged_ += file->second.damaged();
    if (file->second.finished()) remove(file);
}

std::map<AccountId, uint64_t> Spool::unfinished() {
    std::map<AccountId, uint64_t> spans;
    for (auto& [number, file] : files_) {
        for (size_t i = 0; i < file.places().size(); ++i) {
            if (file.places()[i].state == spool::State::kDone) continue;
            for (const Share& share : file.shares(i)) spans[share.account] += share.spans;
        }
    }
    return spans;
}

bool Spool::append(std::span<const Share> shares, std::span<const std::span<const uint8_t>> request) {
    uint64_t request_bytes = 0;
    for (const auto slice : request) request_bytes += slice.size();
    const uint64_t size = spool::entry_size(shares.size(), request_bytes);
    if (size > options_.max_bytes) {
        error_ = "a request of " + std::to_string(request_bytes) + " bytes is larger than the whole spool";
        return false;
    }
    if (writing_ != nullptr && writing_->size() != 0 && writing_->size() + size > file_bytes_) {
        writing_->close();  // until it is read
        writing_ = nullptr;
    }
    make_room(size);
    if (writing_ == nullptr && !new_file()) return false;
    if (const int error = writing_->append(shares, request, options_.fsync); error != 0) {
        error_ = "cannot write to " + options_.directory + ": " + error_text(error);
        return false;
    }
    bytes_ += size;
    return true;
}

bool Spool::new_file() {
    try {
        writing_ =
            &files_.try_emplace(next_number_, spool::SpoolFile::create(options_.directory, next_number_)).first->second;
    } catch (const std::system_error& error) {
        error_ = error.what();
        return false;
    }
    ++next_number_;
    if (options_.fsync) {
        // The name must survive as well as the bytes.
        const Descriptor directory(::open(options_.directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (directory) ::fsync(directory.get());
    }
    return true;
}

void Spool::make_room(uint64_t bytes) {
    while (!files_.empty() && bytes_ + bytes > options_.max_bytes) drop_oldest();
}

void Spool::drop_oldest() {
    spool::SpoolFile& oldest = files_.begin()->second;
    for (size_t i = 0; i < oldest.places().size(); ++i) {
        if (oldest.places()[i].state == spool::State::kWaiting) on_lost_(oldest.shares(i));
    }
    remove(files_.begin());
}

void Spool::remove(std::map<uint64_t, spool::SpoolFile>::iterator file) {
    if (writing_ == &file->second) writing_ = nullptr;
    bytes_ -= file->second.size();
    file->second.unlink();
    files_.erase(file);
}

std::optional<Spool::Entry> Spool::take() {
    for (;;) {
        const auto found =
            std::find_if(files_.begin(), files_.end(), [](auto& file) { return file.second.waiting() != 0; });
        if (found == files_.end()) return std::nullopt;
        spool::SpoolFile& file = found->second;
        Entry entry;
        entry.ticket = {file.number(), file.take()};
        entry.shares = file.shares(entry.ticket.place);
        entry.spans = file.places()[entry.ticket.place].spans;
        if (file.read(entry.ticket.place, entry.request)) return entry;
        ++damaged_;
        on_lost_(entry.shares);
        finish(entry.ticket);
    }
}

bool Spool::give_back(const Ticket& ticket) {
    const auto file = files_.find(ticket.file);
    if (file == files_.end()) return false;
    file->second.give_back(ticket.place);
    return true;
}

void Spool::finish(const Ticket& ticket) {
    const auto file = files_.find(ticket.file);
    if (file == files_.end()) return;
    file->second.finish(ticket.place);
    if (file->second.finished()) remove(file);
}

bool Spool::waiting() const {
    return std::any_of(files_.begin(), files_.end(), [](const auto& file) { return file.second.waiting() != 0; });
}

size_t Spool::next_bytes() const {
    for (const auto& [number, file] : files_) {
        if (file.waiting() != 0) return file.places()[file.next()].request_bytes;
    }
    return 0;
}

}  // namespace spanring::agent
