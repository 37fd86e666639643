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
constexpr size_t kOverfull = 8;      // of a full draft, what its last span may have beyond
constexpr uint64_t kMostFiles = 64;  // of a full directory: each has a descriptor
// Of all that is there. One in which something is not answered for takes all of its room.
constexpr uint64_t kPart = 16;
constexpr uint64_t kLeast = 1u << 20;

void put_varint(std::vector<uint8_t>& to, uint32_t value) {
    for (; value >= 0x80; value >>= 7) to.push_back(static_cast<uint8_t>(value | 0x80));
    to.push_back(static_cast<uint8_t>(value));
}

bool read_span(wire::Cursor& cursor, FiledSpan& ret_span) {
    uint64_t head[5];
    for (uint64_t& value : head) {
        if (wire::read_varint(cursor, value, 5) != wire::Fault::kNone) return false;
    }
    if (head[4] > cursor.left()) return false;
    ret_span = {static_cast<uint32_t>(head[0]),
                static_cast<uint32_t>(head[1]),
                static_cast<uint32_t>(head[2]),
                static_cast<uint32_t>(head[3]),
                {cursor.at, static_cast<size_t>(head[4])}};
    cursor.at += head[4];
    return true;
}

}  // namespace

// ---- A block in the making ------------------------------------------------------------------------------------------

void UndecidedFiles::Draft::begin_entry(const AccountId& account, uint64_t source) {
    size_t place = accounts_.size();  // the last ones are the likely ones
    while (place != 0 && accounts_[place - 1] != account) --place;
    if (place == 0) {
        accounts_.push_back(account);
        sources_.push_back(source);
        place = accounts_.size();
    }
    places_.push_back(static_cast<uint16_t>(place - 1));
    spans_of_.push_back(0);
}

void UndecidedFiles::Draft::add(const FiledSpan& span) {
    if (payload_.capacity() == 0) payload_.reserve(kFull + kFull / kOverfull);
    for (const uint32_t value :
         {span.chunk, span.generation, span.end, span.scope, static_cast<uint32_t>(span.record.size())})
        put_varint(payload_, value);
    payload_.insert(payload_.end(), span.record.begin(), span.record.end());
    ++spans_of_.back();
    ++spans_;
}

void UndecidedFiles::Draft::clear() {
    accounts_.clear();
    sources_.clear();
    places_.clear();
    spans_of_.clear();
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

std::string UndecidedFiles::path_of(uint64_t file, const char* ending) const {
    char name[sizeof "0123456789abcdef" + sizeof kEnding];
    static_assert(sizeof kAnswers <= sizeof kEnding);
    std::snprintf(name, sizeof name, "%016" PRIx64 "%s", file, ending);
    return options_.directory + "/" + name;
}

void UndecidedFiles::fail(const char* what, const std::string& path) {
    const int error = errno;
    if (const auto more = log_.due())
        spdlog::error("undecided spans: {} {}: {}{}", path, what, error == 0 ? "it is cut" : error_text(error), *more);
}

// The spans first: of answers alone the next agent knows that nobody needs them.
void UndecidedFiles::drop(uint64_t number) {
    const auto file = files_.find(number);
    if (::unlink(path_of(number).c_str()) != 0) fail("cannot be removed", path_of(number));
    SPR_TESTPOINT(undecided_removed);
    if (file->second.has_answers) ::unlink(path_of(number, kAnswers).c_str());
    if (answers_file_ == number) answers_file_ = 0;
    bytes_ -= file->second.size;
    const auto owner = owners_.find(file->second.owner);
    owner->second.bytes -= file->second.size;
    if (owner->second.writing == number) owner->second.writing = 0;
    if (--owner->second.files == 0) owners_.erase(owner);
    files_.erase(file);
}

// Of what one owner has no more than several times what it leaves: one who floods fills four fifths.
bool UndecidedFiles::has_room(const Owner& owner, uint64_t bytes) const {
    // What is decided and not answered for lies there as well: that is the exporters' to bound.
    const uint64_t most = 2 * options_.max_bytes;
    if (bytes_ + bytes > most) return false;
    constexpr uint64_t kTimesWhatIsFree = 4;
    return !options_.of_several_users || owner.bytes + bytes <= kTimesWhatIsFree * (most - bytes_);
}

// 0: there is no room, or none can be made.
uint64_t UndecidedFiles::file_for(uint32_t of, uint64_t bytes) {
    const auto known = owners_.find(of);
    const Owner before = known == owners_.end() ? Owner() : known->second;
    if (!has_room(before, bytes)) return 0;
    const uint64_t most = std::min(options_.max_bytes / kMostFiles, std::max(before.bytes / kPart, kLeast));
    if (before.writing != 0 && files_[before.writing].size + bytes <= most) return before.writing;
    const uint64_t number = last_number_ + 1;
    const std::string path = path_of(number);
    constexpr int kFlags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    Descriptor file(::open(path.c_str(), kFlags, 0600));
    if (!file && errno == ENOENT && ::mkdir(options_.directory.c_str(), 0700) == 0)  // the disk was full at the start
        file = Descriptor(::open(path.c_str(), kFlags, 0600));
    if (!file) {
        fail("cannot be made", path);
        return 0;
    }
    last_number_ = number;
    File& made = files_[number];
    made.file = std::move(file);
    made.owner = of;
    Owner& owner = owners_[of];
    owner.writing = number;
    ++owner.files;
    if (before.writing != 0 && files_[before.writing].left == 0) drop(before.writing);
    return number;
}

void UndecidedFiles::need(File& file) {
    needed_ += file.size;
    owners_[file.owner].needed += file.size;
}

void UndecidedFiles::no_longer_need(File& file) {
    needed_ -= file.size;
    owners_[file.owner].needed -= file.size;
}

uint32_t UndecidedFiles::neediest_owner() const {
    const auto less = [](const auto& one, const auto& other) { return one.second.needed < other.second.needed; };
    const auto most = std::max_element(owners_.begin(), owners_.end(), less);
    return most == owners_.end() ? 0 : most->first;
}

void UndecidedFiles::FreePacker::operator()(ZSTD_CCtx_s* packer) const { ZSTD_freeCCtx(packer); }

// As it is to be stored; says so in the block.
std::span<const uint8_t> UndecidedFiles::pack(std::span<const uint8_t> payload, Block& block) {
    if (!options_.packed) return payload;
    if (packer_ == nullptr) packer_.reset(ZSTD_createCCtx());
    packed_.resize(std::max(packed_.size(), ZSTD_compressBound(payload.size())));
    const size_t size = packer_ == nullptr ? 0
                                           : ZSTD_compressCCtx(packer_.get(), packed_.data(), packed_.size(),
                                                               payload.data(), payload.size(), kLevel);
    block.packed = packer_ != nullptr && ZSTD_isError(size) == 0 && size < payload.size();
    return block.packed ? std::span<const uint8_t>(packed_).first(size) : payload;
}

// Its beginning first: an agent that is killed meanwhile is known to have been.
bool UndecidedFiles::write_block(const File& file, const Block& block, std::span<const uint8_t> payload) {
    constexpr uint8_t kZeros[8] = {};
    const int to = file.file.get();
    const uint64_t end = block.payload() + payload.size();
    return write_at(to, head_.data(), head_.size(), block.offset) &&
           write_at(to, payload.data(), payload.size(), block.payload()) &&
           write_at(to, kZeros, block.end() - end, end);
}

bool UndecidedFiles::write(const Draft& draft, uint32_t owner, std::vector<uint32_t>& ret_entries) {
    ret_entries.clear();
    if (draft.entries() > kMostEntries || (free_blocks_.empty() && blocks_.size() >= kMostBlocks)) return false;
    Block block;
    block.accounts = static_cast<uint32_t>(draft.accounts_.size());
    block.entries = block.left = draft.entries();
    block.spans = draft.spans_;
    block.raw = static_cast<uint32_t>(draft.payload_.size());
    head_.resize(sizeof(UndecidedHeader) + block.accounts * sizeof(AccountId));
    std::memcpy(head_.data() + sizeof(UndecidedHeader), draft.accounts_.data(), block.accounts * sizeof(AccountId));
    const size_t rows = head_.size();
    for (uint32_t place = 0; place < block.entries; ++place) {
        put_varint(head_, draft.places_[place]);
        put_varint(head_, draft.spans_of_[place]);
    }
    block.row_bytes = static_cast<uint32_t>(head_.size() - rows);
    const std::span<const uint8_t> payload = pack(draft.payload_, block);
    block.stored = static_cast<uint32_t>(payload.size());
    block.crc = undecided_crc(payload.data(), payload.size());
    block.file = file_for(owner, block.end());
    if (block.file == 0) return false;
    File& file = files_[block.file];
    block.offset = file.size;
    block.answers = file.answers_size;

    UndecidedHeader header;
    header.file = block.file;
    header.offset = block.offset;
    header.answers = block.answers;
    header.owner = owner;
    header.accounts = block.accounts;
    header.entries = block.entries;
    header.spans = block.spans;
    header.rows = block.row_bytes;
    header.raw = block.raw;
    header.stored = block.stored;
    header.payload_crc = block.crc;
    header.packed = block.packed ? 1 : 0;
    std::memcpy(head_.data(), &header, sizeof header);
    header.crc = undecided_crc(head_.data() + UndecidedBlock::kCovered, head_.size() - UndecidedBlock::kCovered);
    std::memcpy(head_.data(), &header, sizeof header);
    if (!write_block(file, block, payload)) {
        fail("cannot be written", path_of(block.file));
        // Or its end is unknown.
        if (::ftruncate(file.file.get(), static_cast<off_t>(block.offset)) != 0) owners_[owner].writing = 0;
        if (file.left == 0) drop(block.file);
        return false;
    }
    SPR_TESTPOINT(undecided_written);
    if (file.undecided != 0) no_longer_need(file);
    const uint64_t size = block.end() - block.offset;
    file.size += size;
    file.answers_size = block.answers_end();
    file.undecided += block.entries;
    need(file);
    ++file.left;
    bytes_ += size;
    owners_[owner].bytes += size;
    block.sources.reserve(block.accounts);
    block.states.reserve(block.entries);
    for (const uint64_t source : draft.sources_) block.sources.push_back({source, 0});
    for (uint32_t place = 0; place < block.entries; ++place) {
        const uint16_t spans = draft.spans_of_[place];
        block.states.push_back({kNone, spans, spans, draft.places_[place]});
        block.sources[draft.places_[place]].spans += spans;
    }
    const uint32_t first = add_block(std::move(block)) << kPlaceBits;
    for (uint32_t place = 0; place < draft.entries(); ++place) ret_entries.push_back(first | place);
    return true;
}

// All of its entries wait.
uint32_t UndecidedFiles::add_block(Block block) {
    block.states.shrink_to_fit();
    block.sources.shrink_to_fit();
    rows_ += block.states.size();
    auto number = static_cast<uint32_t>(blocks_.size());
    if (free_blocks_.empty()) {
        blocks_.push_back(std::move(block));
    } else {
        number = free_blocks_.back();
        free_blocks_.pop_back();
        blocks_[number] = std::move(block);
    }
    const Block& added = blocks_[number];
    for (uint32_t place = 0; place < added.states.size(); ++place) {
        waiting_ += stored_bytes(number << kPlaceBits | place);
        spans_ += added.states[place].spans;
    }
    return number;
}

uint64_t UndecidedFiles::source_of(uint32_t entry) const {
    const Block& block = blocks_[entry >> kPlaceBits];
    return block.sources[block.states[entry & kPlaceMask].account].source;
}

uint64_t UndecidedFiles::stored_bytes(uint32_t entry) const {
    const Block& block = blocks_[entry >> kPlaceBits];
    return block.stored_bytes(block.states[entry & kPlaceMask].spans);
}

// With those that are their segment's again.
uint32_t UndecidedFiles::written_spans(uint32_t entry) const {
    const auto gone = gone_.find(entry);
    if (gone != gone_.end()) return static_cast<uint32_t>(gone->second.size());
    return blocks_[entry >> kPlaceBits].states[entry & kPlaceMask].spans;
}

bool UndecidedFiles::load(uint32_t number) {
    if (loaded_ == number) return true;
    loaded_ = kNone;
    const Block& block = blocks_[number];
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
    if (!sound || !find_entries(number)) {
        if (const auto more = log_.due())
            spdlog::error("undecided spans: {} is damaged at {}{}", path_of(block.file), block.offset, *more);
        return false;
    }
    loaded_ = number;
    return true;
}

// In the payload.
bool UndecidedFiles::find_entries(uint32_t number) {
    found_.clear();
    wire::Cursor cursor{std::span<const uint8_t>(payload_)};
    const auto count = static_cast<uint32_t>(blocks_[number].states.size());
    uint32_t first = 0;
    for (uint32_t place = 0; place < count; ++place) {
        const auto offset = static_cast<uint32_t>(cursor.at - payload_.data());
        const uint32_t spans = written_spans(number << kPlaceBits | place);
        FiledSpan span;
        for (uint32_t i = 0; i < spans; ++i) {
            if (!read_span(cursor, span)) return false;
        }
        found_.push_back({first, offset, static_cast<uint32_t>(cursor.at - payload_.data()) - offset});
        first += spans;
    }
    return cursor.done();
}

bool UndecidedFiles::read(uint32_t number, std::vector<FiledSpan>& ret_spans) {
    ret_spans.clear();
    if (!load(number >> kPlaceBits)) return false;
    const Found& found = found_[number & kPlaceMask];
    const auto gone = gone_.find(number);
    wire::Cursor cursor(std::span<const uint8_t>(payload_).subspan(found.offset, found.bytes));
    for (size_t place = 0; !cursor.done(); ++place) {
        FiledSpan span;
        read_span(cursor, span);
        if (gone == gone_.end() || !gone->second[place]) ret_spans.push_back(span);
    }
    return ret_spans.size() == (*this)[number].spans;
}

void UndecidedFiles::decided(uint32_t number) {
    Entry& entry = (*this)[number];
    if (std::exchange(entry.decided, true)) return;
    waiting_ -= stored_bytes(number);
    spans_ -= entry.spans;
    Block& block = blocks_[number >> kPlaceBits];
    block.sources[entry.account].spans -= entry.spans;
    if (source_of(number) == 0) return;  // nobody claimed it, so no decision could have made room
    File& file = files_[block.file];
    if (--file.undecided == 0) no_longer_need(file);
}

// Negative: they cannot be opened, or made.
int UndecidedFiles::answers_of(uint64_t number) {
    if (answers_file_ == number) return answers_.get();
    File& file = files_[number];
    // What lies there and nobody knows of is nobody's.
    const int flags = O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | (file.has_answers ? 0 : O_CREAT | O_TRUNC);
    answers_ = Descriptor(::open(path_of(number, kAnswers).c_str(), flags, 0600));
    answers_file_ = answers_ ? number : 0;
    file.has_answers = file.has_answers || answers_;
    SPR_TESTPOINT(answers_begun);
    return answers_.get();
}

void UndecidedFiles::note_booking(uint32_t number, uint64_t total) {
    const Block& block = blocks_[number >> kPlaceBits];
    const uint64_t offset = block.answers + uint64_t{number & kPlaceMask} * sizeof total;
    const int answers = answers_of(block.file);
    if (answers < 0 || !write_at(answers, &total, sizeof total, offset))
        fail(total != 0 ? "cannot be written: what is answered for may come twice"
                        : "cannot be written: after a kill some spans may be missing in the accounts",
             path_of(block.file, kAnswers));
}

void UndecidedFiles::done(uint32_t number) {
    decided(number);
    const uint32_t at = number >> kPlaceBits;
    Block& block = blocks_[at];
    (*this)[number].spans = static_cast<uint16_t>(written_spans(number));
    gone_.erase(number);
    if (--block.left != 0) return;
    if (loaded_ == at) loaded_ = kNone;
    const uint64_t file = block.file;
    rows_ -= block.states.size();
    block = {};
    free_blocks_.push_back(at);
    if (--files_[file].left == 0) drop(file);
}

}  // namespace spanring::agent
