// SPDX-License-Identifier: Apache-2.0
#include "segment/segment_copy.hpp"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <new>
#include <utility>

#include "ring/ack_book.hpp"
#include "ring/data_blocks.hpp"
#include "ring/recovery.hpp"

namespace spanring::agent {
namespace {

// Whether recovery would stop at it.
bool broken(const ring::Slot& slot, const ring::ExtentMap& extents, ring::DataBlocks& blocks) {
    const auto word = ring::SlotWord::unpack(slot.word);
    if (word.state == ring::SlotState::kFree || word.state == ring::SlotState::kDone) return false;
    if (static_cast<uint32_t>(word.state) > static_cast<uint32_t>(ring::SlotState::kDone)) return true;
    if (blocks.claim(slot, word) != ring::RecoveryFault::kNone) return true;
    if (word.state == ring::SlotState::kEnding)
        return slot.intent_chunk != ring::kInSlot && !extents.has_chunk(slot.intent_chunk);
    return word.state == ring::SlotState::kDropping &&
           slot.intent_cause >= static_cast<uint32_t>(ring::Counter::kCount);
}

}  // namespace

uint64_t read_at(int fd, uint64_t offset, void* to, uint64_t size) {
    auto* at = static_cast<uint8_t*>(to);
    uint64_t done = 0;
    while (done < size) {
        const ssize_t got = ::pread(fd, at + done, size - done, static_cast<off_t>(offset + done));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        done += static_cast<uint64_t>(got);
    }
    return done;
}

SegmentCopy::SegmentCopy(uint32_t extent_limit, bool huge)
    : extent_limit_(extent_limit), size_(ring::segment_size(extent_limit, huge)) {
    void* memory = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    base_ = static_cast<uint8_t*>(memory);
}

SegmentCopy::~SegmentCopy() {
    if (base_ != nullptr) ::munmap(base_, size_);
}

SegmentCopy::SegmentCopy(SegmentCopy&& other) noexcept
    : extent_limit_(other.extent_limit_),
      size_(other.size_),
      base_(std::exchange(other.base_, nullptr)),
      data_begin_(other.data_begin_),
      data_end_(other.data_end_) {}

bool SegmentCopy::copy(int fd, uint64_t offset, uint64_t size) {
    const uint64_t end = offset + size;
    for (uint64_t at = offset; at < end;) {
        if (!find_data(fd, at)) {
            struct stat status;
            return fstat(fd, &status) == 0 && static_cast<uint64_t>(status.st_size) >= end;
        }
        const uint64_t begin = std::max(at, data_begin_), stop = std::min(end, data_end_);
        if (begin >= end) return true;
        if (read_at(fd, begin, base_ + begin, stop - begin) != stop - begin) return false;
        at = stop;
    }
    return true;
}

// The run of bytes at or after `at` that the file has memory for. False: there is none.
bool SegmentCopy::find_data(int fd, uint64_t at) {
    if (at >= data_begin_ && at < data_end_) return true;
    const off_t data = lseek(fd, static_cast<off_t>(at), SEEK_DATA);
    if (data < 0 && errno == ENXIO) return false;
    const off_t hole = data < 0 ? data : lseek(fd, data, SEEK_HOLE);
    data_begin_ = data < 0 ? at : static_cast<uint64_t>(data);
    data_end_ = hole < 0 ? size_ : static_cast<uint64_t>(hole);  // a file system that cannot tell: all of it is read
    return data_end_ > data_begin_;
}

bool SegmentCopy::copy_heads(int fd, const ring::ExtentMap& extents) {
    for (uint32_t extent = 0; extent < extents.count(); ++extent) {
        if (extent % ring::kExtentsPerGroup == 0) {
            const uint64_t offset = ring::group_offset(extent / ring::kExtentsPerGroup);
            if (!copy(fd, offset, ring::kGroupHeadSize)) return false;
        }
        if (extents.kind(extent) != ring::ExtentKind::kSlots) continue;
        if (!copy(fd, ring::extent_offset(extent), ring::kExtentSize)) return false;
    }
    return true;
}

SegmentCopy::Settled SegmentCopy::settle(const ring::ExtentMap& extents) {
    Settled result;
    ring::AckBook<> book;
    ring::DataBlocks blocks(extents);
    result.journal = book.open(view(), extents);
    extents.each_slot([&](uint32_t slot) {
        if (!broken(view().slot(slot), extents, blocks)) return;
        result.broken.push_back(slot);
        view().slot(slot).word = 0;
    });
    ring::Recovery<>(view(), extents, view().writer().counter_lines).run(result.open);
    return result;
}

}  // namespace spanring::agent
