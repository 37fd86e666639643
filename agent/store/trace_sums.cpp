// SPDX-License-Identifier: Apache-2.0
#include "store/trace_sums.hpp"

#include <algorithm>
#include <cstring>
#include <random>

namespace spanring::agent {
namespace {

constexpr uint32_t kNone = UINT32_MAX;
constexpr size_t kExpected = 4096;

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
TraceSums::TraceSums(KeyedHash hash) : places_(kExpected, hash), numbers_(kExpected, hash), sets_(1) {}

void TraceSums::add(uint64_t batch, const BatchIndex& index, const std::vector<uint8_t>& found) {
    place_of_.assign(index.trace_count(), kNone);
    number_of_.assign(index.texts.size(), kNone);
    const auto number = [&](uint32_t text) {
        if (number_of_[text] == kNone) number_of_[text] = number_of(index.texts[text]);
        return number_of_[text];
    };
    for (size_t i = 0; i < index.spans.size(); ++i) {
        const IndexedSpan& span = index.spans[i];
        uint32_t& place = place_of_[span.trace];
        if (place == kNone) {
            const TraceId id = index.trace(span.trace);
            const auto [at, fresh] = places_.try_emplace(id, static_cast<uint32_t>(sums_.size()));
            place = at->second;
            if (fresh) sums_.emplace_back().id = id;
        }
        TraceSum& sum = sums_[place];
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
        sum.services = with_service(sum.services, number(index.service_text(span)));
        const bool better = span.root != sum.has_root ? span.root : span.start < sum.head_start;
        if (!first && !better) continue;
        sum.has_root = span.root;
        sum.head_start = span.start;
        sum.name = number(span.name);
        sum.service = number(index.service_text(span));
    }
}

uint32_t TraceSums::number_of(std::string_view text) {
    const auto [at, fresh] = numbers_.try_emplace(std::string(text), static_cast<uint32_t>(texts_.size()));
    if (fresh) texts_.push_back(&at->first);
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
    for (uint32_t at = set; at != 0; at = sets_[at].before) names.push_back(text(sets_[at].service));
    std::sort(names.begin(), names.end());
    return names;
}

bool TraceSums::has_service(uint32_t set, std::string_view service) const {
    for (uint32_t at = set; at != 0; at = sets_[at].before) {
        if (text(sets_[at].service) == service) return true;
    }
    return false;
}

}  // namespace spanring::agent
