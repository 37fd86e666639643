// SPDX-License-Identifier: Apache-2.0
#include "command/segment_probe.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <new>
#include <system_error>

#include "drain/producer_reader.hpp"
#include "drain/segment_lock.hpp"
#include "ring/attach.hpp"
#include "ring/chunk_word.hpp"
#include "ring/counter_sums.hpp"
#include "ring/runtime_directory.hpp"
#include "ring/segment_view.hpp"

namespace spanring::agent {
namespace {

struct Descriptor {
    int number;
    ~Descriptor() {
        if (number >= 0) ::close(number);
    }
};

struct alignas(ring::kPage) Page {
    uint8_t bytes[ring::kPage];
};

bool read_whole(int fd, uint64_t offset, void* to, size_t size) {
    auto* at = static_cast<uint8_t*>(to);
    while (size != 0) {
        const ssize_t got = ::pread(fd, at, size, static_cast<off_t>(offset));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        at += got;
        offset += static_cast<uint64_t>(got);
        size -= static_cast<size_t>(got);
    }
    return true;
}

// Chunks and slots of one extent, copied into `pages`.
bool add_extent(int fd, uint32_t extent, Page* pages, SegmentSnapshot& snapshot) {
    constexpr uint64_t kHead = ring::kBlocksOffset;  // directory, marks, slots
    if (!read_whole(fd, ring::extent_offset(extent), pages, kHead)) return false;
    const auto* base = reinterpret_cast<const uint8_t*>(pages);
    for (uint32_t place = 0; place < ring::kChunksPerExtent; ++place) {
        const auto& line =
            *reinterpret_cast<const ring::ChunkLine*>(base + ring::kDirectoryOffset + place * sizeof(ring::ChunkLine));
        const auto word = ring::ChunkWord::unpack(line.word);
        const uint32_t capacity = ring::chunk_capacity(place);
        if (ring::is_complete(word.state)) snapshot.used_bytes += capacity;
        else if (word.state != ring::ChunkState::kFree) snapshot.used_bytes += std::min(word.length, capacity);
    }
    for (uint32_t place = 0; place < ring::kSlotsPerExtent; ++place) {
        const auto& slot = *reinterpret_cast<const ring::Slot*>(base + ring::kSlotsOffset + place * ring::kSlotSize);
        const auto state = ring::SlotWord::unpack(slot.word).state;
        if (state == ring::SlotState::kFree) continue;
        snapshot.open += 1;
        snapshot.moving |= state != ring::SlotState::kOpen;
    }
    return true;
}

}  // namespace

std::variant<SegmentSnapshot, std::string> probe_segment(int directory, const std::string& name) {
    const auto refused = [](int error) { return std::system_category().message(error); };
    uint8_t instance[16];
    if (!ring::parse_segment_name(name.c_str(), instance)) return "its name is no segment's";
    struct stat owner {};
    if (::fstat(directory, &owner) != 0) return refused(errno);
    const Descriptor file{::openat(directory, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)};
    if (file.number < 0) return refused(errno);
    uint64_t size = 0;
    ring::Header header;
    ring::AttachReport report = ring::check_segment_file(file.number, owner.st_uid, size);
    if (report.ok()) report = ring::read_segment_header(file.number, size, instance, header);
    if (!report.ok()) return ring::describe(report);

    const auto pages = std::make_unique<Page[]>(ring::kExtentsOffset / ring::kPage);
    if (!read_whole(file.number, 0, pages.get(), ring::kExtentsOffset)) return "it became shorter while it was read";
    const ring::SegmentView view(pages[0].bytes);
    SegmentSnapshot snapshot;
    snapshot.producer = read_producer(header, view, owner.st_uid);
    if (snapshot.producer == nullptr) return "its resource is malformed";
    snapshot.created_unix_nano = header.created_unix_nano;
    snapshot.alive = process_liveness(file.number) != Liveness::kDead;
    snapshot.attached = view.control().attachments != 0;
    snapshot.retired = (view.control().policy & ring::PolicyBits::kRetired) != 0;
    snapshot.writer = ring::sum_counters(view);
    snapshot.agent = view.control().totals;
    snapshot.moving = view.control().journal.armed != 0;
    const uint32_t extents = std::min(view.writer().extents, header.extent_limit);
    for (uint32_t chunk = 0; chunk < ring::kChunksPerExtent; ++chunk)
        snapshot.capacity_bytes += ring::chunk_capacity(chunk);
    snapshot.capacity_bytes *= header.extent_limit;
    const auto head = std::make_unique<Page[]>(ring::kBlocksOffset / ring::kPage);
    for (uint32_t extent = 0; extent < extents; ++extent) {
        if (!add_extent(file.number, extent, head.get(), snapshot)) return "it became shorter while it was read";
    }
    return snapshot;
}

}  // namespace spanring::agent
