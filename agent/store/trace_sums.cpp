// SPDX-License-Identifier: Apache-2.0
#include "store/trace_sums.hpp"

#include <algorithm>
#include <cstring>
#include <random>

namespace spanring::agent {
namespace {

constexpr uint32_t kNone = UINT32_MAX;
constexpr size_t kExpected = 4096;  // power of two

std::array<uint64_t, 2> random_keys() {
    std::random_device random;
    const auto word = [&] { return uint64_t{random()} << 32 | random(); };
    return {word(), word()};
}

}  // namespace

size_t TraceSums::KeyedHash::operator()(std::string_view bytes) const {
    uint64_t hash = keys[0] + bytes.size();
    while (!bytes.empty()) {
        uint64_t word = 0;
        const size_t size = std::min(bytes.size(), sizeof word);
        std::memcpy(&word, bytes.data(), size);
        bytes.remove_prefix(size);
        hash = (hash ^ word ^ keys[1]) * 0x9e3779b97f4a7c15;
        hash = (hash ^ hash >> 32) * 0xd6e8feb86659fd93;
    }
    return static_cast<size_t>(hash ^ hash >> 32);
}

TraceSums::TraceSums() : TraceSums(KeyedHash{random_keys()}) {}
TraceSums::TraceSums(KeyedHash hash)
    : slots_(kExpected), hash_(hash), numbers_(kExpected, hash), name_begins_(1), sets_(1) {}

void TraceSums::add(uint64_t batch, const BatchIndex& index, const std::vector<uint8_t>& found) {
    find_places(index);
    number_of_.assign(index.texts.size(), kNone);
    name_of_.assign(index.texts.size(), kNone);
    const auto service = [&](uint32_t text) {
        if (number_of_[text] == kNone) number_of_[text] = number_of(index.texts[text]);
        return number_of_[text];
    };
    const auto name = [&](uint32_t text) {
        if (name_of_[text] == kNone) name_of_[text] = add_name(index.texts[text]);
        return name_of_[text];
    };
    for (size_t i = 0; i < index.spans.size(); ++i) {
        const IndexedSpan& span = index.spans[i];
        TraceSum& sum = sums_[place_of_[span.trace]];
        const bool first = sum.spans == 0;
        sum.start = first ? span.start : std::min(sum.start, span.start);
        sum.end = std::max(sum.end, span.end());
        sum.arrival = std::max(sum.arrival, batch);
        ++sum.spans;
        if (span.unfinished)
            ++sum.unfinished;
        else if (span.error())
            ++sum.errors;
        sum.found |= !found.empty() && found[i] != 0;
        sum.services = with_service(sum.services, service(index.service_text(span)));
        const bool better = span.root != sum.has_root ? span.root : span.start < sum.head_start;
        if (!first && !better) continue;
        sum.has_root = span.root;
        sum.head_start = span.start;
        sum.name = name(span.name);
        sum.service = service(index.service_text(span));
    }
}

// Of a million traces nearly every one is a miss of the caches: they are all on the way before the first is needed.
void TraceSums::find_places(const BatchIndex& index) {
    const size_t traces = index.trace_count();
    make_room(traces);
    hashes_.resize(traces);
    place_of_.resize(traces);
    for (size_t i = 0; i < traces; ++i) {
        hashes_[i] = static_cast<uint32_t>(hash_(index.trace(i)));
        __builtin_prefetch(&slots_[hashes_[i] & (slots_.size() - 1)]);
    }
    for (size_t i = 0; i < traces; ++i) place_of_[i] = place_of(index.trace(i), hashes_[i]);
}

uint32_t TraceSums::place_of(const TraceId& id, uint32_t hash) {
    for (size_t at = hash & (slots_.size() - 1);; at = (at + 1) & (slots_.size() - 1)) {
        Slot& slot = slots_[at];
        if (slot.place == kFree) {
            slot = {hash, static_cast<uint32_t>(sums_.size())};
            sums_.emplace_back().id = id;
            return slot.place;
        }
        if (slot.hash == hash && sums_[slot.place].id == id) return slot.place;
    }
}

void TraceSums::make_room(size_t traces) {
    size_t wanted = slots_.size();
    while (wanted < 2 * (sums_.size() + traces)) wanted *= 2;
    if (wanted == slots_.size()) return;
    std::vector<Slot> before(wanted);
    before.swap(slots_);
    for (const Slot& slot : before) {
        if (slot.place == kFree) continue;
        size_t at = slot.hash & (wanted - 1);
        while (slots_[at].place != kFree) at = (at + 1) & (wanted - 1);
        slots_[at] = slot;
    }
}

uint32_t TraceSums::add_name(std::string_view name) {
    names_ += name;
    name_begins_.push_back(names_.size());
    return static_cast<uint32_t>(name_begins_.size() - 2);
}

uint32_t TraceSums::number_of(std::string_view service) {
    const auto [at, fresh] = numbers_.try_emplace(std::string(service), static_cast<uint32_t>(services_.size()));
    if (fresh) services_.push_back(&at->first);
    return at->second;
}

uint32_t TraceSums::with_service(uint32_t set, uint32_t service) {
    for (uint32_t at = set; at != 0; at = sets_[at].before) {
        if (sets_[at].service == service) return set;
    }
    if (sets_[set].size == kMostServices) return set;
    const auto [at, fresh] = more_.try_emplace({set, service}, static_cast<uint32_t>(sets_.size()));
    if (fresh) sets_.push_back({set, service, sets_[set].size + 1});
    return at->second;
}

std::vector<std::string> TraceSums::services(uint32_t set) const {
    std::vector<std::string> names;
    for (uint32_t at = set; at != 0; at = sets_[at].before) names.push_back(service(sets_[at].service));
    std::sort(names.begin(), names.end());
    return names;
}

bool TraceSums::has_service(uint32_t set, std::string_view service) const {
    for (uint32_t at = set; at != 0; at = sets_[at].before) {
        if (this->service(sets_[at].service) == service) return true;
    }
    return false;
}

}  // namespace spanring::agent
