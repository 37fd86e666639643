// SPDX-License-Identifier: Apache-2.0
#include "ring/attach.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>

#include <sys/stat.h>
#include <unistd.h>

namespace spanring::ring {

namespace {

AttachReport refuse(AttachResult result, uint64_t found = 0, uint64_t wanted = 0) { return {result, 0, found, wanted}; }

AttachReport system_error(int error) { return {AttachResult::kSystem, error, 0, 0}; }

constexpr uint32_t kLastFullPolicy = 2;  // SPR_FULL_WAIT; a new policy that matters to the reader comes with a flag

}  // namespace

AttachReport check_segment_file(int fd, uid_t owner, uint64_t& ret_size) {
    struct stat status;
    return fstat(fd, &status) < 0 ? system_error(errno) : check_segment_file(status, owner, ret_size);
}

AttachReport check_segment_file(const struct stat& status, uid_t owner, uint64_t& ret_size) {
    if (!S_ISREG(status.st_mode)) return refuse(AttachResult::kNotRegular, status.st_mode & S_IFMT);
    if (status.st_uid != owner) return refuse(AttachResult::kForeignOwner, status.st_uid, owner);
    if ((status.st_mode & 077) != 0) return refuse(AttachResult::kWrongMode, status.st_mode & 07777, 0600);
    if (status.st_nlink > 1) return refuse(AttachResult::kHardLinks, status.st_nlink, 1);
    const auto size = static_cast<uint64_t>(status.st_size);
    if (size < segment_size(1)) return refuse(AttachResult::kTooSmall, size, segment_size(1));
    ret_size = size;
    return {};
}

AttachReport check_header(const Header& header, uint64_t size, const uint8_t instance_id[16]) {
    // From what every layout has in common to what only this one says.
    if (header.magic != kMagic) {
        return __builtin_bswap64(header.magic) == kMagic ? refuse(AttachResult::kByteOrder)
                                                         : refuse(AttachResult::kBadMagic, header.magic, kMagic);
    }
    if (header.byte_order != kByteOrder) return refuse(AttachResult::kByteOrder, header.byte_order, kByteOrder);
    if (header.layout_major > kLayoutMajor)
        return refuse(AttachResult::kFutureMajor, header.layout_major, kLayoutMajor);
    if (header.layout_major < kLayoutMajor) return refuse(AttachResult::kPastMajor, header.layout_major, kLayoutMajor);
    if (header.ready != kReady) return refuse(AttachResult::kNotReady);
    const uint64_t unknown = header.incompatible & ~kKnownIncompatible;
    if (unknown != 0) return refuse(AttachResult::kIncompatible, unknown, kKnownIncompatible);
    if (header.header_size < sizeof(Header) || header.header_size > kPage) {
        return refuse(AttachResult::kBadGeometry, header.header_size, sizeof(Header));
    }
    if (header.extent_limit == 0 || header.extent_limit > kMaxExtents) {
        return refuse(AttachResult::kBadGeometry, header.extent_limit, kMaxExtents);
    }
    if (header.huge_places != 0 && header.huge_places != kHugePlaces)
        return refuse(AttachResult::kBadGeometry, header.huge_places, kHugePlaces);
    if (const uint64_t wanted = segment_size(header.extent_limit, header.huge_places != 0);
        header.segment_size != wanted)
        return refuse(AttachResult::kBadGeometry, header.segment_size, wanted);
    if (header.resource_size > kResourceSize)
        return refuse(AttachResult::kBadGeometry, header.resource_size, kResourceSize);
    if (header.schema_size > kResourceSize - header.resource_size)
        return refuse(AttachResult::kBadGeometry, header.schema_size, kResourceSize - header.resource_size);
    if (header.full_policy > kLastFullPolicy)
        return refuse(AttachResult::kBadGeometry, header.full_policy, kLastFullPolicy);
    if (size != header.segment_size) return refuse(AttachResult::kSizeMismatch, size, header.segment_size);
    if (memcmp(header.instance_id, instance_id, sizeof header.instance_id) != 0)
        return refuse(AttachResult::kWrongName);
    return {};
}

AttachReport read_segment_header(int fd, uint64_t size, const uint8_t instance_id[16], Header& ret_header) {
    Header header;
    const ssize_t got = pread(fd, &header, sizeof header, kHeaderOffset);
    if (got < 0) return system_error(errno);
    if (static_cast<size_t>(got) < sizeof header)
        return refuse(AttachResult::kTooSmall, static_cast<uint64_t>(got), sizeof header);
    const AttachReport report = check_header(header, size, instance_id);
    if (report.ok()) ret_header = header;
    return report;
}

bool is_transient(AttachResult result) { return result == AttachResult::kNotReady || result == AttachResult::kSystem; }

std::string describe(const AttachReport& report) {
    const auto found = static_cast<unsigned long long>(report.found);
    const auto wanted = static_cast<unsigned long long>(report.wanted);
    char text[160];
    switch (report.result) {
        case AttachResult::kOk: return "sound";
        case AttachResult::kNotRegular: return "not a regular file";
        case AttachResult::kForeignOwner:
            snprintf(text, sizeof text, "owned by user %llu, not by the owner of its directory, %llu", found, wanted);
            return text;
        case AttachResult::kWrongMode:
            snprintf(text, sizeof text, "mode %04llo: accessible to users other than its owner", found);
            return text;
        case AttachResult::kHardLinks:
            snprintf(text, sizeof text, "%llu names lead to it; a segment has one", found);
            return text;
        case AttachResult::kTooSmall:
            snprintf(text, sizeof text, "%llu bytes, too small for a segment (%llu at least)", found, wanted);
            return text;
        case AttachResult::kBadMagic: return "not a spanring segment (its first bytes are not the signature)";
        case AttachResult::kByteOrder: return "written by a machine of another byte order";
        case AttachResult::kFutureMajor:
        case AttachResult::kPastMajor:
            snprintf(text, sizeof text, "layout version %llu; this agent understands version %llu: left alone", found,
                     wanted);
            return text;
        case AttachResult::kIncompatible:
            snprintf(text, sizeof text, "needs features 0x%llx that this agent does not know: left alone", found);
            return text;
        case AttachResult::kNotReady: return "still being made";
        case AttachResult::kBadGeometry:
            snprintf(text, sizeof text, "impossible sizes in its header (%llu, where %llu is the bound)", found,
                     wanted);
            return text;
        case AttachResult::kSizeMismatch:
            snprintf(text, sizeof text, "%llu bytes, but its header says %llu", found, wanted);
            return text;
        case AttachResult::kWrongName: return "its name and its header are of different instances";
        case AttachResult::kSystem: return std::string("the system says: ") + strerror(report.error);
    }
    return "refused for an unknown cause";
}

}  // namespace spanring::ring
