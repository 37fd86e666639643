// SPDX-License-Identifier: Apache-2.0
//
// Spans whose traces are not decided, in files: so that they neither fill the memory of their processes nor the
// agent's. They are written in blocks, an entry for each trace and process; an entry is done when all its spans are
// answered for, a file goes when all its entries are done. What was written survives kill -9 of the agent, and not the
// death of the host, with which the segments go as well. One thread.
//
//     NUMBER.undecided    blocks: UndecidedHeader | AccountId x accounts | rows | payload | zeros up to a multiple of 8
//     NUMBER.answers      of each block: uint64_t x entries    what note_booking() says
//                                        | uint8_t x spans     1: the span is its segment's again; zeros likewise
//
// A row, of an entry, is two varints: the place of its account among the block's, and its spans. In the payload, packed
// or as it is, a span is five varints (chunk or slot, generation, end or 0 of a slot, scope, size) and its record. All
// of a block is under checksums. The file of answers is made when there is something to say, and has holes where there
// is nothing: what waits takes no room there.
//
// A file has spans of one owner's segments: where the agent serves several, nobody's file is kept for another's span.
//
// Whose a span is, its segment says: the mark of its chunk passes it, or its slot is free, once it is in a file, and
// from then on it is the file's. The next agent compares the two (entries that claim() returns).
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/descriptor.hpp"
#include "base/log_pace.hpp"
#include "base/process_identity.hpp"
#include "decide/undecided_block.hpp"

struct ZSTD_CCtx_s;

namespace spanring::agent {

struct UndecidedFilesOptions {
    std::string directory;
    uint64_t max_bytes = uint64_t{1} << 30;
    bool packed = false;  // by zstd
    bool of_several_users = false;
};

// As it lay in its segment.
struct FiledSpan {
    uint32_t chunk = 0;  // or slot
    uint32_t generation = 0;
    uint32_t end = 0;  // in the chunk; 0: it waited in a slot
    uint32_t scope = 0;
    std::span<const uint8_t> record;

    bool is_of_slot() const { return end == 0; }
};

class UndecidedFiles {
public:
    static constexpr uint32_t kNone = ~uint32_t{0};
    static constexpr char kEnding[] = ".undecided";  // of a file's name
    static constexpr char kAnswers[] = ".answers";

    // A block in the making.
    class Draft {
    public:
        static constexpr size_t kFull = 256u << 10;  // bytes

        void begin_entry(const AccountId& account, uint64_t source);
        void add(const FiledSpan& span);  // to the last entry
        bool is_full() const { return payload_.size() >= kFull || spans_ >= kMostEntries; }
        bool empty() const { return spans_of_.empty(); }
        size_t bytes() const { return payload_.size(); }
        uint32_t entries() const { return static_cast<uint32_t>(spans_of_.size()); }
        void clear();

    private:
        friend class UndecidedFiles;
        std::vector<AccountId> accounts_;
        std::vector<uint64_t> sources_;   // likewise
        std::vector<uint16_t> places_;    // of each entry, among these
        std::vector<uint16_t> spans_of_;  // likewise
        std::vector<uint8_t> payload_;
        uint32_t spans_ = 0;
    };

    // Of one trace and one segment. They wait by the hundred thousand: what is on disk alone is not here.
    struct Entry {
        uint32_t next = kNone;  // of its trace
        uint16_t spans = 0;     // that are to be answered for
        uint16_t unpassed = 0;  // of these, those that the mark of their chunk has not passed
        uint16_t account = 0;   // its place among the block's
        bool decided = false;
        bool is_new = true;  // for its segment
    };
    static_assert(sizeof(Entry) == 12);

    // Of an agent before.
    struct Claimed {
        uint32_t entry = 0;
        uint64_t booking = 0;  // what note_booking() said last, 0: nothing
    };

    // Reads what is there. What cannot be read is told, and left where it is, all of it where it cannot be listed;
    // where nothing can be written write() says so.
    explicit UndecidedFiles(UndecidedFilesOptions options);
    UndecidedFiles(const UndecidedFiles&) = delete;
    UndecidedFiles& operator=(const UndecidedFiles&) = delete;

    // Whether an agent left any there, as far as can be seen.
    static bool are_in(const std::string& directory);

    // `owner`: of all its segments. Its entries are in ret_entries, in their order; numbers of a block follow one
    // another, and those of no other one are between them. False: nothing was written.
    bool write(const Draft& draft, uint32_t owner, std::vector<uint32_t>& ret_entries);

    Entry& operator[](uint32_t entry) { return blocks_[entry >> kPlaceBits].states[entry & kPlaceMask]; }
    uint64_t source_of(uint32_t entry) const;  // the segment; 0: it has not come

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
    // Likewise, once none is to come that is there by now: those that were answered for, which had only to be booked.
    void forget_answered();
    bool has_unclaimed() const { return !unclaimed_.empty(); }
    uint64_t unclaimed_spans() const { return unclaimed_spans_; }  // of those below
    // Whether something of an agent before that was whole once could not be read, or was forgotten.
    bool damaged() const { return damaged_; }

    bool of_several_users() const { return options_.of_several_users; }
    uint64_t max_bytes() const { return options_.max_bytes; }
    uint64_t bytes() const { return bytes_; }            // of all files
    uint64_t needed_bytes() const { return needed_; }    // of those with something that is not decided
    uint32_t neediest_owner() const;                     // who has most of these
    uint64_t waiting_bytes() const { return waiting_; }  // there, of what is not decided
    uint64_t spans() const { return spans_; }            // likewise
    // `visit` gets segments, each as often as it likes, with spans that are not decided and what they take there.
    template <class Visit>
    void each_waiting(Visit&& visit) const {
        for (const Block& block : blocks_) {
            for (const auto& of : block.sources)
                if (of.spans != 0) visit(of.source, of.spans, block.stored_bytes(of.spans));
        }
    }
    size_t memory() const { return rows_ * sizeof(Entry) + blocks_.capacity() * sizeof(Block); }

private:
    // Of a number the place in its block, and before it the block: a number is found with no table.
    static constexpr int kPlaceBits = 13;
    static constexpr uint32_t kPlaceMask = (1u << kPlaceBits) - 1;
    static constexpr uint32_t kMostEntries = 1u << kPlaceBits;              // of a block
    static constexpr uint32_t kMostBlocks = (1u << (32 - kPlaceBits)) - 1;  // that are known at a time

    struct Block : UndecidedBlock {
        std::vector<Entry> states;
        struct Source {
            uint64_t source = 0;  // 0: it has not come
            uint32_t spans = 0;   // that are not decided
        };
        std::vector<Source> sources;  // by account
    };
    struct Owner {
        uint64_t bytes = 0;
        uint64_t needed = 0;
        uint64_t writing = 0;  // the file that is written to; 0: none
        size_t files = 0;
    };
    struct File {
        Descriptor file;
        bool has_answers = false;
        uint32_t owner = 0;
        uint64_t size = 0;
        uint64_t answers_size = 0;  // with those that are not there
        uint64_t left = 0;          // blocks
        uint64_t undecided = 0;     // entries
    };

    uint64_t stored_bytes(uint32_t entry) const;  // its part of its block
    std::string path_of(uint64_t file, const char* ending = kEnding) const;
    void recover();
    void recover(uint64_t number);
    bool recover_block(uint64_t number, const File& file, uint64_t& offset);
    bool is_cut(uint64_t number, const File& file, uint64_t offset) const;
    bool is_sound(const File& file, const UndecidedHeader& header) const;
    uint64_t next_block(uint64_t number, const File& file, uint64_t offset) const;
    void set_apart(uint64_t number);
    bool has_room(const Owner& owner, uint64_t bytes) const;
    uint64_t file_for(uint32_t owner, uint64_t bytes);
    std::span<const uint8_t> pack(std::span<const uint8_t> payload, Block& block);
    bool write_block(const File& file, const Block& block, std::span<const uint8_t> payload);
    bool load(uint32_t block);
    bool find_entries(uint32_t block);
    uint32_t written_spans(uint32_t entry) const;
    void drop(uint64_t number);
    void need(File& file);
    void no_longer_need(File& file);
    uint32_t add_block(Block block);
    int answers_of(uint64_t number);
    void fail(const char* what, const std::string& path);

    const UndecidedFilesOptions options_;
    std::map<uint64_t, File> files_;    // by number
    std::map<uint32_t, Owner> owners_;  // those who have files
    uint64_t last_number_ = 0;
    std::vector<Block> blocks_;
    std::vector<uint32_t> free_blocks_;
    size_t rows_ = 0;  // of all blocks
    std::map<AccountId, std::vector<Claimed>> unclaimed_;
    std::map<uint32_t, std::vector<bool>> gone_;  // of entries: spans that are their segment's again
    uint64_t bytes_ = 0;
    uint64_t waiting_ = 0;
    uint64_t needed_ = 0;
    uint64_t spans_ = 0;
    uint64_t unclaimed_spans_ = 0;
    bool damaged_ = false;
    LogPace log_;
    Descriptor answers_;         // of the file that was asked for last: of many one is enough
    uint64_t answers_file_ = 0;  // its number; 0: none

    struct Found {
        uint32_t first = 0;   // span
        uint32_t offset = 0;  // of its spans in the payload
        uint32_t bytes = 0;
    };

    uint32_t loaded_ = kNone;  // the block whose payload this is
    std::vector<uint8_t> payload_, stored_;
    std::vector<Found> found_;  // its entries

    // Kept from block to block: what waits is put between pieces that come and go, and these then find no place again.
    struct FreePacker {
        void operator()(ZSTD_CCtx_s* packer) const;
    };
    std::unique_ptr<ZSTD_CCtx_s, FreePacker> packer_;  // null: none was needed
    std::vector<uint8_t> packed_;
    std::vector<uint8_t> head_;  // of a block, before its payload
};

}  // namespace spanring::agent
