// SPDX-License-Identifier: Apache-2.0
//
// The part of the files of undecided spans that goes on with those of an agent before.
#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/directory.hpp"
#include "base/file_bytes.hpp"
#include "base/set_aside.hpp"
#include "decide/undecided_files.hpp"

namespace spanring::agent {
namespace {

constexpr uint32_t kMostPayload = 64u << 20;

std::optional<uint64_t> number_of(const std::string& name) {
    constexpr size_t kDigits = 16;
    if (name.size() != kDigits + sizeof UndecidedFiles::kEnding - 1 || !name.ends_with(UndecidedFiles::kEnding))
        return std::nullopt;
    uint64_t number = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + kDigits, number, 16);
    if (error != std::errc() || end != name.data() + kDigits || number == 0) return std::nullopt;
    return number;
}

}  // namespace

bool UndecidedFiles::are_in(const std::string& directory) {
    const Descriptor folder(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    bool found = false;
    if (folder) each_name(folder.get(), [&](const char* name) { found = found || number_of(name).has_value(); });
    return found;
}

void UndecidedFiles::recover() {
    const Descriptor folder(::open(options_.directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    std::vector<uint64_t> numbers;
    each_name(folder.get(), [&](const char* name) {
        if (const auto number = number_of(name)) numbers.push_back(*number);
    });
    std::sort(numbers.begin(), numbers.end());
    for (const uint64_t number : numbers) recover(number);
}

void UndecidedFiles::recover(uint64_t number) {
    last_number_ = std::max(last_number_, number);
    const std::string path = path_of(number);
    File file;
    file.file = Descriptor(::open(path.c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    struct stat status {};
    if (!file.file || ::fstat(file.file.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
        damaged_ = true;
        return fail("cannot be read", path);
    }
    file.size = static_cast<uint64_t>(status.st_size);
    bytes_ += file.size;
    File& added = files_[number] = std::move(file);
    bool damaged = false;
    for (uint64_t offset = 0; offset < added.size;) {
        if (recover_block(number, added, offset)) continue;
        // What was cut while it was written its segments have still: no mark has moved.
        const uint64_t next = next_block(number, added, offset);
        const bool cut = next == added.size && is_cut(number, added, offset);
        spdlog::warn("undecided spans: {} bytes at {} of {} are no whole block", next - offset, offset, path);
        damaged = damaged || !cut;
        offset = next;
    }
    damaged_ = damaged_ || damaged;
    if (added.left != 0) return;
    damaged ? set_apart(number) : drop(number);
}

// Whether what is there begins as a block does, and the file ends in the middle of it.
bool UndecidedFiles::is_cut(uint64_t number, const File& file, uint64_t offset) const {
    UndecidedHeader header;
    if (file.size - offset < sizeof header) return true;
    if (!read_at(file.file.get(), &header, sizeof header, offset) || !header.is_at(number, offset)) return false;
    const UndecidedBlock block = UndecidedBlock::of(header);
    if (block.covered_to() > file.size) return true;
    return block.end() > file.size && is_sound(file, header);
}

// What the header is under a checksum with, and all of it is there.
bool UndecidedFiles::is_sound(const File& file, const UndecidedHeader& header) const {
    const UndecidedBlock block = UndecidedBlock::of(header);
    std::vector<uint8_t> covered(block.covered_to() - block.offset - UndecidedBlock::kCovered);
    return read_at(file.file.get(), covered.data(), covered.size(), block.offset + UndecidedBlock::kCovered) &&
           undecided_crc(covered.data(), covered.size()) == header.crc;
}

// After a damaged one: where another one seems to begin, or the end of the file.
uint64_t UndecidedFiles::next_block(uint64_t number, const File& file, uint64_t offset) const {
    constexpr uint64_t kWindow = 1u << 20;
    constexpr size_t kStep = 8;  // as blocks lie
    std::vector<uint8_t> window;
    for (uint64_t base = (offset & ~uint64_t{kStep - 1}) + kStep; base + sizeof(UndecidedHeader) <= file.size;) {
        window.resize(static_cast<size_t>(std::min(kWindow, file.size - base)));
        if (!read_at(file.file.get(), window.data(), window.size(), base)) break;
        size_t at = 0;
        for (; at + sizeof(UndecidedHeader) <= window.size(); at += kStep) {
            UndecidedHeader header;
            std::memcpy(&header, &window[at], sizeof header);
            if (header.is_at(number, base + at)) return base + at;
        }
        base += at;
    }
    return file.size;
}

// One of which nothing can be read, for people.
void UndecidedFiles::set_apart(uint64_t number) {
    const std::string path = path_of(number), damaged = options_.directory + "/damaged";
    bytes_ -= files_[number].size;
    files_.erase(number);
    if (::rename(path.c_str(), damaged.c_str()) != 0) return fail("cannot be set aside", path);
    try {
        set_aside(damaged, "file " + std::to_string(number) + " of undecided spans has no whole block");
    } catch (const std::exception& error) {
        spdlog::error("undecided spans: {}", error.what());
    }
}

// False: there is none.
bool UndecidedFiles::recover_block(uint64_t number, const File& file, uint64_t& offset) {
    UndecidedHeader header;
    if (!read_at(file.file.get(), &header, sizeof header, offset) || !header.is_at(number, offset) ||
        header.raw > kMostPayload || header.stored > header.raw || header.entries == 0)
        return false;
    const UndecidedBlock block = UndecidedBlock::of(header);
    if (block.end() > file.size) return false;
    std::vector<uint8_t> bytes(block.payload() - offset);
    if (!read_at(file.file.get(), bytes.data(), bytes.size(), offset)) return false;
    const size_t covered = block.covered_to() - offset - UndecidedBlock::kCovered;
    if (undecided_crc(bytes.data() + UndecidedBlock::kCovered, covered) != header.crc) return false;
    const uint8_t* const accounts = bytes.data() + sizeof header;
    std::vector<UndecidedRow> rows(block.entries);
    std::memcpy(rows.data(), bytes.data() + (block.rows() - offset), rows.size() * sizeof(UndecidedRow));
    uint64_t all_spans = 0, all_bytes = 0;
    for (const UndecidedRow& row : rows) {
        all_spans += row.spans;
        all_bytes += row.bytes;
        if (row.account >= block.accounts) return false;
    }
    if (all_spans != block.spans || all_bytes != block.raw) return false;

    offset = block.end();
    const uint32_t added = add_block(block);
    ++files_[number].left;
    std::vector<uint32_t> over;
    uint32_t first = 0, at = 0;
    for (uint32_t place = 0; place < block.entries; ++place) {
        const UndecidedRow& row = rows[place];
        AccountId account{};
        std::memcpy(account.data(), accounts + row.account * account.size(), account.size());
        Claimed claimed;
        std::memcpy(&claimed.booking, bytes.data() + (block.bookings() - block.offset) + place * sizeof(uint64_t),
                    sizeof claimed.booking);
        const uint8_t* const gone = bytes.data() + (block.gone() - block.offset) + first;
        Entry entry;
        entry.spans = row.spans - static_cast<uint32_t>(std::count(gone, gone + row.spans, 1));
        entry.block = added;
        entry.place = place;
        entry.first = first;
        entry.offset = at;
        entry.bytes = row.bytes;
        claimed.entry = add_entry(entry);
        first += row.spans;
        at += row.bytes;
        if (entry.spans != row.spans) {
            std::vector<bool>& flags = gone_[claimed.entry];
            for (uint32_t i = 0; i < row.spans; ++i) flags.push_back(gone[i] == 1);
        }
        if (entry.spans == 0)
            over.push_back(claimed.entry);
        else
            unclaimed_[account].push_back(claimed);
        unclaimed_spans_ += entry.spans;
    }
    if (over.size() == block.entries) ++files_[number].left;  // recover() looks whether it is to go
    for (const uint32_t entry : over) done(entry);
    if (over.size() == block.entries) --files_[number].left;
    return true;
}

std::vector<UndecidedFiles::Claimed> UndecidedFiles::claim(const AccountId& account, uint64_t source) {
    const auto found = unclaimed_.find(account);
    if (found == unclaimed_.end()) return {};
    std::vector<Claimed> claimed = std::move(found->second);
    unclaimed_.erase(found);
    for (const Claimed& one : claimed) {
        Entry& entry = entries_[one.entry];
        entry.source = source;
        unclaimed_spans_ -= entry.spans;
        File& file = files_[blocks_[entry.block].file];
        if (file.undecided++ == 0) needed_ += file.size;
    }
    return claimed;
}

void UndecidedFiles::give_up(uint32_t number, const std::vector<uint32_t>& spans) {
    Entry& entry = entries_[number];
    const UndecidedBlock& block = blocks_[entry.block];
    std::vector<bool>& flags = gone_[number];
    if (flags.empty()) flags.resize(entry.spans);
    std::vector<size_t> places;  // of those that are to be answered for
    for (size_t place = 0; place < flags.size(); ++place)
        if (!flags[place]) places.push_back(place);
    constexpr uint8_t kGone = 1;
    for (const uint32_t span : spans) {
        flags[places[span]] = true;
        if (!write_at(files_[block.file].file.get(), &kGone, 1, block.gone() + entry.first + places[span]))
            fail("cannot be written: some spans may come twice", path_of(block.file));
    }
    spans_ -= spans.size();
    entry.spans -= static_cast<uint32_t>(spans.size());
}

size_t UndecidedFiles::forget_unclaimed() {
    size_t forgotten = 0;
    unclaimed_spans_ = 0;
    for (const auto& [account, claimed] : std::exchange(unclaimed_, {})) {
        for (const Claimed& one : claimed) {
            if (one.booking == 0) forgotten += entries_[one.entry].spans;  // others were answered for
            done(one.entry);
        }
    }
    damaged_ = damaged_ || forgotten != 0;
    return forgotten;
}

}  // namespace spanring::agent
