// SPDX-License-Identifier: Apache-2.0
//
// The birth of a segment: a complete, locked file that appears under its name in one step.
//
//     open temporary -> fallocate -> mmap -> DONTFORK -> fill -> OFD lock -> close -> rename
//
// After close() the lock's open file description is held by the mapping alone, so that the kernel drops it exactly when
// the memory goes: at death, at exec, and not a moment earlier, whatever the process does with its descriptors.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ring/segment_view.hpp"

namespace spanring::ring {

struct SegmentRequest {
    uint32_t extent_limit;  // 1 .. kMaxExtents
    uint32_t full_policy;
    const void* resource;  // OTLP bytes, then the schema URL; together at most kResourceSize
    uint32_t resource_size;
    uint32_t schema_size = 0;
    bool whole = false;             // all of its memory at birth
    uint64_t directory_limit = 0;   // bytes that segments of the dead may have; 0: keep_directory_bound() says
    uint32_t first_generation = 0;  // of each slot
    bool huge = false;              // with huge places, whose memory comes later, if at all
    // Where it is set, in place of `resource` and its size: writes both to where they are to be, and returns that size.
    uint32_t (*write_resource)(const void* resource, uint8_t* to) = nullptr;
};

struct SegmentFile {
    uint8_t* base = nullptr;
    uint64_t size = 0;     // bytes mapped
    uint32_t extents = 0;  // populated at birth, and not taken yet
    uint8_t instance_id[16] = {};
    char* path = nullptr;  // in: room for kSegmentPathSize, where the file's path is put; nullptr: nobody asks
};

// COLD. 0 or -errno (-ENOSPC: the tmpfs is full; -EFBIG: RLIMIT_FSIZE). On failure nothing is left behind.
int create_segment(const SegmentRequest& request, SegmentFile& ret_segment);

// COLD. Makes memory of the segment writable without a fault later. 0 or -errno (-ENOSPC where the tmpfs is full).
int populate(uint8_t* address, uint64_t size);

// COLD. The same for an extent or a huge place, and the pages that say something about its chunks and are not there
// yet. Extents come in ascending order.
int populate_extent(SegmentView segment, uint32_t extent);

// COLD. Gives memory of the segment back. False: the system refuses, and it stays.
bool punch(uint8_t* address, uint64_t size);

// COLD. Whether any page of that part of an extent is in memory.
bool is_in_memory(uint8_t* address, uint32_t size);

// In a child after fork(): puts inaccessible-to-others scratch memory where the parent's segment was, so that a call
// that fork() interrupted can run on without harm. Nothing if somebody else mapped there already.
void cover_hole(uint8_t* base, uint64_t size);

// COLD. The same over a mapping that is there, which goes in one step.
void replace_by_scratch(uint8_t* base, uint64_t size);

}  // namespace spanring::ring
