// SPDX-License-Identifier: Apache-2.0
//
// Of one segment: its entries in the files of undecided spans, until they are booked. An entry is booked as a whole,
// once all its spans are answered for, and once the marks have passed them: until then the next agent would find them
// in the segment. Drain thread only.
//
// Header bill: undecided_files.hpp and low_water.hpp; attached_segment.hpp alone includes it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "decide/undecided_files.hpp"
#include "drain/low_water.hpp"

namespace spanring::agent {

class FiledEntries {
public:
    void file_into(UndecidedFiles* files) { files_ = files; }
    UndecidedFiles& files() const { return *files_; }

    bool empty() const { return open_ == 0; }
    void begin() { ++open_; }  // an entry
    void end(uint32_t entry) {
        --open_;
        files_->done(entry);
    }

    // So many of its spans are below a mark. Whether it is to be booked now.
    bool passed(uint32_t entry, uint32_t spans) {
        (*files_)[entry].unpassed -= spans;
        return is_complete(entry);
    }
    // No mark moves any more: the segment is given up. Those that waited for this alone, and are to be booked now.
    std::vector<uint32_t> forget_marks() {
        std::vector<uint32_t> complete;
        for (const auto& [entry, answers] : answers_) {
            (*files_)[entry].unpassed = 0;
            if (is_complete(entry)) complete.push_back(entry);
        }
        return complete;
    }
    // What became of some of its spans. Likewise.
    bool answered(uint32_t entry, Completion piece) {
        Answers& answers = answers_[entry];
        answers.spans += piece.spans;
        answers.pieces.push_back(std::move(piece));
        return is_complete(entry);
    }
    std::vector<Completion> take(uint32_t entry) { return std::move(answers_.extract(entry).mapped().pieces); }

private:
    struct Answers {
        uint32_t spans = 0;
        std::vector<Completion> pieces;
    };

    bool is_complete(uint32_t entry) const {
        const UndecidedFiles::Entry& filed = (*files_)[entry];
        if (filed.unpassed != 0) return false;
        const auto answers = answers_.find(entry);
        return answers != answers_.end() && answers->second.spans == filed.spans;
    }

    UndecidedFiles* files_ = nullptr;  // null: there are none
    size_t open_ = 0;
    std::map<uint32_t, Answers> answers_;
};

}  // namespace spanring::agent
