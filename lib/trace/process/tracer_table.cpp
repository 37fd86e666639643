// SPDX-License-Identifier: Apache-2.0
#include "trace/process/tracer_table.hpp"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>

#include "ring/atomics.hpp"
#include "ring/segment_file.hpp"
#include "trace/base/attribute_list.hpp"
#include "trace/base/scratch.hpp"
#include "trace/process/provider.hpp"

namespace spanring::trace {
namespace {

using ring::StdAtomics;

constexpr uint32_t kLargestPart = 4096;  // of a scope: name, version, schema URL, attributes
constexpr int kPatience = 1000;          // yields for a tracer that another thread is making at this moment

// Of a segment, which may be a hole. False: there is no memory.
bool populate(uint8_t* bytes, uint32_t size) {
    const auto before = static_cast<uint32_t>(reinterpret_cast<uintptr_t>(bytes) % ring::kPage);
    const uint64_t pages = (before + size + ring::kPage - 1) / ring::kPage;
    return ring::populate(bytes - before, pages * ring::kPage) == 0;
}

// FNV-1a (Fowler, Noll and Vo).
uint32_t hash_of(const uint8_t* bytes, uint32_t size) {
    uint32_t hash = 0x811c9dc5;
    for (uint32_t i = 0; i < size; ++i) hash = (hash ^ bytes[i]) * 0x01000193;
    return hash;
}

}  // namespace

spr_tracer* TracerPool::take() {
    for (;;) {
        const uint32_t limit = more_.limit();
        spr_tracer* const tracer = take(limit);
        if (tracer != nullptr || !more_.add(limit)) return tracer;
    }
}

spr_tracer* TracerPool::take(uint32_t limit) {
    for (uint32_t i = 0; i < limit; ++i) {
        spr_tracer& tracer = at(StdAtomics::fetch_add(next_, uint32_t{1}, std::memory_order_relaxed) % limit);
        uint32_t expected = 0;
        // acquire: after it was given back. Pairs with the release in give(). Without it the tracer could be spent
        // after it was filled in.
        if (StdAtomics::compare_exchange(tracer.taken, expected, uint32_t{1}, std::memory_order_acquire))
            return &tracer;
    }
    return nullptr;
}

void TracerPool::give(spr_tracer& tracer, Provider& spent) {
    // release: for a start that finds it spent nothing is to be seen; in a Provider::prepare() it pairs with the gate.
    __atomic_store_n(&tracer.provider, &spent, __ATOMIC_RELEASE);
    // release: pairs with the acquire in take(), which says what breaks.
    StdAtomics::store(tracer.taken, uint32_t{0}, std::memory_order_release);
}

void TracerTable::open(Provider& provider, bool may_map) {
    provider_ = &provider;
    may_map_ = may_map;
    used_ = ring::kScopeBytesOffset;
    for (ring::ScopeEntry& entry : entries_) entry.ready = 0;
    for (spr_tracer*& tracer : tracers_) tracer = nullptr;
}

void TracerTable::close(Provider& spent) {
    const auto give = [&](spr_tracer*& tracer) {
        if (tracer != nullptr) process.tracers.give(*tracer, spent);
        tracer = nullptr;
    };
    for (spr_tracer*& tracer : tracers_) give(tracer);
    if (more_ == nullptr) return;
    for (spr_tracer*& tracer : more().tracers) give(tracer);
    unmap();
}

void TracerTable::unmap() {
    if (more_ != nullptr) munmap(more_, sizeof(More));
    more_ = nullptr;
}

void TracerTable::after_fork() {
    const auto made = static_cast<uint32_t>(used_ >> 32);
    for (uint32_t i = 0; i < made && (i < kFirst || more_ != nullptr); ++i) {
        if (entry(i).ready != 0) continue;
        entry(i).offset = i < kFirst ? ring::kScopeBytesOffset : ring::kMoreScopeBytes;
        entry(i).scope_size = entry(i).schema_size = 0;
        entry(i).ready = 1;
    }
}

// False: whoever makes it does not go on, and it is passed over.
bool TracerTable::becomes_ready(uint32_t i) {
    for (int patience = kPatience; patience > 0; --patience) {
        // acquire: the entry and its bytes. Pairs with the release in get(). Without it half a scope could be compared.
        if (StdAtomics::load(entry(i).ready, std::memory_order_acquire) != 0) return true;
        sched_yield();
    }
    return false;
}

bool TracerTable::is(uint32_t i, const Encoded& scope) {
    const ring::ScopeEntry& entry = this->entry(i);
    return entry.scope_size == scope.scope_size && entry.schema_size == scope.schema_size &&
           memcmp(bytes(entry.offset), scope.bytes, scope.scope_size + scope.schema_size) == 0;
}

// Puts a ready entry into the table, in which all before it are; any number of threads at once do that.
void TracerTable::index(uint32_t i) {
    const ring::ScopeEntry& entry = this->entry(i);
    const auto number = static_cast<uint16_t>(i + 1);
    for (uint32_t at = hash_of(bytes(entry.offset), entry.scope_size + entry.schema_size);; ++at) {
        uint16_t there = 0;
        // release: that the entry is ready. Pairs with the acquire in find(). Without it half a scope could be
        // compared.
        if (StdAtomics::compare_exchange(more().table[at % kTableSize], there, number, std::memory_order_release) ||
            there == number)
            break;
    }
    uint32_t before = i - kFirst;
    // release: its place in the table, taken by this thread or seen. Pairs with the acquire in find(). Without it the
    // entry could be looked for in the table before it is there, and be made once more.
    StdAtomics::compare_exchange(more().indexed, before, i - kFirst + 1, std::memory_order_release);
}

// Of the first entries each is compared; of the others those of its hash, and those that nobody has put into the table
// since they were made, which is done on this occasion.
spr_tracer* TracerTable::find(const Encoded& scope, uint32_t entries) {
    for (uint32_t i = 0; i < entries && i < kFirst; ++i)
        if (becomes_ready(i) && is(i, scope)) return tracer(i);
    if (entries <= kFirst) return nullptr;
    // acquire: that so many are in the table. Pairs with the release in index(), which says what breaks.
    const uint32_t indexed = StdAtomics::load(more().indexed, std::memory_order_acquire);
    for (uint32_t at = hash_of(scope.bytes, scope.scope_size + scope.schema_size);; ++at) {
        // acquire: that the entry is ready. Pairs with the release in index(), which says what breaks.
        const uint16_t number = StdAtomics::load(more().table[at % kTableSize], std::memory_order_acquire);
        if (number == 0) break;
        if (is(number - 1u, scope)) return tracer(number - 1u);
    }
    bool all_before = true;
    for (uint32_t i = kFirst + indexed; i < entries; ++i) {
        const bool ready = becomes_ready(i);
        all_before = all_before && ready;
        if (all_before) index(i);
        if (ready && is(i, scope)) return tracer(i);
    }
    return nullptr;
}

int TracerTable::get(const spr_tracer_options& options, spr_tracer** ret_tracer) {
    const size_t name_size = text_size(options.name, options.name_size);
    const size_t version_size = text_size(options.version, options.version_size);
    const size_t schema_url_size = text_size(options.schema_url, options.schema_url_size);
    const AttributeList attributes({nullptr, 0}, {options.attributes, options.attribute_count}, ~uint32_t{0},
                                   LengthLimit{});
    if (name_size > kLargestPart || version_size > kLargestPart || schema_url_size > kLargestPart ||
        attributes.size() > kLargestPart)
        return -ENOSPC;
    if (attributes.dropped() != 0) return -EINVAL;

    // common.v1.InstrumentationScope: name 1, version 2, attributes 3; ScopeSpans: scope 1, schema_url 3.
    constexpr size_t kHeads = 32;
    const size_t room = kHeads + name_size + version_size + attributes.size() + schema_url_size;
    uint8_t small[512];
    const Scratch large(room <= sizeof small ? 0 : room);
    uint8_t* const encoded = room <= sizeof small ? small : large.bytes();
    if (encoded == nullptr) return -ENOMEM;
    const auto put_text = [](uint8_t* to, uint8_t field, const char* text, size_t size) {
        if (size == 0) return to;
        *to++ = field;
        to = put_varint(to, size);
        memcpy(to, text, size);
        return to + size;
    };
    const auto field_size = [](size_t size) {
        return size == 0 ? 0 : 1 + varint_size(size) + static_cast<uint32_t>(size);
    };
    uint8_t* end = encoded;
    *end++ = tag(1, kBytes);
    end = put_varint(end, field_size(name_size) + field_size(version_size) + attributes.size());
    end = put_text(end, tag(1, kBytes), options.name, name_size);
    end = put_text(end, tag(2, kBytes), options.version, version_size);
    Memory memory{end};
    attributes.write(memory, tag(3, kBytes));
    end = memory.at;
    const uint32_t scope_size = static_cast<uint32_t>(end - encoded);
    end = put_text(end, tag(3, kBytes), options.schema_url, schema_url_size);
    const uint32_t size = static_cast<uint32_t>(end - encoded);

    // acquire: `more_`, where it is used. Pairs with the release below. Without it find() could look for what is not to
    // be seen yet. It orders what it reads entry by entry.
    uint64_t used = StdAtomics::load(used_, std::memory_order_acquire);
    uint32_t index;
    uint32_t offset;
    spr_tracer* tracer = nullptr;
    for (;;) {
        index = static_cast<uint32_t>(used >> 32);
        offset = static_cast<uint32_t>(used);
        spr_tracer* const there = find({encoded, scope_size, size - scope_size}, index);
        if (!ring::is_scope_place(offset, size) && offset < ring::kMoreScopeBytes) offset = ring::kMoreScopeBytes;
        bool fits = index < ring::kScopeEntries && ring::is_scope_place(offset, size);
        if (index >= kFirst || offset >= ring::kMoreScopeBytes)
            fits = fits && (there != nullptr || (may_map_ && map_once(more_, sizeof(More))));
        if (there == nullptr && fits && tracer == nullptr) tracer = process.tracers.take();
        if (there != nullptr || !fits || tracer == nullptr) {
            if (tracer != nullptr) process.tracers.give(*tracer, process.spent);
            if (there == nullptr) return -ENOSPC;
            *ret_tracer = there;
            return 0;
        }
        // release: as above.
        if (StdAtomics::compare_exchange(used_, used, uint64_t{index + 1} << 32 | (offset + size),
                                         std::memory_order_release))
            break;
        used = StdAtomics::load(used_, std::memory_order_acquire);  // as above
    }
    memcpy(bytes(offset), encoded, size);
    ring::ScopeEntry& entry = this->entry(index);
    entry.offset = offset;
    entry.scope_size = scope_size;
    entry.schema_size = size - scope_size;
    this->tracer(index) = tracer;
    // relaxed, before the provider: whoever has an older handle of the same tracer may be looking.
    StdAtomics::store(tracer->published, uint32_t{0}, std::memory_order_relaxed);
    StdAtomics::store(tracer->scope, index + 1, std::memory_order_relaxed);
    // release: scope and provider. Pairs with the acquire in the start of a span, for a thread that got the tracer by
    // other means than this call's return. Without it the provider could be found before it was opened.
    __atomic_store_n(&tracer->provider, provider_, __ATOMIC_RELEASE);
    // release: publishes entry, bytes and tracer. Pairs with the acquires in find(). Without it half a scope could be
    // compared, and a tracer handed out that is not filled in.
    StdAtomics::store(entry.ready, uint32_t{1}, std::memory_order_release);
    *ret_tracer = tracer;
    return 0;
}

bool TracerTable::publish(spr_tracer& tracer, ring::SegmentView segment, uint32_t life) {
    const uint32_t index = tracer.scope - 1;
    const ring::ScopeEntry& from = entry(index);
    ring::ScopeEntry& to = segment.scope(index);
    const uint32_t size = from.scope_size + from.schema_size;
    if (index >= kFirst && !populate(reinterpret_cast<uint8_t*>(&to), sizeof to)) return false;
    if (from.offset >= ring::kMoreScopeBytes && !populate(segment.scope_bytes(from.offset), size)) return false;
    // relaxed, single bytes and words: threads that publish at once store the same; the release below orders each
    // one's.
    uint8_t* const place = segment.scope_bytes(from.offset);
    const uint8_t* const own = bytes(from.offset);
    for (uint32_t i = 0; i < size; ++i) StdAtomics::store(place[i], own[i], std::memory_order_relaxed);
    StdAtomics::store(to.offset, from.offset, std::memory_order_relaxed);
    StdAtomics::store(to.scope_size, from.scope_size, std::memory_order_relaxed);
    StdAtomics::store(to.schema_size, from.schema_size, std::memory_order_relaxed);
    // release: publishes the entry and its bytes. Pairs with the acquire of `ready` in the agent's ScopeReader. Without
    // it the agent could find a span whose scope is not there yet.
    StdAtomics::store(to.ready, uint32_t{1}, std::memory_order_release);
    ring::WriterPage& page = segment.writer();
    uint32_t scopes = StdAtomics::load(page.scopes, std::memory_order_relaxed);  // informational; ready decides
    while (scopes < index + 1 &&
           !StdAtomics::compare_exchange(page.scopes, scopes, index + 1, std::memory_order_relaxed)) {
    }
    // A number for whoever looks: the end of them, or all of the first region and how far the other is used.
    const uint32_t end = from.offset + size - ring::kScopeBytesOffset;
    uint32_t seen = StdAtomics::load(page.scope_bytes, std::memory_order_relaxed);
    while (seen < end && !StdAtomics::compare_exchange(page.scope_bytes, seen, end, std::memory_order_relaxed)) {
    }
    // release: a thread that finds it published may commit spans of this scope. Pairs with the acquire in the start of
    // a span. Without it the agent could find such a span before the scope.
    StdAtomics::store(tracer.published, life, std::memory_order_release);
    return true;
}

}  // namespace spanring::trace
