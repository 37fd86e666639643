// SPDX-License-Identifier: Apache-2.0
//
// The functions of the header: the segments of the private directory, one after the other.
#include "spanring/test_kit.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <new>

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "test_kit/private_directory.hpp"
#include "test_kit/segment_name.hpp"
#include "test_kit/segment_reading.hpp"

namespace spanring::test_kit {
namespace {

// What the caller gets, and what it is in the memory of.
struct Reading {
    spr_test_spans spans{};
    Arena arena;
    GrowingList<spr_test_span> list;
};

uint64_t lost_before_ = 0;  // spr_test_clear()

// visit(segment, name) until it fails. A segment that goes meanwhile, with a process that has ended, is passed over.
template <class Visit>
int each_segment(Visit visit) {
    const int directory = PrivateDirectory::descriptor();
    if (directory < 0) return directory;
    const int again = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR* const listing = again < 0 ? nullptr : fdopendir(again);
    if (listing == nullptr) return -errno;
    int result = 0;
    while (const dirent* const entry = result == 0 ? readdir(listing) : nullptr) {
        if (!is_segment_name(entry->d_name, strlen(entry->d_name))) continue;
        MappedSegment segment;
        result = segment.open(directory, entry->d_name);
        if (result == 0) result = visit(segment, entry->d_name);
        if (result == -ENOENT) result = 0;
    }
    closedir(listing);
    return result;
}

bool is_wanted(const MappedSegment& segment, int whose) {
    return whose == SPR_TEST_OF_ALL || segment.header().pid == static_cast<uint32_t>(getpid());
}

int by_time(const void* left, const void* right) {
    const auto& a = *static_cast<const spr_test_span*>(left);
    const auto& b = *static_cast<const spr_test_span*>(right);
    if (a.is_open != b.is_open) return a.is_open != 0 ? 1 : -1;
    const uint64_t a_time = a.is_open != 0 ? a.start_time_ns : a.end_time_ns;
    const uint64_t b_time = b.is_open != 0 ? b.start_time_ns : b.end_time_ns;
    if (a_time != b_time) return a_time < b_time ? -1 : 1;
    return a.reserved < b.reserved ? -1 : 1;  // as they were found
}

bool same_span(const spr_test_span& a, const spr_test_span& b) {
    return memcmp(a.context.trace_id, b.context.trace_id, sizeof a.context.trace_id) == 0 &&
           memcmp(a.context.span_id, b.context.span_id, sizeof a.context.span_id) == 0;
}

// Sorts them, and leaves out as open what has ended since it was looked at. Both are few, or one of them is.
void settle(GrowingList<spr_test_span>& spans) {
    for (size_t i = 0; i < spans.count(); ++i) spans[i].reserved = static_cast<uint32_t>(i);
    qsort(spans.begin(), spans.count(), sizeof(spr_test_span), by_time);
    size_t ended = 0;
    while (ended < spans.count() && spans[ended].is_open == 0) ++ended;
    size_t kept = ended;
    for (size_t open = ended; open < spans.count(); ++open) {
        bool has_ended = false;
        for (size_t i = ended; i-- > 0 && spans[i].end_time_ns >= spans[open].start_time_ns && !has_ended;)
            has_ended = same_span(spans[i], spans[open]);
        if (!has_ended) spans[kept++] = spans[open];
    }
    while (spans.count() > kept) spans.drop_last();
    for (spr_test_span& span : spans) span.reserved = 0;
}

int read_all(int whose, Reading& reading) {
    uint64_t lost = 0;
    const int result = each_segment([&](const MappedSegment& segment, const char*) {
        if (!is_wanted(segment, whose)) return 0;
        lost += segment.lost();
        return SegmentReading(segment, reading.arena, reading.list).read();
    });
    if (result < 0) return result;
    settle(reading.list);
    reading.spans = {reading.list.begin(), reading.list.count(), lost > lost_before_ ? lost - lost_before_ : 0};
    return 0;
}

void drop(Reading* reading) {
    reading->~Reading();
    free(reading);
}

size_t size_of(const char* text, size_t size) { return size == SPR_NUL ? strlen(text) : size; }

}  // namespace
}  // namespace spanring::test_kit

using namespace spanring::test_kit;

int spr_test_begin() noexcept { return PrivateDirectory::begin(); }

int spr_test_read(int whose, const spr_test_spans** ret_spans) noexcept {
    if (ret_spans == nullptr || (whose != SPR_TEST_OF_PROCESS && whose != SPR_TEST_OF_ALL)) return -EINVAL;
    void* const memory = malloc(sizeof(Reading));
    if (memory == nullptr) return -ENOMEM;
    auto* const reading = new (memory) Reading;
    const int result = read_all(whose, *reading);
    if (result < 0) {
        drop(reading);
        return result;
    }
    *ret_spans = &reading->spans;
    return 0;
}

void spr_test_free(const spr_test_spans* spans) noexcept {
    if (spans != nullptr) drop(reinterpret_cast<Reading*>(const_cast<spr_test_spans*>(spans)));  // its first member
}

int spr_test_clear() noexcept {
    uint64_t lost = 0;
    const int result = each_segment([&](const MappedSegment& segment, const char* name) {
        if (!segment.process_lives()) return unlinkat(PrivateDirectory::descriptor(), name, 0) < 0 ? -errno : 0;
        if (is_wanted(segment, SPR_TEST_OF_PROCESS)) lost += segment.lost();
        segment.acknowledge();
        return 0;
    });
    if (result == 0) lost_before_ = lost;
    return result;
}

void spr_test_end() noexcept { PrivateDirectory::end(); }

const spr_test_span* spr_test_find(const spr_test_spans* spans, const char* name, size_t name_size) noexcept {
    if (spans == nullptr || name == nullptr) return nullptr;
    const size_t size = size_of(name, name_size);
    for (size_t i = 0; i < spans->count; ++i) {
        const spr_test_span& span = spans->spans[i];
        if (span.name_size == size && memcmp(span.name, name, size) == 0) return &span;
    }
    return nullptr;
}

const spr_attribute* spr_test_attribute(const spr_attribute* attributes, size_t attribute_count, const char* key,
                                        size_t key_size) noexcept {
    if (attributes == nullptr || key == nullptr) return nullptr;
    const size_t size = size_of(key, key_size);
    for (size_t i = 0; i < attribute_count; ++i) {
        if (attributes[i].key_size == size && memcmp(attributes[i].key, key, size) == 0) return &attributes[i];
    }
    return nullptr;
}
