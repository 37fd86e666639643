// SPDX-License-Identifier: Apache-2.0
//
// Segments for tests, without the library: a file that looks as a process leaves it, with a lock that lives as long as
// the image, and spans that tell who wrote them. SegmentMemory is the same over a plain buffer.
#pragma once

#include <array>
#include <cstring>
#include <iterator>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ring/atomics.hpp"
#include "ring/chunk_word.hpp"
#include "ring/extent_word.hpp"
#include "ring/runtime_directory.hpp"
#include "ring/segment_view.hpp"
#include "support/temporary_directory.hpp"

namespace spanring::test {

using Bytes = std::vector<uint8_t>;

inline void put(Bytes& to, const void* from, size_t size) {
    const auto* bytes = static_cast<const uint8_t*>(from);
    to.insert(to.end(), bytes, bytes + size);
}
inline void put_text(Bytes& to, uint8_t tag, const std::string& text) {
    to.push_back(tag);
    size_t size = text.size();
    for (; size >= 0x80; size >>= 7) to.push_back(static_cast<uint8_t>(size | 0x80));
    to.push_back(static_cast<uint8_t>(size));
    put(to, text.data(), text.size());
}
inline void put_fixed64(Bytes& to, uint8_t tag, uint64_t value) {
    to.push_back(tag);
    put(to, &value, sizeof value);
}

// A padded length, as the writer leaves it where it did not know it in time.
inline Bytes record_of(const Bytes& span) {
    Bytes record = {ring::kSpanRecord, static_cast<uint8_t>(span.size() | 0x80)};
    size_t rest = span.size() >> 7;
    for (; rest >= 0x80; rest >>= 7) record.push_back(static_cast<uint8_t>(rest | 0x80));
    record.push_back(static_cast<uint8_t>(rest));
    put(record, span.data(), span.size());
    return record;
}

// Ids carry the number, so that gaps and doubles can be told.
inline Bytes span_start(uint64_t number, const std::string& name) {
    Bytes span = {0x0a, 0x10};
    const uint64_t trace[2] = {0x1122334455667788, number + 1};
    put(span, trace, sizeof trace);
    span.insert(span.end(), {0x12, 0x08});
    const uint64_t id = number + 1;
    put(span, &id, sizeof id);
    put_fixed64(span, 0x39, 1000 + number);
    put_text(span, 0x2a, name);
    return span;
}
inline Bytes make_span(uint64_t number, const std::string& name = "work") {
    Bytes span = span_start(number, name);
    put_fixed64(span, 0x41, 2000 + number);
    return span;
}
inline Bytes make_attribute(const std::string& key, const std::string& value) {
    Bytes any, pair, field;
    put_text(any, 0x0a, value);
    put_text(pair, 0x0a, key);
    pair.insert(pair.end(), {0x12, static_cast<uint8_t>(any.size())});
    put(pair, any.data(), any.size());
    field.insert(field.end(), {0x4a, static_cast<uint8_t>(pair.size())});
    put(field, pair.data(), pair.size());
    return field;
}
inline Bytes scope_record(uint32_t scope) {
    Bytes record = {ring::kControlRecord, ring::kControlScope};
    put(record, &scope, sizeof scope);
    return record;
}

// What the extents of an image hold, one after another, and again from the seventh on.
inline constexpr ring::ExtentKind kImageKinds[] = {ring::ExtentKind::kSmallChunks, ring::ExtentKind::kLargeChunks,
                                                   ring::ExtentKind::kJumboChunks, ring::ExtentKind::kSlots,
                                                   ring::ExtentKind::kBlocks2K,    ring::ExtentKind::kBlocks16K};
inline constexpr uint32_t kImageSet = std::size(kImageKinds);                 // extents
inline constexpr uint32_t kChunksOfSet = kImageSet * ring::kChunksPerExtent;  // the small ones of a set come first
inline constexpr uint32_t kFirstLarge = 1 * ring::kChunksPerExtent;
inline constexpr uint32_t kFirstJumbo = 2 * ring::kChunksPerExtent;
inline constexpr uint32_t kFirstSlot = 3 * ring::kSlotNumbers;
inline constexpr uint32_t kFirstBlock = 4 * ring::kBlockNumbers;       // of class 1
inline constexpr uint32_t kFirstLargeBlock = 5 * ring::kBlockNumbers;  // of class 3

struct ImageOptions {
    uint32_t extents = kImageSet;
    uint32_t extent_limit = 2 * kImageSet;
    uint32_t full_policy = 0;
    uint64_t compatible = 0;
    bool huge = false;  // with huge places
    std::string service = "shop";
};

// What a process does to its segment, step by step.
class SegmentMemory {
public:
    explicit SegmentMemory(uint8_t* base, const ImageOptions& options, const uint8_t instance[16])
        : view_(base, options.extent_limit) {
        ring::Header& header = view_.header();
        header.magic = ring::kMagic;
        header.layout_major = ring::kLayoutMajor;
        header.header_size = sizeof header;
        header.byte_order = ring::kByteOrder;
        header.pointer_bits = 64;
        header.segment_size = ring::segment_size(options.extent_limit, options.huge);
        header.huge_places = options.huge ? ring::kHugePlaces : 0;
        header.extent_limit = options.extent_limit;
        header.full_policy = options.full_policy;
        header.compatible = options.compatible;
        std::memcpy(header.instance_id, instance, 16);
        header.pid = 4242;
        std::strcpy(reinterpret_cast<char*>(header.program), "image");
        const Bytes service = make_attribute("service.name", options.service);
        Bytes resource = {0x0a};  // field 1 of Resource: attributes
        put(resource, service.data() + 1, service.size() - 1);
        header.resource_size = static_cast<uint32_t>(resource.size());
        std::memcpy(view_.resource(), resource.data(), resource.size());
        for (uint32_t extent = 0; extent < options.extents; ++extent)
            view_.extent_word(extent) = ring::ExtentWord{kImageKinds[extent % kImageSet]}.pack();
        view_.writer().extents = options.extents;
        view_.writer().counter_lines = ring::kCounterLinesPerPage;
        header.ready = ring::kReady;
    }

    ring::SegmentView view() const { return view_; }
    ring::CounterLine& line(uint32_t line = 0) { return view_.counter_line(line); }
    uint64_t& counter(ring::Counter counter, uint32_t line = 0) {
        return view_.counter_line(line).values[static_cast<uint32_t>(counter)];
    }

    ring::ChunkWord word(uint32_t chunk) const {
        return ring::ChunkWord::unpack(ring::StdAtomics::load(view_.chunk_line(chunk).word, std::memory_order_acquire));
    }
    // Whatever is more than a longer chunk of the same owner counts as a claim.
    void set_word(uint32_t chunk, ring::ChunkWord word) {
        const bool owned = this->word(chunk).state == ring::ChunkState::kOpen;
        ring::StdAtomics::store(view_.chunk_line(chunk).word, word.pack(), std::memory_order_release);
        if (!owned) ring::StdAtomics::fetch_add(view_.writer().claims, uint64_t{1}, std::memory_order_release);
    }
    ring::ChunkWord mark(uint32_t chunk) const {
        return ring::ChunkWord::unpack(ring::StdAtomics::load(view_.chunk_mark(chunk), std::memory_order_acquire));
    }

    uint32_t capacity(uint32_t chunk) const {
        const uint32_t extent = chunk / ring::kChunksPerExtent;
        return ring::part_size(extent, ring::ExtentWord::unpack(view_.extent_word(extent)).kind);
    }
    uint8_t* bytes(uint32_t chunk) const { return view_.chunk_bytes(chunk, capacity(chunk)); }
    ring::Slot& slot(uint32_t place) const { return view_.slot(kFirstSlot + place); }

    uint32_t add_scope(const std::string& name) {
        Bytes inner, bytes;
        put_text(inner, 0x0a, name);
        bytes.insert(bytes.end(), {0x0a, static_cast<uint8_t>(inner.size())});
        put(bytes, inner.data(), inner.size());
        ring::WriterPage& page = view_.writer();
        ring::ScopeEntry& entry = view_.scope(page.scopes);
        entry.offset = ring::kScopeBytesOffset + page.scope_bytes;
        entry.scope_size = static_cast<uint32_t>(bytes.size());
        std::memcpy(view_.scope_bytes(entry.offset), bytes.data(), bytes.size());
        page.scope_bytes += entry.scope_size;
        ring::StdAtomics::store(entry.ready, uint32_t{1}, std::memory_order_release);
        return ++page.scopes;
    }

    // A huge place is used for the first time. Returns its chunk, if it is one.
    uint32_t take_huge(uint32_t place) {
        const uint32_t extent = ring::kFirstHuge + place;
        view_.extent_word(extent) = ring::ExtentWord{ring::kind_of_huge(place)}.pack();
        ring::StdAtomics::fetch_add(view_.writer().huge, uint64_t{1} << place, std::memory_order_release);
        return extent * ring::kChunksPerExtent;
    }

    // FREE to OPEN, with the record that says which scope follows.
    void claim(uint32_t chunk, uint32_t scope = 0) {
        ring::ChunkWord now = word(chunk);
        if (now.state != ring::ChunkState::kFree) throw std::logic_error("the chunk is not free");
        set_word(chunk, {ring::ChunkState::kOpen, (now.generation + 1) & ring::ChunkWord::kGenerationMask, 0, 0});
        append(chunk, scope_record(scope), 0);
    }
    void append(uint32_t chunk, const Bytes& record, uint32_t spans) {
        ring::ChunkWord now = word(chunk);
        if (now.length + record.size() > capacity(chunk)) throw std::logic_error("the chunk is full");
        std::memcpy(bytes(chunk) + now.length, record.data(), record.size());
        now.length += static_cast<uint32_t>(record.size());
        now.spans += spans;
        set_word(chunk, now);
    }
    // A span that is started and ended, and counted as such.
    void commit(uint32_t chunk, uint64_t number, const std::string& name = "work") {
        append(chunk, record_of(make_span(number, name)), 1);
        count();
    }
    void count(uint64_t spans = 1) {
        counter(ring::Counter::kStarted) += spans;
        counter(ring::Counter::kEnded) += spans;
    }
    void move_to(uint32_t chunk, ring::ChunkState state) {
        ring::ChunkWord now = word(chunk);
        now.state = state;
        set_word(chunk, now);
    }
    void seal(uint32_t chunk) { move_to(chunk, ring::ChunkState::kFull); }

    // Fills an open slot with a span that started, and its block with the data if that is long. `place`: among the
    // slots of the first set; those that share a block are too far apart to meet.
    ring::Slot& open_slot(uint32_t place, const Bytes& data, uint32_t scope = 0) {
        ring::Slot& slot = this->slot(place);
        slot.generation += 1;
        slot.line = 0;
        slot.started = counter(ring::Counter::kStarted) + 1;
        slot.start_unix_nano = 1000;
        slot.scope = scope;
        slot.kind = 2;
        ring::SlotWord word{ring::SlotState::kOpen, 0, static_cast<uint32_t>(data.size())};
        uint8_t* to = slot.data;
        if (data.size() > ring::kSlotInlineData) {
            word.place = data.size() <= ring::block_size(1) ? 1 : 3;
            const uint32_t block =
                word.place == 1 ? kFirstBlock + place % ring::kBlockNumbers : kFirstLargeBlock + place % 4 * 8;
            slot.blocks[word.place - 1] = block + 1;
            to = view_.block(block);
        }
        std::memcpy(to, data.data(), data.size());
        slot.word = word.pack();
        counter(ring::Counter::kStarted) += 1;
        return slot;
    }
    // One that has ended and waits there. The agent is told unless `silently`.
    ring::Slot& waiting_slot(uint32_t place, const Bytes& data, uint64_t end, bool silently = false) {
        ring::Slot& slot = open_slot(place, data);
        slot.intent_chunk = ring::kInSlot;
        slot.intent_word = end;
        slot.intent_ended = counter(ring::Counter::kEnded) += 1;
        set_slot_state(place, ring::SlotState::kWaiting);
        view_.writer().waits += silently ? 0 : 1;
        return slot;
    }
    ring::SlotWord slot_word(uint32_t place) const { return ring::SlotWord::unpack(slot(place).word); }
    void set_slot_state(uint32_t place, ring::SlotState state) {
        ring::SlotWord word = slot_word(place);
        word.state = state;
        slot(place).word = word.pack();
    }

private:
    ring::SegmentView view_;
};

// Over a plain buffer.
class BufferImage {
public:
    explicit BufferImage(ImageOptions options = {})
        : bytes_(ring::segment_size(options.extent_limit) / 8), memory_(base(), options, kInstance) {}
    SegmentMemory* operator->() { return &memory_; }
    ring::SegmentView view() const { return memory_.view(); }

private:
    static constexpr uint8_t kInstance[16] = {1};
    uint8_t* base() { return reinterpret_cast<uint8_t*>(bytes_.data()); }
    std::vector<uint64_t> bytes_;
    SegmentMemory memory_;
};

// A file, and the "process" that holds it: alive until die().
class FileImage {
public:
    explicit FileImage(const TemporaryDirectory& directory, ImageOptions options = {})
        : size_(ring::segment_size(options.extent_limit, options.huge)) {
        static uint64_t instances = 0;
        const uint64_t number = ++instances;
        std::memcpy(instance_.data(), &number, sizeof number);
        instance_[15] = 0xaa;
        char temporary[ring::kTemporaryNameSize], name[ring::kSegmentNameSize];
        ring::temporary_name(instance_.data(), temporary);
        ring::segment_name(instance_.data(), name);
        name_ = name;
        path_ = directory.path() + "/" + name;
        const std::string making = directory.path() + "/" + temporary;
        const int fd = open(making.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0 || ftruncate(fd, static_cast<off_t>(size_)) != 0) throw std::runtime_error(making);
        base_ = static_cast<uint8_t*>(mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
        memory_.emplace_back(base_, options, instance_.data());
        struct flock lock = {};
        lock.l_type = F_WRLCK;
        lock.l_whence = SEEK_SET;
        lock.l_len = 1;
        if (fcntl(fd, F_OFD_SETLK, &lock) != 0) throw std::runtime_error("lock");
        close(fd);  // the mapping holds the lock now
        if (rename(making.c_str(), path_.c_str()) != 0) throw std::runtime_error("rename");
    }
    ~FileImage() { die(); }
    FileImage(const FileImage&) = delete;

    SegmentMemory* operator->() { return &memory_[0]; }
    ring::SegmentView view() const { return memory_[0].view(); }
    const std::string& path() const { return path_; }
    const std::string& name() const { return name_; }
    const std::array<uint8_t, 16>& instance() const { return instance_; }

    // The kernel drops the lock with the mapping, as at the end of a process.
    void die() {
        if (base_ != nullptr) munmap(base_, size_);
        base_ = nullptr;
    }

private:
    uint64_t size_;
    uint8_t* base_ = nullptr;
    std::array<uint8_t, 16> instance_{};
    std::string name_, path_;
    std::vector<SegmentMemory> memory_;
};

}  // namespace spanring::test
