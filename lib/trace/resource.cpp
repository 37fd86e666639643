// SPDX-License-Identifier: Apache-2.0
#include "trace/resource.hpp"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

namespace spanring::trace {
namespace {

constexpr uint8_t kAttributes = tag(1, kBytes);  // resource.v1.Resource.attributes
constexpr char kPid[] = "process.pid";

spr_attribute text_attribute(const char* key, size_t key_size, const char* value, size_t value_size) {
    spr_attribute attribute = {};
    attribute.key = key;
    attribute.key_size = key_size;
    attribute.type = SPR_TYPE_STRING;
    attribute.value.string.data = value;
    attribute.value.string.size = value_size;
    return attribute;
}

int hex(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

// Percent-decodes and trims; returns the size, or -1 where it does not fit or is malformed.
int decode(const char* from, const char* end, char* to, int room) {
    while (from != end && (*from == ' ' || *from == '\t')) ++from;
    while (from != end && (end[-1] == ' ' || end[-1] == '\t')) --end;
    int size = 0;
    for (; from != end; ++from) {
        if (size == room) return -1;
        if (*from != '%') {
            to[size++] = *from;
            continue;
        }
        if (end - from < 3 || hex(from[1]) < 0 || hex(from[2]) < 0) return -1;
        to[size++] = static_cast<char>(hex(from[1]) << 4 | hex(from[2]));
        from += 2;
    }
    return size;
}

}  // namespace

bool Resource::has(const char* key, size_t size) const {
    // bytes_ is a run of `0x0a len { 0x0a len key ... }`, written below and nowhere else.
    const auto varint = [](const uint8_t*& at) {
        uint32_t value = 0;
        for (int shift = 0;; shift += 7) {
            value |= uint32_t{*at & 0x7fu} << shift;
            if ((*at++ & 0x80) == 0) return value;
        }
    };
    const uint8_t* at = bytes_;
    while (at < bytes_ + size_) {
        ++at;
        const uint32_t field = varint(at);
        const uint8_t* inside = at + 1;
        const uint32_t key_size = varint(inside);
        if (key_size == size && memcmp(inside, key, size) == 0) return true;
        at += field;
    }
    return false;
}

bool Resource::add(const spr_attribute& from, uint32_t keep) {
    Attribute attribute;
    if (!Attribute::check(from, attribute)) return false;
    if (has(attribute.key, attribute.key_size)) return true;
    if (uint64_t{size_} + attribute.field_size() + keep > sizeof bytes_) return false;
    Memory memory{bytes_ + size_};
    attribute.write(memory, kAttributes);
    size_ += attribute.field_size();
    return true;
}

bool Resource::add_text(const char* key, size_t key_size, const char* value, size_t value_size, uint32_t keep) {
    return add(text_attribute(key, key_size, value, value_size), keep);
}

// OTEL_RESOURCE_ATTRIBUTES: key=value,key=value, percent-encoded (specification: resource/sdk.md). A malformed list is
// discarded as a whole there; here the malformed pair is, so that nothing else is lost.
void Resource::add_environment(const char* list) {
    while (list != nullptr && *list != 0) {
        const char* end = strchrnul(list, ',');
        const char* equals = static_cast<const char*>(memchr(list, '=', static_cast<size_t>(end - list)));
        if (equals != nullptr) {
            char key[256];
            char value[4096];
            const int key_size = decode(list, equals, key, sizeof key);
            const int value_size = decode(equals + 1, end, value, sizeof value);
            if (key_size > 0 && value_size >= 0 && is_utf8(value, static_cast<size_t>(value_size)))
                add_text(key, static_cast<size_t>(key_size), value, static_cast<size_t>(value_size));
        }
        list = *end == ',' ? end + 1 : end;
    }
}

bool Resource::add_unknown_service() {
    char name[128] = "unknown_service:";
    size_t size = strlen(name);
    const int file = open("/proc/self/comm", O_RDONLY | O_CLOEXEC);
    const ssize_t read_size = file < 0 ? 0 : read(file, name + size, sizeof name - size - 1);
    if (file >= 0) close(file);
    if (read_size > 1)
        size += static_cast<size_t>(read_size) - 1;  // without its newline
    else
        --size;  // without the colon
    return add_text("service.name", SPR_NUL, name, size, kReserveForPid);
}

int Resource::build(const spr_provider_options& options) {
    size_ = 0;
    bool fits = add_text("telemetry.sdk.name", SPR_NUL, "spanring", SPR_NUL) &&
                add_text("telemetry.sdk.language", SPR_NUL, "cpp", SPR_NUL) &&
                add_text("telemetry.sdk.version", SPR_NUL, spr_version(), SPR_NUL);
    if (options.service_name != nullptr) {
        const size_t size = text_size(options.service_name, options.service_name_size);
        if (!is_utf8(options.service_name, size)) return -EINVAL;
        if (size != 0) fits = fits && add_text("service.name", SPR_NUL, options.service_name, size);
    }
    for (size_t i = 0; i < options.resource_attribute_count; ++i) {
        Attribute checked;
        if (!Attribute::check(options.resource_attributes[i], checked)) return -EINVAL;
        fits = fits && add(options.resource_attributes[i]);
    }
    if (!fits) return -E2BIG;
    const char* service = getenv("OTEL_SERVICE_NAME");
    if (service != nullptr && *service != 0) add_text("service.name", SPR_NUL, service, SPR_NUL);
    add_environment(getenv("OTEL_RESOURCE_ATTRIBUTES"));
    if (!has("service.name", 12)) add_unknown_service();
    return 0;
}

uint32_t Resource::finish(uint8_t* to) const {
    memcpy(to, bytes_, size_);
    if (has(kPid, sizeof kPid - 1)) return size_;
    spr_attribute pid = {};
    pid.key = kPid;
    pid.key_size = SPR_NUL;
    pid.type = SPR_TYPE_INT64;
    pid.value.int64 = getpid();
    Attribute attribute;
    if (!Attribute::check(pid, attribute)) return size_;
    Memory memory{to + size_};
    attribute.write(memory, kAttributes);
    return size_ + attribute.field_size();
}

}  // namespace spanring::trace
