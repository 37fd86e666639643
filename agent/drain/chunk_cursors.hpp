// SPDX-License-Identifier: Apache-2.0
//
// How far the agent is in each chunk of a segment, and which chunks a pass has to look at. The agent's own memory:
// nothing here believes the segment, and nothing here writes to it. A chunk that is not in use costs a few words of it,
// and has no cursor: of a FREE one all that is to be known is its word. Drain thread only.
//
// A round looks at all chunks, or at those in use alone: an owner's chunk gets longer without a word to anybody, and an
// answer moves a mark. Of any other chunk the word moves with a claim alone, which the process counts.
//
// Header bill: it reads through RunCutter; attached_segment.hpp alone includes it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "drain/low_water.hpp"
#include "drain/run_cutter.hpp"
#include "ring/chunk_reader.hpp"
#include "ring/chunk_word.hpp"
#include "ring/extent_map.hpp"
#include "ring/segment_view.hpp"

namespace spanring::agent {

struct ChunkCursor {
    ring::ChunkWord seen;  // as last seen, or made
    bool known = false;
    bool retired = false;
    uint32_t read = 0;  // bytes handed out
    uint32_t read_spans = 0;
    uint32_t scope = kNoScope;
    LowWater low;
    ReceiptPlace receipt;

    // Takes in a word of the chunk, if its writers can have led it there. ret_begun: it is of a generation that was not
    // seen before, and restart() has to follow.
    ring::ChunkFault see(ring::ChunkWord word, uint32_t capacity, bool overwrite, bool& ret_begun);

    // At the begin of a generation, of which so much is acknowledged already.
    void restart(uint32_t length, uint32_t spans);
};

class ChunkCursors {
public:
    // Takes in the chunks of the extents that are new, or that hold chunks now.
    void extend(const ring::ExtentMap& extents);

    // Makes one where there is none, with what is known.
    ChunkCursor& operator[](uint32_t chunk) {
        const uint32_t place = place_of(chunk);
        if (cursors_[place] == nullptr) make(place);
        return *cursors_[place];
    }
    bool has_cursor(uint32_t chunk) const { return cursors_[place_of(chunk)] != nullptr; }
    // Whether that word says nothing new of a chunk without a cursor.
    bool is_unused_at(uint32_t chunk, ring::ChunkWord word) const {
        const uint32_t place = place_of(chunk);
        const bool is_free = word == ring::ChunkWord{ring::ChunkState::kFree, word.generation, 0, 0};
        return is_free && cursors_[place] == nullptr &&
               (idle_words_[place] == kLook || idle_words_[place] == word.pack());
    }
    uint32_t count() const { return static_cast<uint32_t>(chunks_.size()); }

    // There is nothing to do for the chunk as long as its word is this one.
    void set_idle(uint32_t chunk, ring::ChunkWord word) {
        const uint32_t place = place_of(chunk);
        idle_words_[place] = word.pack();
        if (moves_unclaimed(word.state)) use(place);
    }
    // Everything of it is done, and it is FREE.
    void forget(uint32_t chunk, ring::ChunkWord word) {
        cursors_[place_of(chunk)].reset();
        set_idle(chunk, word);
    }
    void look_again(uint32_t chunk) {
        const uint32_t place = place_of(chunk);
        idle_words_[place] = kLook;
        use(place);
    }
    void look_at_all();

    // Whether the chunk is FREE and has been since the agent looked.
    bool rests_free(ring::SegmentView segment, uint32_t chunk) const {
        const uint32_t place = place_of(chunk);
        return is_idle(segment, place) && ring::ChunkWord::unpack(idle_words_[place]).state == ring::ChunkState::kFree;
    }
    // The agent has led a FREE chunk on, to this word.
    void moved(uint32_t chunk, ring::ChunkWord word) {
        if (has_cursor(chunk)) (*this)[chunk].seen = word;
        set_idle(chunk, word);
    }

    // The next round is over all chunks, for once: one may have been claimed and not counted.
    void distrust_claims() { all_next_ = true; }

    // Whether a round would find nothing to do, of those in use.
    bool rest_in_use(ring::SegmentView segment) const;

    // Begins a round: over those in use alone, unless there are `claims` that were not looked for. Returns of how many.
    uint32_t begin_round(bool claims);

    // A round looks at each of its chunks once; one over all begins where the last one stopped. `left` counts from what
    // begin_round() said down. A pass makes so many `looks` of it. Goes to the next chunk that may have something to
    // do, and past it with advance(). False: there is none left, or no look.
    bool seek(ring::SegmentView segment, uint32_t& left, uint32_t& looks) {
        while (left != 0 && looks != 0) {
            if (next() >= end()) next() = 0;
            const uint32_t ahead = std::min({left, looks, end() - next()});
            const uint32_t idle = all_ ? idle_from(segment, next_, ahead) : idle_in_use(segment, next_used_, ahead);
            next() += idle;
            left -= idle;
            looks -= idle;
            if (idle != ahead) return true;
        }
        return false;
    }
    uint32_t advance(uint32_t& left, uint32_t& looks) {
        --left;
        --looks;
        return chunks_[all_ ? next_++ : used_[next_used_++]];
    }

private:
    static constexpr uint64_t kLook = ~uint64_t{0};  // no sound word: there is no such state

    void make(uint32_t place);
    static bool moves_unclaimed(ring::ChunkState state) {
        return state == ring::ChunkState::kOpen || state == ring::ChunkState::kEvicting;
    }
    void use(uint32_t place) {
        if (is_used_[place]) return;
        is_used_[place] = true;
        used_.push_back(place);
    }
    bool is_idle(ring::SegmentView segment, uint32_t place) const;
    uint32_t idle_from(ring::SegmentView segment, uint32_t first, uint32_t count) const;
    uint32_t idle_in_use(ring::SegmentView segment, uint32_t first, uint32_t count) const;
    uint32_t& next() { return all_ ? next_ : next_used_; }
    uint32_t end() const { return all_ ? count() : used_in_round_; }
    uint32_t place_of(uint32_t chunk) const {
        return first_places_[ring::ExtentMap::row(chunk / ring::kChunksPerExtent)] + chunk % ring::kChunksPerExtent;
    }

    static constexpr uint32_t kNoChunks = ~uint32_t{0};

    uint32_t version_ = 0;                               // of the extents that were taken in
    std::vector<uint32_t> first_places_;                 // of each extent, by its row, in what follows
    std::vector<uint32_t> chunks_;                       // those that there are, as they were found
    std::vector<std::unique_ptr<ChunkCursor>> cursors_;  // null: the chunk is not in use
    // Of each chunk the word at which there is nothing to do for it, or kLook. Apart from the cursors, so that a look
    // at a thousand chunks reads little more than their words.
    std::vector<uint64_t> idle_words_;
    uint32_t next_ = 0;

    std::vector<uint32_t> used_;  // places of chunks in use, and of some that were
    std::vector<bool> is_used_;   // of each chunk: whether it is among these
    uint32_t next_used_ = 0;
    uint32_t used_in_round_ = 0;  // what is put to them later is the next round's
    bool all_ = true;             // this round is over all chunks
    bool all_next_ = true;
};

}  // namespace spanring::agent
