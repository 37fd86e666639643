// SPDX-License-Identifier: Apache-2.0
#include "recovered_segment.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <utility>

#include "ring/attach.hpp"
#include "ring/chunk_reader.hpp"
#include "ring/recovery.hpp"
#include "ring/runtime_directory.hpp"
#include "ring/unfinished_span.hpp"
#include "spanring/spanring.h"
#include "support/extents.hpp"

namespace spanring::test {
namespace {

bool read_varint(const uint8_t*& at, const uint8_t* end, uint64_t& ret) {
    ret = 0;
    for (int shift = 0; at != end && shift < 64; shift += 7) {
        ret |= uint64_t{*at & 0x7fu} << shift;
        if ((*at++ & 0x80) == 0) return true;
    }
    return false;
}

// The name of a Span message, and whether the message is whole to its last byte.
bool span_name(const uint8_t* at, const uint8_t* end, std::string& ret_name) {
    bool named = false;
    while (at != end) {
        uint64_t tag, size;
        if (!read_varint(at, end, tag)) return false;
        switch (tag & 7) {
            case 0:
                if (!read_varint(at, end, size)) return false;
                size = 0;
                break;
            case 1: size = 8; break;
            case 5: size = 4; break;
            case 2:
                if (!read_varint(at, end, size)) return false;
                break;
            default: return false;
        }
        if (size > static_cast<uint64_t>(end - at)) return false;
        if (tag >> 3 == 5) {
            if (named) return false;
            ret_name.assign(reinterpret_cast<const char*>(at), size);
            named = true;
        }
        at += size;
    }
    return named;
}

bool collect(const uint8_t* at, const uint8_t* end, std::multiset<std::string>& names, uint32_t& ret_spans) {
    ret_spans = 0;
    while (at != end) {
        if (*at == ring::kControlRecord) {
            if (end - at < ring::kScopeRecordSize) return false;
            at += ring::kScopeRecordSize;
            continue;
        }
        uint64_t size;
        std::string name;
        if (*at++ != ring::kSpanRecord || !read_varint(at, end, size) || size > static_cast<uint64_t>(end - at) ||
            !span_name(at, at + size, name))
            return false;
        names.insert(name);
        ++ret_spans;
        at += size;
    }
    return true;
}

// What the file has memory for. Where that is what it was at the last look, the rest of the image is as it was, too:
// nobody writes where an image has nothing.
bool read_file(int fd, uint64_t size, std::vector<uint8_t>& ret_image) {
    static const std::vector<uint8_t>* last_image = nullptr;
    static std::vector<std::pair<off_t, off_t>> last_runs;
    std::vector<std::pair<off_t, off_t>> runs;
    for (off_t at = 0; (at = lseek(fd, at, SEEK_DATA)) >= 0;) {
        const off_t end = lseek(fd, at, SEEK_HOLE);
        if (end < 0) return false;
        runs.emplace_back(at, end);
        at = end;
    }
    if (last_image != &ret_image || ret_image.size() != size || runs != last_runs) ret_image.assign(size, 0);
    last_image = &ret_image;
    last_runs = runs;
    for (const auto& [begin, end] : runs)
        if (pread(fd, ret_image.data() + begin, static_cast<size_t>(end - begin), begin) != end - begin) return false;
    return true;
}

ring::SegmentView view_of(uint8_t* image) { return {image, ring::SegmentView(image).header().extent_limit}; }

}  // namespace

RecoveredSegment recover(std::vector<uint8_t>& image) {
    RecoveredSegment result;
    const ring::SegmentView view = view_of(image.data());
    const ring::ExtentMap extents = extents_of(view);
    const bool overwrite = view.header().full_policy == SPR_FULL_OVERWRITE_OLDEST;
    for (int round = 0; round < 2; ++round) {
        result = RecoveredSegment();
        extents.each_chunk([&](uint32_t chunk) {
            if (!result.fault.empty()) return;
            const ring::ChunkWord word = ring::ChunkReader<>::committed(view.chunk_line(chunk));
            if (const auto fault = ring::check_word(word, extents.chunk_capacity(chunk), overwrite);
                fault != ring::ChunkFault::kNone) {
                result.fault = ring::describe(fault);
                return;
            }
            const uint8_t* bytes = view.chunk_bytes(chunk, extents.chunk_capacity(chunk));
            uint32_t spans;
            if (!collect(bytes, bytes + word.length, result.complete, spans) || spans != word.spans) {
                result.fault = "a committed record is torn in chunk " + std::to_string(chunk);
                return;
            }
            uint32_t length = 0, acknowledged = 0;
            if (!ring::acknowledged_part(ring::ChunkReader<>::mark(view, chunk), word, length, acknowledged)) {
                result.fault = "a mark lies behind the end of chunk " + std::to_string(chunk);
                return;
            }
            result.pending += word.spans - acknowledged;
        });
        if (!result.fault.empty()) return result;
        std::vector<uint32_t> open;
        ring::Recovery<> recovery(view, extents, view.writer().counter_lines);
        if (const auto fault = recovery.run(open); fault != ring::RecoveryFault::kNone) {
            result.fault = ring::describe(fault);
            return result;
        }
        for (const uint32_t slot : open) {
            ring::SlotCopy copy;
            std::vector<uint8_t> record;
            uint32_t spans = 0;
            result.grown += ring::SlotWord::unpack(view.slot(slot).word).place != 0;
            if (!ring::copy_slot(view, extents, slot, copy) || !ring::append_unfinished_span(copy, 1, record) ||
                !collect(record.data(), record.data() + record.size(), result.unfinished, spans) || spans != 1) {
                result.fault = "an open span cannot be told in slot " + std::to_string(slot);
                return result;
            }
        }
        extents.each_slot([&](uint32_t slot) {
            if (ring::SlotWord::unpack(view.slot(slot).word).state != ring::SlotState::kWaiting) return;
            ring::SlotCopy copy;
            std::vector<uint8_t> record;
            uint32_t spans = 0;
            if (!ring::copy_slot(view, extents, slot, copy) || !ring::append_ended_span(copy, record) ||
                !collect(record.data(), record.data() + record.size(), result.complete, spans) || spans != 1)
                result.fault = "a span that waits cannot be told in slot " + std::to_string(slot);
            ++result.pending;
        });
        if (!result.fault.empty()) return result;
        result.acknowledged = view.control().totals.acknowledged;
        result.counters = ring::sum_counters<>(view);
    }
    return result;
}

uint32_t chunks_in(const std::vector<uint8_t>& image, ring::ChunkState state) {
    const ring::SegmentView view = view_of(const_cast<uint8_t*>(image.data()));
    uint32_t count = 0;
    extents_of(view).each_chunk(
        [&](uint32_t chunk) { count += ring::ChunkWord::unpack(view.chunk_line(chunk).word).state == state; });
    return count;
}

bool read_segment(const std::string& directory, std::vector<uint8_t>& ret_image, std::string& ret_fault) {
    ret_fault.clear();
    DIR* dir = opendir(directory.c_str());
    if (dir == nullptr) return false;
    bool found = false;
    while (const dirent* entry = readdir(dir)) {
        uint8_t instance[16];
        if (!ring::parse_segment_name(entry->d_name, instance)) continue;
        const int fd = openat(dirfd(dir), entry->d_name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        uint64_t size = 0;
        ring::Header header;
        ring::AttachReport report = ring::check_segment_file(fd, geteuid(), size);
        if (report.ok()) report = ring::read_segment_header(fd, size, instance, header);
        if (report.ok()) {
            found = read_file(fd, size, ret_image);
        } else {
            ret_fault = ring::describe(report);
        }
        close(fd);
    }
    closedir(dir);
    return found;
}

}  // namespace spanring::test
