// SPDX-License-Identifier: Apache-2.0
//
// The part of the files of undecided spans that goes on with those of an agent before.
#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <iterator>
#include <limits>
#include <optional>
#include <string_view>
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
#include "otlp/wire.hpp"

namespace spanring::agent {
namespace {

constexpr uint32_t kMostPayload = 64u << 20;

std::optional<uint64_t> number_of(std::string_view name, std::string_view ending = UndecidedFiles::kEnding) {
    constexpr size_t kDigits = 16;
    if (name.size() != kDigits + ending.size() || !name.ends_with(ending)) return std::nullopt;
    uint64_t number = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + kDigits, number, 16);
    if (error != std::errc() || end != name.data() + kDigits || number == 0) return std::nullopt;
    return number;
}

}  // namespace

bool UndecidedFiles::are_in(const std::string& directory) {
    const Descriptor folder(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder) return errno != ENOENT;
    bool found = false;
    const bool all = each_name(folder.get(), [&](const char* name) { found = found || number_of(name).has_value(); });
    return found || !all;
}

void UndecidedFiles::recover() {
    const Descriptor folder(::open(options_.directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    std::vector<uint64_t> numbers, answers;
    const bool all = folder && each_name(folder.get(), [&](const char* name) {
                         if (const auto number = number_of(name)) numbers.push_back(*number);
                         if (const auto number = number_of(name, kAnswers)) answers.push_back(*number);
                     });
    // Of a part nobody knows what the rest answers for: all of it is the next agent's.
    if (!all) throw std::system_error(errno, std::generic_category(), "cannot list " + options_.directory);
    std::sort(numbers.begin(), numbers.end());
    for (const uint64_t number : answers) {  // killed before they went, too
        if (!std::binary_search(numbers.begin(), numbers.end(), number)) ::unlink(path_of(number, kAnswers).c_str());
    }
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
    const std::string answers_path = path_of(number, kAnswers);
    file.has_answers = ::access(answers_path.c_str(), F_OK) == 0;
    if (file.has_answers) {
        answers_ = Descriptor(::open(answers_path.c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
        answers_file_ = answers_ ? number : 0;
        if (!answers_) {
            damaged_ = true;
            return fail("cannot be read", answers_path);
        }
    }
    file.size = static_cast<uint64_t>(status.st_size);
    UndecidedHeader header;  // all of its blocks are of one owner's
    if (read_at(file.file.get(), &header, sizeof header, 0) && header.is_at(number, 0)) file.owner = header.owner;
    bytes_ += file.size;
    Owner& owner = owners_[file.owner];
    owner.bytes += file.size;
    ++owner.files;
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
    if (block.payload() > file.size) return true;
    return block.end() > file.size && is_sound(file, header);
}

// What the header is under a checksum with, and all of it is there.
bool UndecidedFiles::is_sound(const File& file, const UndecidedHeader& header) const {
    const UndecidedBlock block = UndecidedBlock::of(header);
    std::vector<uint8_t> covered(block.payload() - block.offset - UndecidedBlock::kCovered);
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
    const File& file = files_[number];
    bytes_ -= file.size;
    Owner& owner = owners_[file.owner];
    owner.bytes -= file.size;
    if (--owner.files == 0) owners_.erase(file.owner);
    if (file.has_answers) ::unlink(path_of(number, kAnswers).c_str());
    if (answers_file_ == number) answers_file_ = 0;
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
        header.raw > kMostPayload || header.stored > header.raw || header.entries == 0 ||
        header.entries > kMostEntries || blocks_.size() >= kMostBlocks)
        return false;
    Block block;
    static_cast<UndecidedBlock&>(block) = UndecidedBlock::of(header);
    if (block.end() > file.size) return false;
    std::vector<uint8_t> bytes(block.payload() - offset);
    if (!read_at(file.file.get(), bytes.data(), bytes.size(), offset)) return false;
    if (undecided_crc(bytes.data() + UndecidedBlock::kCovered, bytes.size() - UndecidedBlock::kCovered) != header.crc)
        return false;
    std::vector<AccountId> accounts(block.accounts);
    std::memcpy(accounts.data(), bytes.data() + sizeof header, accounts.size() * sizeof(AccountId));
    block.sources.resize(block.accounts);
    wire::Cursor cursor(std::span<const uint8_t>(bytes).subspan(block.rows() - block.offset));
    uint64_t all_spans = 0;
    for (uint32_t place = 0; place < block.entries; ++place) {
        uint64_t account = 0, spans = 0;
        if (wire::read_varint(cursor, account, 3) != wire::Fault::kNone ||
            wire::read_varint(cursor, spans, 3) != wire::Fault::kNone || account >= block.accounts ||
            spans > std::numeric_limits<uint16_t>::max())
            return false;
        block.states.push_back({kNone, static_cast<uint16_t>(spans), 0, static_cast<uint16_t>(account)});
        all_spans += spans;
        block.sources[account].spans += static_cast<uint32_t>(spans);
    }
    if (all_spans != block.spans || !cursor.done()) return false;
    std::vector<uint8_t> answers(block.answers_end() - block.answers);  // what was never said is zero
    if (file.has_answers && !read_at(answers_of(number), answers.data(), answers.size(), block.answers) && errno != 0)
        return false;

    offset = block.end();
    std::vector<std::vector<bool>> gone(block.entries);  // where any is
    const uint8_t* flags = answers.data() + (block.gone() - block.answers);
    for (uint32_t place = 0; place < block.entries; ++place) {
        Entry& entry = block.states[place];
        const uint8_t* const end = flags + entry.spans;
        if (const auto count = std::count(flags, end, 1); count != 0) {
            for (const uint8_t* flag = flags; flag != end; ++flag) gone[place].push_back(*flag == 1);
            entry.spans = static_cast<uint16_t>(entry.spans - count);
            block.sources[entry.account].spans -= static_cast<uint32_t>(count);
        }
        flags = end;
    }
    const uint32_t first = add_block(std::move(block)) << kPlaceBits;
    ++files_[number].left;
    std::vector<uint32_t> over;
    for (uint32_t place = 0; place < header.entries; ++place) {
        Claimed claimed;
        claimed.entry = first | place;
        std::memcpy(&claimed.booking, answers.data() + place * sizeof claimed.booking, sizeof claimed.booking);
        if (!gone[place].empty()) gone_[claimed.entry] = std::move(gone[place]);
        const Entry& entry = (*this)[claimed.entry];
        if (entry.spans == 0)
            over.push_back(claimed.entry);
        else
            unclaimed_[accounts[entry.account]].push_back(claimed);
        unclaimed_spans_ += entry.spans;
    }
    if (over.size() == header.entries) ++files_[number].left;  // recover() looks whether it is to go
    for (const uint32_t entry : over) done(entry);
    if (over.size() == header.entries) --files_[number].left;
    return true;
}

std::vector<UndecidedFiles::Claimed> UndecidedFiles::claim(const AccountId& account, uint64_t source) {
    const auto found = unclaimed_.find(account);
    if (found == unclaimed_.end()) return {};
    std::vector<Claimed> claimed = std::move(found->second);
    unclaimed_.erase(found);
    for (const Claimed& one : claimed) {
        Block& block = blocks_[one.entry >> kPlaceBits];
        const Entry& entry = (*this)[one.entry];
        block.sources[entry.account].source = source;
        unclaimed_spans_ -= entry.spans;
        File& file = files_[block.file];
        if (file.undecided++ == 0) need(file);
    }
    return claimed;
}

void UndecidedFiles::give_up(uint32_t number, const std::vector<uint32_t>& spans) {
    Entry& entry = (*this)[number];
    const Block& block = blocks_[number >> kPlaceBits];
    const bool found = load(number >> kPlaceBits);
    std::vector<bool>& flags = gone_[number];
    if (flags.empty()) flags.resize(entry.spans);
    std::vector<size_t> places;  // of those that are to be answered for
    for (size_t place = 0; place < flags.size(); ++place)
        if (!flags[place]) places.push_back(place);
    const int answers = answers_of(block.file);
    constexpr uint8_t kGone = 1;
    for (const uint32_t span : spans) {
        flags[places[span]] = true;
        const uint64_t first = found ? found_[number & kPlaceMask].first : 0;
        if (!found || answers < 0 || !write_at(answers, &kGone, 1, block.gone() + first + places[span]))
            fail("cannot be written: some spans may come twice", path_of(block.file, kAnswers));
    }
    blocks_[number >> kPlaceBits].sources[entry.account].spans -= static_cast<uint32_t>(spans.size());
    waiting_ -= stored_bytes(number);
    spans_ -= spans.size();
    entry.spans = static_cast<uint16_t>(entry.spans - spans.size());
    waiting_ += stored_bytes(number);
}

size_t UndecidedFiles::forget_unclaimed() {
    size_t forgotten = 0;
    unclaimed_spans_ = 0;
    for (const auto& [account, claimed] : std::exchange(unclaimed_, {})) {
        for (const Claimed& one : claimed) {
            if (one.booking == 0) forgotten += (*this)[one.entry].spans;  // others were answered for
            done(one.entry);
        }
    }
    damaged_ = damaged_ || forgotten != 0;
    return forgotten;
}

// A segment that comes nevertheless misses what was not booked.
void UndecidedFiles::forget_answered() {
    for (auto at = unclaimed_.begin(); at != unclaimed_.end();) {
        damaged_ = std::erase_if(at->second,
                                 [this](const Claimed& one) {
                                     if (one.booking == 0) return false;
                                     unclaimed_spans_ -= (*this)[one.entry].spans;
                                     done(one.entry);
                                     return true;
                                 }) != 0 ||
                   damaged_;
        at = at->second.empty() ? unclaimed_.erase(at) : std::next(at);
    }
}

}  // namespace spanring::agent
