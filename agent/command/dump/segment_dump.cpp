// SPDX-License-Identifier: Apache-2.0
#include "command/dump/segment_dump.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include "base/descriptor.hpp"
#include "base/error_text.hpp"
#include "base/wall_clock.hpp"
#include "otlp/span_validator.hpp"
#include "otlp/wire.hpp"
#include "ring/attach.hpp"
#include "ring/chunk_reader.hpp"
#include "ring/counter_sums.hpp"
#include "ring/unfinished_span.hpp"
#include "segment/chunk_record.hpp"
#include "segment/counter_reading.hpp"
#include "segment/producer_reader.hpp"
#include "segment/scope_reader.hpp"
#include "segment/segment_lock.hpp"

namespace spanring::agent {
namespace {

using ring::AttachResult;
using ring::ChunkWord;

constexpr uint32_t kLastPolicy = 2;       // SPR_FULL_WAIT
constexpr uint32_t kOverwriteOldest = 1;  // SPR_FULL_OVERWRITE_OLDEST
constexpr int kReadings = 4;              // of a chunk that changes hands while it is read

// Nothing after the header is where this program would look for it.
bool foreign(AttachResult result) {
    return result == AttachResult::kByteOrder || result == AttachResult::kFutureMajor ||
           result == AttachResult::kPastMajor || result == AttachResult::kIncompatible;
}

class Reader {
public:
    Reader(int fd, uint64_t size, uint32_t owner) : fd_(fd), owner_(owner), now_(unix_nano()) {
        dump_.file_size = size;
    }

    std::variant<SegmentDump, std::string> read() {
        read_at(fd_, 0, &dump_.header, sizeof dump_.header);
        const ring::AttachReport report = ring::check_header(dump_.header, dump_.file_size, dump_.header.instance_id);
        if (report == AttachResult::kBadMagic) return ring::describe(report);
        if (!report.ok()) problem(0, "its header: " + ring::describe(report));
        if (foreign(report.result)) return std::move(dump_);
        dump_.understood = true;
        make_usable();
        // Before everything else: what a dead process did last is in the file then.
        dump_.numbers.alive = process_liveness(fd_) == Liveness::kAlive;
        copy_all();
        look_at_numbers();
        ScopeReader scopes(view());
        scopes_ = &scopes;
        extents_.each_chunk([this](uint32_t chunk) { look_at_chunk(chunk); });
        extents_.each_slot([this](uint32_t slot) {
            const auto state = ring::SlotWord::unpack(view().slot(slot).word).state;
            if (state == ring::SlotState::kWaiting) look_at_slot(slot, false);
        });
        const auto by_end = [](const DumpedSpan& a, const DumpedSpan& b) { return a.end_unix_nano < b.end_unix_nano; };
        std::stable_sort(dump_.ended.begin(), dump_.ended.end(), by_end);
        find_last_sign();
        for (const uint32_t slot : open_) look_at_slot(slot, true);
        const auto by_start = [](const DumpedSpan& a, const DumpedSpan& b) {
            return a.start_unix_nano < b.start_unix_nano;
        };
        std::stable_sort(dump_.open.begin(), dump_.open.end(), by_start);
        return std::move(dump_);
    }

private:
    ring::SegmentView view() const { return dump_.copy->view(); }

    void problem(uint64_t offset, std::string what) {
        if (dump_.problems.size() < SegmentDump::kMostProblems)
            dump_.problems.push_back({offset, std::move(what)});
        else
            ++dump_.more_problems;
    }

    // What the header says wrongly is taken from the file, or left out.
    void make_usable() {
        ring::Header& header = dump_.header;
        limit_ = header.extent_limit;
        if (limit_ == 0 || limit_ > ring::kMaxExtents) {
            const uint64_t after_base = dump_.file_size - std::min(dump_.file_size, ring::kGroupsOffset);
            const uint64_t there = (after_base + ring::kExtentSize - 1) / ring::kExtentSize;
            limit_ = static_cast<uint32_t>(std::clamp<uint64_t>(there, 1, ring::kMaxExtents));
        }
        has_huge_ = header.huge_places == ring::kHugePlaces && limit_ == header.extent_limit;
        resource_size_ = header.resource_size <= ring::kResourceSize ? header.resource_size : 0;
        // Of an unknown policy everything is believed that one of them may do.
        overwrite_ = header.full_policy == kOverwriteOldest || header.full_policy > kLastPolicy;
    }

    void copy_all() {
        dump_.copy.emplace(limit_, has_huge_);
        bool whole = dump_.copy->copy_base(fd_);
        const CounterReading before(view());
        uint32_t counted = view().writer().extents;
        if (counted > limit_) {
            problem(ring::kWriterOffset, "it counts " + std::to_string(counted) + " extents, where " +
                                             std::to_string(limit_) + " is the bound");
            counted = limit_;
        }
        while (counted > 0 && ring::extent_offset(counted - 1) >= dump_.file_size) {
            whole = false;
            --counted;
        }
        extents_ = ring::ExtentMap(limit_, has_huge_);
        extents_.salvage(view(), counted);
        for (uint32_t extent = 0; extent < counted; ++extent) {
            if (extents_.kind(extent) == ring::ExtentKind::kNone)
                problem(ring::extent_word_offset(extent), "an extent is of an unknown use; it is left out");
        }
        for (uint32_t place = 0; place < 64; ++place) {
            if ((view().writer().huge >> place & 1) == 0 || extents_.has_huge(place)) continue;
            problem(ring::kHugeWordsOffset, "a huge place is of an unknown use; it is left out");
            break;
        }
        whole = dump_.copy->copy_heads(fd_, extents_) && whole;
        extents_.each_downwards([&](uint32_t extent) {
            whole = copy_extent(extent) && whole;
            return true;
        });
        if (!whole) problem(dump_.file_size, "the file ends here, before what it counts");
        drop_slots_that_moved();
        dump_.extents = counted;
        SegmentCopy again(1);
        again.copy_base(fd_);
        dump_.numbers.moving = dump_.numbers.alive && !(before == CounterReading(again.view()));
    }

    // Words first (those of slots and their data are there), then bytes, then the words again: of a chunk of the same
    // generation what was committed stays as it is.
    bool copy_extent(uint32_t extent) {
        if (extents_.kind(extent) == ring::ExtentKind::kSlots) return true;
        std::vector<uint32_t> moved;
        bool whole = true;
        for (int i = 0; i < kReadings; ++i) {
            if (i != 0) dump_.copy->copy(fd_, lines_of(extent), lines_size(extent));
            whole = dump_.copy->copy(fd_, extents_.offset_of(extent), ring::size_of(extent));
            if (!dump_.numbers.alive) return whole;
            moved = chunks_that_moved(extent);
            if (moved.empty()) break;
        }
        for (const uint32_t chunk : moved) view().chunk_line(chunk).word = 0;
        dump_.left_out += moved.size();
        return whole;
    }

    static constexpr uint64_t lines_size(uint32_t extent) {
        return (extent < ring::kFirstHuge ? ring::kChunksPerExtent : 1) * sizeof(ring::ChunkLine);
    }
    static uint64_t lines_of(uint32_t extent) { return ring::chunk_line_offset(extent * ring::kChunksPerExtent); }

    std::vector<uint32_t> chunks_that_moved(uint32_t extent) const {
        std::vector<uint8_t> again(lines_size(extent));
        read_at(fd_, lines_of(extent), again.data(), again.size());
        std::vector<uint32_t> moved;
        for (uint32_t place = 0; place < extents_.chunks_in(extent); ++place) {
            const uint32_t chunk = extent * ring::kChunksPerExtent + place;
            const auto then = ChunkWord::unpack(view().chunk_line(chunk).word);
            uint64_t word = 0;
            std::memcpy(&word, again.data() + place * sizeof(ring::ChunkLine), sizeof word);
            if (then.state != ring::ChunkState::kFree && ChunkWord::unpack(word).generation != then.generation)
                moved.push_back(chunk);
        }
        return moved;
    }

    // In the file, by now: what it was copied from may have become something else meanwhile.
    bool holds_slots(uint32_t extent) const {
        uint64_t word = 0;
        read_at(fd_, ring::extent_word_offset(extent), &word, sizeof word);
        const auto now = ring::ExtentWord::unpack(word);
        return now.kind == ring::ExtentKind::kSlots && now.memory == ring::ExtentMemory::kWhole;
    }

    static bool holds_span(ring::SlotState state) {
        return state != ring::SlotState::kFree && state != ring::SlotState::kDone;
    }

    void drop_slots_that_moved() {
        if (!dump_.numbers.alive) return;
        bool still_slots = true;  // the slot's extent holds
        extents_.each_slot([&](uint32_t slot) {
            ring::Slot& then = view().slot(slot);
            if (slot % ring::kSlotNumbers == 0) still_slots = holds_slots(slot / ring::kSlotNumbers);
            if (!still_slots) {
                then.word = 0;
                return;
            }
            ring::Slot now{};
            read_at(fd_, ring::slot_offset(slot), &now, offsetof(ring::Slot, line));
            const auto was = ring::SlotWord::unpack(then.word).state, is = ring::SlotWord::unpack(now.word).state;
            if (!holds_span(was) || (holds_span(is) && now.generation == then.generation)) return;
            then.word = 0;
            ++dump_.left_out;
        });
    }

    void look_at_numbers() {
        SegmentSnapshot& numbers = dump_.numbers;
        const SegmentCopy::Settled settled = dump_.copy->settle(extents_);
        if (!settled.journal)
            problem(ring::kControlOffset, "its acknowledgement journal names something that does not exist");
        for (const uint32_t slot : settled.broken)
            problem(ring::slot_offset(slot), "the slot of an open span is inconsistent; it is left out");
        open_ = settled.open;
        numbers.open = open_.size();
        numbers.writer = ring::sum_counters(view());
        const ring::Control& control = view().control();
        numbers.agent = control.totals;
        numbers.attached = control.attachments != 0;
        numbers.quarantined = (control.policy & ring::PolicyBits::kRetired) != 0;
        numbers.created_unix_nano = dump_.header.created_unix_nano;
        dump_.attachments = control.attachments;
        dump_.given_back = view().writer().given_back;
        dump_.policy = control.policy;

        ring::Header header = dump_.header;
        header.resource_size = resource_size_;
        header.schema_size = std::min<uint32_t>(header.schema_size, ring::kResourceSize - resource_size_);
        numbers.producer = read_producer(header, view(), owner_);
        if (numbers.producer != nullptr) return;
        problem(ring::kResourceOffset, "its resource is malformed; it is left out");
        header.resource_size = header.schema_size = 0;
        numbers.producer = read_producer(header, view(), owner_);
    }

    void look_at_chunk(uint32_t chunk) {
        auto word = ChunkWord::unpack(view().chunk_line(chunk).word);
        const uint32_t capacity = extents_.chunk_capacity(chunk);
        const ring::ChunkFault fault = ring::check_word(word, capacity, overwrite_);
        if (fault != ring::ChunkFault::kNone) problem(ring::chunk_line_offset(chunk), ring::describe(fault));
        if (static_cast<size_t>(word.state) >= kChunkStates) return;
        word.length = std::min(word.length, capacity);
        ChunkSum& sum = dump_.chunks[static_cast<size_t>(word.state)];
        sum.chunks += 1;
        if (word.state == ring::ChunkState::kFree) return;
        sum.bytes += word.length;
        sum.spans += word.spans;
        uint32_t acknowledged = 0, acknowledged_spans = 0;
        if (!acknowledged_part(ChunkWord::unpack(view().chunk_mark(chunk)), word, acknowledged, acknowledged_spans)) {
            problem(ring::chunk_mark_offset(chunk), "the acknowledged mark of a chunk lies past its end");
            acknowledged = 0;
        }
        const uint64_t spans = walk(chunk, word.length, acknowledged);
        if (fault == ring::ChunkFault::kNone && spans != kStopped && spans != word.spans) {
            problem(ring::chunk_line_offset(chunk),
                    "a chunk holds " + std::to_string(spans) + " spans and counts " + std::to_string(word.spans));
        }
    }

    static constexpr uint64_t kStopped = ~uint64_t{0};

    // The number of spans, sound or not; kStopped: it could not be read to its end.
    uint64_t walk(uint32_t chunk, uint32_t length, uint32_t acknowledged) {
        const std::span<uint8_t> bytes(view().chunk_bytes(chunk, extents_.chunk_capacity(chunk)), length);
        std::shared_ptr<const Scope> scope;
        uint64_t spans = 0;
        for (size_t at = 0; at < bytes.size();) {
            const uint64_t offset = extents_.chunk_bytes_offset(chunk) + at;
            ChunkRecord record;
            if (const char* wrong = read_chunk_record(bytes, at, record); wrong != nullptr) {
                problem(offset, std::string(wrong) + "; the rest of its chunk is left out");
                return kStopped;
            }
            if (record.kind == ChunkRecord::Kind::kScope) {
                scope = scope_of(record.scope, offset);
            } else {
                ++spans;
                if (scope == nullptr) problem(offset, "a span comes before any instrumentation scope");
                if (scope == nullptr) scope = std::make_shared<const Scope>();
                if (add(dump_.ended, bytes.subspan(record.body, record.end - record.body), scope, offset))
                    dump_.ended.back().acknowledged = record.end <= acknowledged;
            }
            at = record.end;
        }
        return spans;
    }

    std::shared_ptr<const Scope> scope_of(uint32_t number, uint64_t offset) {
        std::shared_ptr<const Scope> scope = scopes_->find(number);
        if (scope != nullptr) return scope;
        problem(offset, "spans name instrumentation scope " + std::to_string(number) +
                            ", which is missing or malformed; they are shown without one");
        return std::make_shared<const Scope>();
    }

    // False: it is left out.
    bool add(std::vector<DumpedSpan>& to, std::span<uint8_t> body, const std::shared_ptr<const Scope>& scope,
             uint64_t offset) {
        const SpanCheck check = validate_span(body);
        if (check.defect != SpanDefect::kNone) {
            problem(offset, std::string("an invalid span is left out: ") + describe(check.defect));
            return false;
        }
        DumpedSpan& span = to.emplace_back();
        span.scope = scope;
        span.body = body;
        wire::Cursor cursor(span.body);
        for (wire::Field field; wire::next(cursor, field);) {
            if (field.type != wire::Type::kFixed64) continue;
            if (field.number == 7) span.start_unix_nano = field.value;
            if (field.number == 8) span.end_unix_nano = field.value;
        }
        return true;
    }

    // A time in the future does not count: an application may set any.
    void find_last_sign() {
        uint64_t& last = dump_.last_sign_unix_nano;
        const auto sign = [&](uint64_t time) {
            if (time <= now_) last = std::max(last, time);
        };
        if (dump_.numbers.alive) return sign(now_);
        sign(dump_.header.created_unix_nano);
        for (const DumpedSpan& span : dump_.ended) {
            sign(span.start_unix_nano);
            sign(span.end_unix_nano);
        }
        for (const uint32_t slot : open_) sign(view().slot(slot).start_unix_nano);
    }

    // It is open, or has ended and waits.
    void look_at_slot(uint32_t slot, bool is_open) {
        const uint64_t offset = ring::slot_offset(slot);
        ring::SlotCopy copy;
        std::vector<uint8_t> record;
        if (!copy_slot(view(), extents_, slot, copy) ||
            !(is_open ? append_unfinished_span(copy, dump_.last_sign_unix_nano, record)
                      : append_ended_span(copy, record))) {
            return problem(offset, std::string("the data of ") + (is_open ? "an open span" : "a span in its slot") +
                                       " is not valid OTLP; it is left out");
        }
        std::vector<uint8_t>& kept = dump_.unfinished.emplace_back(std::move(record));
        ChunkRecord place;
        if (read_chunk_record(kept, 0, place) != nullptr) return;
        const std::span<uint8_t> body(kept.data() + place.body, place.end - place.body);
        if (!add(is_open ? dump_.open : dump_.ended, body, scope_of(copy.slot.scope, offset), offset) || !is_open)
            return;
        dump_.open.back().open = true;
        dump_.open.back().thread = copy.slot.thread;
    }

    const int fd_;
    const uint32_t owner_;
    const uint64_t now_;
    SegmentDump dump_;
    uint32_t limit_ = 0;
    bool has_huge_ = false;
    ring::ExtentMap extents_;
    uint32_t resource_size_ = 0;
    bool overwrite_ = false;
    ScopeReader* scopes_ = nullptr;
    std::vector<uint32_t> open_;
};

}  // namespace

const char* state_name(ring::ChunkState state) {
    switch (state) {
        case ring::ChunkState::kFree: return "free";
        case ring::ChunkState::kOpen: return "open";
        case ring::ChunkState::kParked: return "parked";
        case ring::ChunkState::kFull: return "full";
        case ring::ChunkState::kTaken: return "taken";
        case ring::ChunkState::kEvicting: return "evicting";
    }
    return "unknown";
}

std::variant<SegmentDump, std::string> read_dump(const std::string& file) {
    // Without waiting: it may be a FIFO.
    const Descriptor opened(::open(file.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (!opened) return error_text(errno);
    struct stat status {};
    if (::fstat(opened.get(), &status) != 0) return error_text(errno);
    if (!S_ISREG(status.st_mode)) return "not a regular file";
    const auto size = static_cast<uint64_t>(status.st_size);
    if (size < sizeof(ring::Header)) {
        return "not a spanring segment (" + std::to_string(size) + " bytes, too short for a header of " +
               std::to_string(sizeof(ring::Header)) + ")";
    }
    return Reader(opened.get(), size, status.st_uid).read();
}

}  // namespace spanring::agent
