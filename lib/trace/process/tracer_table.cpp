// SPDX-License-Identifier: Apache-2.0
#include "trace/process/tracer_table.hpp"

#include <errno.h>
#include <sched.h>
#include <string.h>

#include "ring/atomics.hpp"
#include "trace/base/attribute_list.hpp"
#include "trace/base/scratch.hpp"
#include "trace/process/provider.hpp"

namespace spanring::trace {
namespace {

using ring::StdAtomics;

constexpr uint32_t kLargestPart = 4096;  // of a scope: name, version, schema URL, attributes
constexpr int kPatience = 1000;          // yields for a tracer that another thread is making at this moment

}  // namespace

spr_tracer* TracerPool::take() {
    for (uint32_t i = 0; i < kTracers; ++i) {
        spr_tracer& tracer = tracers_[StdAtomics::fetch_add(next_, uint32_t{1}, std::memory_order_relaxed) % kTracers];
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

void TracerTable::open(Provider& provider) {
    provider_ = &provider;
    used_ = 0;
    for (ring::ScopeEntry& entry : entries_) entry.ready = 0;
    for (spr_tracer*& tracer : tracers_) tracer = nullptr;
}

void TracerTable::close(Provider& spent) {
    for (spr_tracer*& tracer : tracers_) {
        if (tracer != nullptr) process.tracers.give(*tracer, spent);
        tracer = nullptr;
    }
}

spr_tracer* TracerTable::find(const uint8_t* bytes, uint32_t scope_size, uint32_t schema_size, uint32_t entries) {
    for (uint32_t i = 0; i < entries; ++i) {
        // acquire: the entry and its bytes. Pairs with the release in get(). Without it half a scope could be compared.
        // One that never becomes ready was in the making when this process was forked off: it is passed over.
        for (int patience = kPatience;
             StdAtomics::load(entries_[i].ready, std::memory_order_acquire) == 0 && patience > 0; --patience)
            sched_yield();
        const ring::ScopeEntry& entry = entries_[i];
        // acquire: as above, where patience ended.
        if (StdAtomics::load(entry.ready, std::memory_order_acquire) != 0 && entry.scope_size == scope_size &&
            entry.schema_size == schema_size &&
            memcmp(bytes_ + entry.offset - ring::kScopeBytesOffset, bytes, scope_size + schema_size) == 0)
            return tracers_[i];
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

    // relaxed: find() orders what it reads entry by entry.
    uint64_t used = StdAtomics::load(used_, std::memory_order_relaxed);
    uint32_t index;
    uint32_t offset;
    spr_tracer* tracer = nullptr;
    for (;;) {
        index = static_cast<uint32_t>(used >> 32);
        offset = static_cast<uint32_t>(used);
        spr_tracer* const there = find(encoded, scope_size, size - scope_size, index);
        const bool fits = index < ring::kScopeEntries && size <= sizeof bytes_ - offset;
        if (there == nullptr && fits && tracer == nullptr) tracer = process.tracers.take();
        if (there != nullptr || !fits || tracer == nullptr) {
            if (tracer != nullptr) process.tracers.give(*tracer, process.spent);
            if (there == nullptr) return -ENOSPC;
            *ret_tracer = there;
            return 0;
        }
        if (StdAtomics::compare_exchange(used_, used, uint64_t{index + 1} << 32 | (offset + size),
                                         std::memory_order_relaxed))
            break;
    }
    memcpy(bytes_ + offset, encoded, size);
    entries_[index].offset = ring::kScopeBytesOffset + offset;
    entries_[index].scope_size = scope_size;
    entries_[index].schema_size = size - scope_size;
    tracers_[index] = tracer;
    // relaxed, before the provider: whoever has an older handle of the same tracer may be looking.
    StdAtomics::store(tracer->published, uint32_t{0}, std::memory_order_relaxed);
    StdAtomics::store(tracer->scope, index + 1, std::memory_order_relaxed);
    // release: scope and provider. Pairs with the acquire in the start of a span, for a thread that got the tracer by
    // other means than this call's return. Without it the provider could be found before it was opened.
    __atomic_store_n(&tracer->provider, provider_, __ATOMIC_RELEASE);
    // release: publishes entry, bytes and tracer. Pairs with the acquires in find(). Without it half a scope could be
    // compared, and a tracer handed out that is not filled in.
    StdAtomics::store(entries_[index].ready, uint32_t{1}, std::memory_order_release);
    *ret_tracer = tracer;
    return 0;
}

void TracerTable::publish(spr_tracer& tracer, ring::SegmentView segment, uint32_t life) {
    const uint32_t index = tracer.scope - 1;
    const ring::ScopeEntry& from = entries_[index];
    ring::ScopeEntry& to = segment.scope(index);
    // relaxed, single bytes and words: threads that publish at once store the same; the release below orders each
    // one's.
    uint8_t* const place = segment.scope_bytes(from.offset);
    for (uint32_t i = 0; i < from.scope_size + from.schema_size; ++i)
        StdAtomics::store(place[i], bytes_[from.offset - ring::kScopeBytesOffset + i], std::memory_order_relaxed);
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
    const uint32_t bytes = from.offset - ring::kScopeBytesOffset + from.scope_size + from.schema_size;
    uint32_t seen = StdAtomics::load(page.scope_bytes, std::memory_order_relaxed);
    while (seen < bytes && !StdAtomics::compare_exchange(page.scope_bytes, seen, bytes, std::memory_order_relaxed)) {
    }
    // release: a thread that finds it published may commit spans of this scope. Pairs with the acquire in the start of
    // a span. Without it the agent could find such a span before the scope.
    StdAtomics::store(tracer.published, life, std::memory_order_release);
}

}  // namespace spanring::trace
