// SPDX-License-Identifier: Apache-2.0
#include "segment/open_span_reader.hpp"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <utility>
#include <vector>

#include "ring/chunk_word.hpp"
#include "ring/settlement.hpp"

namespace spanring::agent {
namespace {

constexpr int kAttempts = 4;

// What tells one state of a slot from another: word and generation.
constexpr uint64_t kGlance = offsetof(ring::Slot, line);
constexpr uint64_t kHead = offsetof(ring::Slot, data);
static_assert(offsetof(ring::Slot, word) < kGlance && offsetof(ring::Slot, generation) < kGlance);

bool is_open(const ring::Slot& slot) { return ring::SlotWord::unpack(slot.word).state == ring::SlotState::kOpen; }

bool same(const ring::Slot& a, const ring::Slot& b) { return a.word == b.word && a.generation == b.generation; }

// What was read before comes before what is read next, on machines that load out of order. (TSan knows no fences, and
// sees nothing of what the kernel copies.)
void keep_order() {
#ifndef __SANITIZE_THREAD__
    std::atomic_thread_fence(std::memory_order_acquire);
#endif
}

}  // namespace

void OpenSpanReader::each(LookAllowance& allowance, const Visit& visit) {
    allowance_ = &allowance;
    if (!find_extents()) return;
    for (uint32_t extent = 0; extent < extents_.count() && !exhausted_; ++extent) {
        if (extents_.kind(extent) == ring::ExtentKind::kSlots && has_memory(extent)) look_at(extent, visit);
    }
}

// How many there were turned comes first, as for an agent (ExtentMap::update()). False: the file ends before.
bool OpenSpanReader::find_extents() {
    if (!words_.copy(fd_, ring::kWriterOffset, sizeof(ring::WriterPage))) return false;
    keep_order();
    const uint32_t counted = std::min(words_.view().writer().extents, extents_.limit());
    if (!words_.copy(fd_, ring::extent_word_offset(0), uint64_t{counted} * sizeof(uint64_t))) return false;
    if (!words_.copy(fd_, ring::kHugeWordsOffset, ring::kHugePlaces * sizeof(uint64_t))) return false;
    extents_.salvage(words_.view(), counted);
    return true;
}

// Of a file that claims many and has none, nothing is read.
bool OpenSpanReader::has_memory(uint32_t extent) const {
    const off_t data = ::lseek(fd_, static_cast<off_t>(ring::extent_offset(extent)), SEEK_DATA);
    return data >= 0 && static_cast<uint64_t>(data) < ring::extent_offset(extent) + ring::kExtentSize;
}

// An extent is turned before anything else is written into it, and that is counted: where the count stands, what was
// read as slots and their blocks was that.
bool OpenSpanReader::were_turned(uint64_t since) const {
    uint64_t turned = 0;
    keep_order();
    read_at(fd_, ring::kWriterOffset + offsetof(ring::WriterPage, turned), &turned, sizeof turned);
    return turned != since;
}

void OpenSpanReader::look_at(uint32_t extent, const Visit& visit) {
    std::vector<ring::SlotCopy> spans;
    for (int i = 0; i < kAttempts; ++i) {
        spans.clear();
        uint64_t changed = 0, broken = 0;
        const uint64_t turned = words_.view().writer().turned;
        for (uint32_t place = 0; place < ring::kSlotsPerExtent && !exhausted_; ++place) {
            ring::SlotCopy span;
            const Reading reading = read(extent * ring::kSlotNumbers + place, span);
            changed += reading == Reading::kChanged;
            broken += reading == Reading::kBroken;
            if (reading == Reading::kWhole) spans.push_back(std::move(span));
        }
        if (!were_turned(turned)) {
            changed_ += changed;
            broken_ += broken;
            for (const ring::SlotCopy& span : spans) visit(span);
            return;
        }
        // Of an extent that holds something else by now every span has ended.
        if (!find_extents() || extents_.kind(extent) != ring::ExtentKind::kSlots) return;
    }
    changed_ += spans.size();
}

// The word and the generation are the same before and after the bytes. They are looked at twice before: between two
// spans of a slot the word of the one could be found beside the generation of the next.
OpenSpanReader::Reading OpenSpanReader::read(uint32_t slot, ring::SlotCopy& ret_span) {
    const uint64_t offset = ring::slot_offset(slot);
    ring::Slot glance{};
    for (int i = 0; i < kAttempts; ++i) {
        if (allowance_->looks == 0) exhausted_ = true;
        if (exhausted_) return Reading::kNotOpen;
        --allowance_->looks;
        if (i == 0) {
            read_at(fd_, offset, &glance, kGlance);
            if (!is_open(glance)) return Reading::kNotOpen;
            keep_order();
        }
        if (read_at(fd_, offset, &ret_span.slot, kHead) != kHead || !is_open(ret_span.slot)) return Reading::kNotOpen;
        const bool settled = same(glance, ret_span.slot);
        keep_order();
        const Reading reading = settled ? read_data(slot, ret_span) : Reading::kChanged;
        keep_order();
        read_at(fd_, offset, &glance, kGlance);
        if (!is_open(glance)) return Reading::kNotOpen;
        if (settled && same(glance, ret_span.slot)) return reading;
        keep_order();
    }
    return Reading::kChanged;
}

OpenSpanReader::Reading OpenSpanReader::read_data(uint32_t slot, ring::SlotCopy& span) {
    const auto word = ring::SlotWord::unpack(span.slot.word);
    if (!ring::fits_place(word)) return Reading::kBroken;
    uint64_t offset = ring::slot_offset(slot) + kHead;
    if (word.place > ring::kBlockClasses) {
        const uint32_t place = word.place - ring::kBlockClasses - 1;
        // It may have been used for the first time since, or again.
        if (!extents_.has_huge_block(place) && (!find_extents() || !extents_.has_huge_block(place)))
            return Reading::kBroken;
        offset = extents_.offset_of(ring::kFirstHuge + place);
    } else if (word.place != 0) {
        const uint32_t block = span.slot.blocks[word.place - 1] - 1;
        // It may be in an extent that was taken since.
        if (!extents_.has_block(block, word.place) && (!find_extents() || !extents_.has_block(block, word.place)))
            return Reading::kBroken;
        offset = ring::block_offset(block);
    }
    if (allowance_->bytes < word.length) exhausted_ = true;
    if (exhausted_) return Reading::kNotOpen;
    allowance_->bytes -= word.length;
    span.data.resize(word.length);
    return read_at(fd_, offset, span.data.data(), word.length) == word.length ? Reading::kWhole : Reading::kBroken;
}

}  // namespace spanring::agent
