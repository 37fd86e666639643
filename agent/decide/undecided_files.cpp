// SPDX-License-Identifier: Apache-2.0
#include "decide/undecided_files.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "base/directory.hpp"
#include "base/error_text.hpp"
#include "base/file_bytes.hpp"
#include "base/private_directory.hpp"
#include "otlp/wire.hpp"
#include "ring/testpoint.hpp"

namespace spanring::agent {
namespace {

constexpr int kLevel = 1;            // of zstd
constexpr uint64_t kMostFiles = 64;  // of a full directory: each has a descriptor
// Of all that is there. One in which something is not answered for takes all of its room.
constexpr uint64_t kPart = 16;
constexpr uint64_t kLeast = 1u << 20;

void put_varint(std::vector<uint8_t>& to, uint32_t value) {
    for (; value >= 0x80; value >>= 7) to.push_back(static_cast<uint8_t>(value | 0x80));
    to.push_back(static_cast<uint8_t>(value));
}

}  // namespace

// ---- A block in the making ------------------------------------------------------------------------------------------

void UndecidedFiles::Draft::begin_entry(const AccountId& account, uint64_t source) {
    size_t place = accounts_.size();  // the last ones are the likely ones
    while (place != 0 && accounts_[place - 1] != account) --place;
    if (place == 0) {
        accounts_.push_back(account);
        place = accounts_.size();
    }
    rows_.push_back({static_cast<uint32_t>(place - 1), 0, 0});
    sources_.push_back(source);
}

void UndecidedFiles::Draft::add(const FiledSpan& span) {
    const size_t before = payload_.size();
    for (const uint32_t value :
         {span.chunk, span.generation, span.end, span.scope, static_cast<uint32_t>(span.record.size())})
        put_varint(payload_, value);
    payload_.insert(payload_.end(), span.record.begin(), span.record.end());
    ++rows_.back().spans;
    rows_.back().bytes += static_cast<uint32_t>(payload_.size() - before);
    ++spans_;
}

void UndecidedFiles::Draft::clear() {
    accounts_.clear();
    rows_.clear();
    sources_.clear();
    payload_.clear();
    spans_ = 0;
}

// ---- Files ----------------------------------------------------------------------------------------------------------

UndecidedFiles::UndecidedFiles(UndecidedFilesOptions options) : options_(std::move(options)) {
    try {
        prepare_private_directory(options_.directory);
        recover();
    } catch (const std::exception& error) {
        spdlog::error("undecided spans: {}; they stay in their segments", error.what());
    }
}

std::string UndecidedFiles::path_of(uint64_t file) const {
    char name[sizeof "0123456789abcdef" + sizeof kEnding];
    std::snprintf(name, sizeof name, "%016" PRIx64 "%s", file, kEnding);
    return options_.directory + "/" + name;
}

void UndecidedFiles::fail(const char* what, const std::string& path) {
    const int error = errno;
    if (const auto more = log_.due())
        spdlog::error("undecided spans: {} {}: {}{}", path, what, error == 0 ? "it is cut" : error_text(error), *more);
}

void UndecidedFiles::drop(uint64_t number) {
    const auto file = files_.find(number);
    if (::unlink(path_of(number).c_str()) != 0) fail("cannot be removed", path_of(number));
    bytes_ -= file->second.size;
    files_.erase(file);
    if (writing_ == number) writing_ = 0;
}

// Null: there is no room, or none can be made.
UndecidedFiles::File* UndecidedFiles::file_for(uint64_t bytes) {
    // What is decided and not answered for lies there as well: that is the exporters' to bound.
    if (bytes_ + bytes > 2 * options_.max_bytes) return nullptr;
    const uint64_t most = std::min(options_.max_bytes / kMostFiles, std::max(bytes_ / kPart, kLeast));
    if (writing_ != 0 && files_[writing_].size + bytes <= most) return &files_[writing_];
    const uint64_t number = last_number_ + 1;
    const std::string path = path_of(number);
    constexpr int kFlags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    Descriptor file(::open(path.c_str(), kFlags, 0600));
    if (!file && errno == ENOENT && ::mkdir(options_.directory.c_str(), 0700) == 0)  // the disk was full at the start
        file = Descriptor(::open(path.c_str(), kFlags, 0600));
    if (!file) {
        fail("cannot be made", path);
        return nullptr;
    }
    const uint64_t before = std::exchange(writing_, last_number_ = number);
    if (before != 0 && files_[before].left == 0) drop(before);
    File& made = files_[number];
    made.file = std::move(file);
    return &made;
}

bool UndecidedFiles::write(const Draft& draft, std::vector<uint32_t>& ret_entries) {
    ret_entries.clear();
    UndecidedBlock block;
    block.accounts = static_cast<uint32_t>(draft.accounts_.size());
    block.entries = block.left = draft.entries();
    block.spans = draft.spans_;
    block.raw = static_cast<uint32_t>(draft.payload_.size());
    std::span<const uint8_t> payload(draft.payload_);
    if (options_.packed) {
        stored_.resize(ZSTD_compressBound(payload.size()));
        const size_t size = ZSTD_compress(stored_.data(), stored_.size(), payload.data(), payload.size(), kLevel);
        block.packed = ZSTD_isError(size) == 0 && size < payload.size();
        if (block.packed) payload = std::span(stored_).first(size);
    }
    block.stored = static_cast<uint32_t>(payload.size());
    block.crc = undecided_crc(payload.data(), payload.size());
    File* const file = file_for(block.end());
    if (file == nullptr) return false;
    block.file = writing_;
    block.offset = file->size;

    UndecidedHeader header;
    header.file = block.file;
    header.offset = block.offset;
    header.accounts = block.accounts;
    header.entries = block.entries;
    header.spans = block.spans;
    header.raw = block.raw;
    header.stored = block.stored;
    header.payload_crc = block.crc;
    header.packed = block.packed ? 1 : 0;
    std::vector<uint8_t> bytes(block.end() - block.offset);
    uint8_t* at = bytes.data() + sizeof header;
    const auto put = [&at](const auto& items) {
        const size_t size = items.size() * sizeof items[0];
        std::memcpy(at, items.data(), size);
        at += size;
    };
    std::memcpy(bytes.data(), &header, sizeof header);
    put(draft.accounts_);
    put(draft.rows_);
    header.crc = undecided_crc(bytes.data() + UndecidedBlock::kCovered,
                               static_cast<size_t>(at - bytes.data()) - UndecidedBlock::kCovered);
    std::memcpy(bytes.data(), &header, sizeof header);
    at = bytes.data() + (block.payload() - block.offset);
    put(payload);
    if (!write_at(file->file.get(), bytes.data(), bytes.size(), block.offset)) {
        fail("cannot be written", path_of(block.file));
        if (::ftruncate(file->file.get(), static_cast<off_t>(block.offset)) != 0) writing_ = 0;  // its end is unknown
        if (file->left == 0) drop(block.file);
        return false;
    }
    SPR_TESTPOINT(undecided_written);
    file->size += bytes.size();
    needed_ += file->undecided != 0 ? bytes.size() : file->size;
    file->undecided += block.entries;
    ++file->left;
    bytes_ += bytes.size();
    const uint32_t number = add_block(block);
    uint32_t first = 0, offset = 0;
    for (uint32_t place = 0; place < block.entries; ++place) {
        const UndecidedRow& row = draft.rows_[place];
        Entry entry;
        entry.source = draft.sources_[place];
        entry.spans = entry.unpassed = row.spans;
        entry.block = number;
        entry.place = place;
        entry.first = first;
        entry.offset = offset;
        entry.bytes = row.bytes;
        ret_entries.push_back(add_entry(entry));
        first += row.spans;
        offset += row.bytes;
    }
    return true;
}

uint32_t UndecidedFiles::add_block(const UndecidedBlock& block) {
    if (free_blocks_.empty()) {
        blocks_.push_back(block);
        return static_cast<uint32_t>(blocks_.size() - 1);
    }
    const uint32_t number = free_blocks_.back();
    free_blocks_.pop_back();
    blocks_[number] = block;
    return number;
}

uint32_t UndecidedFiles::add_entry(const Entry& entry) {
    uint32_t number = static_cast<uint32_t>(entries_.size());
    if (free_entries_.empty()) {
        entries_.push_back(entry);
    } else {
        number = free_entries_.back();
        free_entries_.pop_back();
        entries_[number] = entry;
    }
    waiting_ += stored_bytes(entry);
    spans_ += entry.spans;
    return number;
}

uint64_t UndecidedFiles::stored_bytes(const Entry& entry) const {
    const UndecidedBlock& block = blocks_[entry.block];
    return block.raw == 0 ? 0 : uint64_t{entry.bytes} * block.stored / block.raw;
}

bool UndecidedFiles::load(uint32_t number) {
    if (loaded_ == number) return true;
    loaded_ = kNone;
    const UndecidedBlock& block = blocks_[number];
    const File& file = files_[block.file];
    stored_.resize(block.stored);
    payload_.resize(block.raw);
    std::vector<uint8_t>& to = block.packed ? stored_ : payload_;
    if (!read_at(file.file.get(), to.data(), block.stored, block.payload())) {
        fail("cannot be read", path_of(block.file));
        return false;
    }
    bool sound = undecided_crc(to.data(), block.stored) == block.crc;
    if (sound && block.packed)
        sound = ZSTD_decompress(payload_.data(), block.raw, stored_.data(), block.stored) == block.raw;
    if (!sound) {
        if (const auto more = log_.due())
            spdlog::error("undecided spans: {} is damaged at {}{}", path_of(block.file), block.offset, *more);
        return false;
    }
    loaded_ = number;
    return true;
}

bool UndecidedFiles::read(uint32_t number, std::vector<FiledSpan>& ret_spans) {
    ret_spans.clear();
    const Entry& entry = entries_[number];
    if (!load(entry.block)) return false;
    const auto gone = gone_.find(number);
    wire::Cursor cursor(std::span<const uint8_t>(payload_).subspan(entry.offset, entry.bytes));
    for (size_t place = 0; !cursor.done(); ++place) {
        uint64_t head[5];
        for (uint64_t& value : head) {
            if (wire::read_varint(cursor, value, 5) != wire::Fault::kNone) return false;
        }
        if (head[4] > cursor.left()) return false;
        const FiledSpan span{static_cast<uint32_t>(head[0]),
                             static_cast<uint32_t>(head[1]),
                             static_cast<uint32_t>(head[2]),
                             static_cast<uint32_t>(head[3]),
                             {cursor.at, static_cast<size_t>(head[4])}};
        cursor.at += head[4];
        if (gone == gone_.end() || !gone->second[place]) ret_spans.push_back(span);
    }
    return ret_spans.size() == entry.spans;
}

void UndecidedFiles::decided(uint32_t number) {
    Entry& entry = entries_[number];
    if (std::exchange(entry.decided, true)) return;
    waiting_ -= stored_bytes(entry);
    spans_ -= entry.spans;
    if (entry.source == 0) return;  // nobody claimed it, so no decision could have made room
    File& file = files_[blocks_[entry.block].file];
    if (--file.undecided == 0) needed_ -= file.size;
}

void UndecidedFiles::note_booking(uint32_t number, uint64_t total) {
    const Entry& entry = entries_[number];
    const UndecidedBlock& block = blocks_[entry.block];
    const uint64_t offset = block.bookings() + uint64_t{entry.place} * sizeof total;
    if (!write_at(files_[block.file].file.get(), &total, sizeof total, offset))
        fail("cannot be written: what is answered for may come twice", path_of(block.file));
}

void UndecidedFiles::done(uint32_t number) {
    decided(number);
    UndecidedBlock& block = blocks_[entries_[number].block];
    gone_.erase(number);
    free_entries_.push_back(number);
    if (--block.left != 0) return;
    if (loaded_ == entries_[number].block) loaded_ = kNone;
    free_blocks_.push_back(entries_[number].block);
    if (--files_[block.file].left == 0) drop(block.file);
}

}  // namespace spanring::agent
