// SPDX-License-Identifier: Apache-2.0
//
// Spans whose traces are not decided, in files: so that they neither fill the memory of their processes nor the
// agent's. They are written in blocks, an entry for each trace and process; an entry is done when all its spans are
// answered for, a file goes when all its entries are done. What was written survives kill -9 of the agent, and not the
// death of the host, with which the segments go as well. One thread.
//
//     UndecidedHeader | AccountId x accounts | UndecidedRow x entries | zeros up to a multiple of 8
//                 | uint64_t x entries    what note_booking() says
//                 | uint8_t x spans       1: the span is its segment's again; zeros up to a multiple of 8
//                 | payload               packed or as it is; zeros up to a multiple of 8
//
// In the payload a span is five varints (chunk, generation, end, scope, size) and its record. Everything but what is
// written later (bookings, spans that are gone) is under a checksum.
//
// Whose a span is, its segment says: the mark of its chunk passes it once it is in a file, and from then on it is the
// file's. The next agent compares the two (entries that claim() returns).
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/descriptor.hpp"
#include "base/log_pace.hpp"
#include "base/process_identity.hpp"
#include "decide/undecided_block.hpp"

namespace spanring::agent {

struct UndecidedFilesOptions {
    std::string directory;
    uint64_t max_bytes = uint64_t{1} << 30;
    bool packed = false;  // by zstd
};

// As it lay in its segment.
struct FiledSpan {
    uint32_t chunk = 0;
    uint32_t generation = 0;
    uint32_t end = 0;  // in the chunk
    uint32_t scope = 0;
    std::span<const uint8_t> record;
};

class UndecidedFiles {
public:
    static constexpr uint32_t kNone = ~uint32_t{0};
    static constexpr char kEnding[] = ".undecided";  // of a file's name

    // A block in the making.
    class Draft {
    public:
        static constexpr size_t kFull = 256u << 10;  // bytes

        void begin_entry(const AccountId& account, uint64_t source);
        void add(const FiledSpan& span);  // to the last entry
        bool is_full() const { return payload_.size() >= kFull; }
        bool empty() const { return rows_.empty(); }
        size_t bytes() const { return payload_.size(); }
        uint32_t entries() const { return static_cast<uint32_t>(rows_.size()); }
        void clear();

    private:
        friend class UndecidedFiles;
        std::vector<AccountId> accounts_;
        std::vector<UndecidedRow> rows_;
        std::vector<uint64_t> sources_;
        std::vector<uint8_t> payload_;
        uint32_t spans_ = 0;
    };

    // Of one trace and one segment.
    struct Entry {
        uint64_t source = 0;    // of the segment
        uint32_t next = kNone;  // of its trace
        uint32_t spans = 0;     // that are to be answered for
        uint32_t unpassed = 0;  // of these, those that the mark of their chunk has not passed
        uint32_t block = 0;
        uint32_t place = 0;   // in its block
        uint32_t first = 0;   // span, in its block
        uint32_t offset = 0;  // of its spans in the payload
        uint32_t bytes = 0;   // there
        bool decided = false;
        bool is_new = true;  // for its segment
    };

    // Of an agent before.
    struct Claimed {
        uint32_t entry = 0;
        uint64_t booking = 0;  // what note_booking() said last, 0: nothing
    };

    // Reads what is there. What cannot be read is told, and left where it is; where nothing can be written write()
    // says so.
    explicit UndecidedFiles(UndecidedFilesOptions options);
    UndecidedFiles(const UndecidedFiles&) = delete;
    UndecidedFiles& operator=(const UndecidedFiles&) = delete;

    // Whether an agent left any there.
    static bool are_in(const std::string& directory);

    // The first of its entries; the others follow it in ret_entries, in their order. False: nothing was written.
    bool write(const Draft& draft, std::vector<uint32_t>& ret_entries);

    Entry& operator[](uint32_t entry) { return entries_[entry]; }

    // Its spans that are to be answered for, until the next call. False: they cannot be read, and the log says so.
    bool read(uint32_t entry, std::vector<FiledSpan>& ret_spans);

    // Nobody waits for its decision any more.
    void decided(uint32_t entry);

    // Its spans are about to be booked in the totals of their segment, of which `acknowledged` is `total` afterwards:
    // so the next agent knows whether they were. 0: they were not.
    void note_booking(uint32_t entry, uint64_t total);
    void done(uint32_t entry);

    // ---- What an agent before left

    std::vector<Claimed> claim(const AccountId& account, uint64_t source);
    // Those of its spans, as read() counts them, that their segment still has.
    void give_up(uint32_t entry, const std::vector<uint32_t>& spans);
    // Of segments that did not come: they are gone. Returns how many spans are lost with them.
    size_t forget_unclaimed();
    bool has_unclaimed() const { return !unclaimed_.empty(); }
    uint64_t unclaimed_spans() const { return unclaimed_spans_; }  // of those below
    // Whether something of an agent before that was whole once could not be read, or was forgotten.
    bool damaged() const { return damaged_; }

    uint64_t max_bytes() const { return options_.max_bytes; }
    uint64_t bytes() const { return bytes_; }            // of all files
    uint64_t needed_bytes() const { return needed_; }    // of those with something that is not decided
    uint64_t waiting_bytes() const { return waiting_; }  // there, of what is not decided
    uint64_t spans() const { return spans_; }            // likewise
    size_t memory() const { return entries_.size() * sizeof(Entry) + blocks_.capacity() * sizeof(UndecidedBlock); }

private:
    struct File {
        Descriptor file;
        uint64_t size = 0;
        uint64_t left = 0;       // blocks
        uint64_t undecided = 0;  // entries
    };

    std::string path_of(uint64_t file) const;
    void recover();
    void recover(uint64_t number);
    bool recover_block(uint64_t number, const File& file, uint64_t& offset);
    bool is_cut(uint64_t number, const File& file, uint64_t offset) const;
    bool is_sound(const File& file, const UndecidedHeader& header) const;
    uint64_t next_block(uint64_t number, const File& file, uint64_t offset) const;
    void set_apart(uint64_t number);
    File* file_for(uint64_t bytes);
    bool load(uint32_t block);
    void drop(uint64_t number);
    uint32_t add_block(const UndecidedBlock& block);
    uint32_t add_entry(const Entry& entry);
    uint64_t stored_bytes(const Entry& entry) const;
    void fail(const char* what, const std::string& path);

    const UndecidedFilesOptions options_;
    std::map<uint64_t, File> files_;  // by number
    uint64_t writing_ = 0;            // the one that is written to; 0: none
    uint64_t last_number_ = 0;
    std::vector<UndecidedBlock> blocks_;
    std::deque<Entry> entries_;
    std::vector<uint32_t> free_blocks_, free_entries_;
    std::map<AccountId, std::vector<Claimed>> unclaimed_;
    std::map<uint32_t, std::vector<bool>> gone_;  // of entries: spans that are their segment's again
    uint64_t bytes_ = 0;
    uint64_t waiting_ = 0;
    uint64_t needed_ = 0;
    uint64_t spans_ = 0;
    uint64_t unclaimed_spans_ = 0;
    bool damaged_ = false;
    LogPace log_;

    uint32_t loaded_ = kNone;  // the block whose payload this is
    std::vector<uint8_t> payload_, stored_;
};

}  // namespace spanring::agent
