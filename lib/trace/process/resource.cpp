// SPDX-License-Identifier: Apache-2.0
#include "trace/process/resource.hpp"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <string_view>

#include "trace/base/scratch.hpp"
#include "trace/process/process_facts.hpp"

namespace spanring::trace {
namespace {

constexpr uint8_t kAttributes = tag(1, kBytes);  // resource.v1.Resource.attributes

// RFC 9562, version 4.
void put_uuid(const uint8_t (&random)[16], char (&ret)[37]) {
    constexpr char kDigits[] = "0123456789abcdef";
    char* at = ret;
    for (size_t i = 0; i < sizeof random; ++i) {
        if (i == 4 || i == 6 || i == 8 || i == 10) *at++ = '-';
        const uint8_t byte = i == 6 ? (random[i] & 0x0f) | 0x40 : i == 8 ? (random[i] & 0x3f) | 0x80 : random[i];
        *at++ = kDigits[byte >> 4];
        *at++ = kDigits[byte & 15];
    }
    *at = 0;
}

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

// Percent-decodes and trims; returns the size, -E2BIG where it does not fit, -EINVAL where it is malformed.
int decode(const char* from, const char* end, char* to, int room) {
    while (from != end && (*from == ' ' || *from == '\t')) ++from;
    while (from != end && (end[-1] == ' ' || end[-1] == '\t')) --end;
    int size = 0;
    for (; from != end; ++from) {
        if (size == room) return -E2BIG;
        if (*from != '%') {
            to[size++] = *from;
            continue;
        }
        if (end - from < 3 || hex(from[1]) < 0 || hex(from[2]) < 0) return -EINVAL;
        to[size++] = static_cast<char>(hex(from[1]) << 4 | hex(from[2]));
        from += 2;
    }
    return size;
}

// An empty service.name is as if it were not there: the next source is asked, at last the program's name.
bool names_no_service(const Attribute& attribute) {
    return attribute.value.type == SPR_TYPE_STRING && attribute.value.inner_size == 0 &&
           std::string_view(attribute.key, attribute.key_size) == "service.name";
}

constexpr int kLongestValue = 4096;  // in the environment

// Visits each pair of the list, decoded, with an empty key where it is longer than any may be; empty elements do not
// count. False: at the first that is malformed.
template <class Visit>
bool each_pair(const char* list, const Scratch& scratch, Visit&& visit) {
    char* const value = scratch.text();
    for (const char* end; *list != 0; list = *end == ',' ? end + 1 : end) {
        end = strchrnul(list, ',');
        const std::string_view element(list, static_cast<size_t>(end - list));
        if (element.find_first_not_of(" \t") == element.npos) continue;
        const size_t equals = element.find('=');
        if (equals == element.npos) return false;
        char key[256];
        const int key_size = decode(list, list + equals, key, sizeof key);
        const int value_size = decode(list + equals + 1, end, value, kLongestValue);
        if (key_size == -E2BIG || value_size == -E2BIG) {
            visit(std::string_view(), std::string_view());
            continue;
        }
        if (key_size <= 0 || value_size < 0) return false;
        const std::string_view decoded_key(key, static_cast<size_t>(key_size)),
            decoded(value, static_cast<size_t>(value_size));
        if (!is_utf8(key, decoded_key.size()) || !is_utf8(value, decoded.size())) return false;
        visit(decoded_key, decoded);
    }
    return true;
}

}  // namespace

uint32_t Resource::find(const char* key, size_t size, uint32_t& ret_end) const {
    // bytes_ is a run of `0x0a len { 0x0a len key ... }`, written below and nowhere else.
    const auto varint = [](const uint8_t*& at) {
        uint32_t value = 0;
        for (int shift = 0;; shift += 7) {
            value |= uint32_t{*at & 0x7fu} << shift;
            if ((*at++ & 0x80) == 0) return value;
        }
    };
    for (const uint8_t* at = bytes_; at < bytes_ + size_;) {
        const uint8_t* const begin = at++;
        const uint32_t field = varint(at);
        const uint8_t* inside = at + 1;
        const uint32_t key_size = varint(inside);
        at += field;
        ret_end = static_cast<uint32_t>(at - bytes_);
        if (key_size == size && memcmp(inside, key, size) == 0) return static_cast<uint32_t>(begin - bytes_);
    }
    return size_;
}

bool Resource::has(const char* key) const {
    uint32_t end;
    return find(key, strlen(key), end) != size_;
}

bool Resource::add(const spr_attribute& from, uint32_t keep) {
    Attribute attribute;
    if (!Attribute::check(from, attribute)) return false;
    if (names_no_service(attribute)) return true;
    uint32_t end = size_;
    const uint32_t begin = find(attribute.key, attribute.key_size, end);
    if (begin < source_) return true;
    const uint32_t others = begin == size_ ? size_ : size_ - (end - begin);
    if (uint64_t{others} + attribute.field_size() + schema_size_ + keep > sizeof bytes_) return false;
    if (begin != size_) memmove(bytes_ + begin, bytes_ + end, size_ - end);
    Memory memory{bytes_ + others};
    attribute.write(memory, kAttributes);
    size_ = others + attribute.field_size();
    // A profiler reads these bytes as they are; no agent repairs them on the way.
    if (attribute.value.type == SPR_TYPE_STRING)
        repair_utf8(memory.at - attribute.value.inner_size, attribute.value.inner_size);
    return true;
}

bool Resource::add_text(const char* key, size_t key_size, const char* value, size_t value_size, uint32_t keep) {
    return add(text_attribute(key, key_size, value, value_size), keep);
}

// OTEL_RESOURCE_ATTRIBUTES: key=value,key=value, percent-encoded. One pair that is malformed discards the whole value
// (specification: resource/sdk.md, Specifying resource information via an environment variable): half of it could be
// another service's. What is well formed and does not fit loses only itself.
void Resource::add_environment(const char* list) {
    if (list == nullptr) return;
    uint32_t pairs = 0;
    const Scratch scratch(kLongestValue);
    if (!scratch || !each_pair(list, scratch, [&](std::string_view, std::string_view) { ++pairs; })) {
        dropped_ += pairs + 1;
        misread_ = true;
        return;
    }
    each_pair(list, scratch, [&](std::string_view key, std::string_view value) {
        if (!add_text(key.data(), key.size(), value.data(), value.size())) ++dropped_;
    });
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
    return add_text("service.name", SPR_NUL, name, size, kReserveForLife);
}

// Semantic conventions: resource/process.md, resource/container.md. Not the command's arguments: they may be secrets.
void Resource::add_process() {
    const Scratch scratch(PATH_MAX);
    if (!scratch) return;
    char* const text = scratch.text();
    if (const size_t size = executable_path(text, scratch.size())) {
        const char* const slash = static_cast<const char*>(memrchr(text, '/', size));
        const char* const name = slash == nullptr ? text : slash + 1;
        add_text("process.executable.name", SPR_NUL, name, static_cast<size_t>(text + size - name));
        add_text("process.executable.path", SPR_NUL, text, size);
    }
    if (const size_t size = user_name(geteuid(), text, scratch.size())) add_text("process.owner", SPR_NUL, text, size);
    char id[kContainerIdSize];
    if (const size_t size = container_id(id)) add_text("container.id", SPR_NUL, id, size);
}

int Resource::build(const spr_provider_options& options) {
    size_ = source_ = dropped_ = 0;
    misread_ = false;
    const size_t schema_size = text_size(options.resource_schema_url, options.resource_schema_url_size);
    if (schema_size > kLargestSchema) return -E2BIG;
    schema_size_ = static_cast<uint32_t>(schema_size);
    if (schema_size != 0) memcpy(schema_, options.resource_schema_url, schema_size);

    bool fits = add_text("telemetry.sdk.name", SPR_NUL, "spanring", SPR_NUL) &&
                add_text("telemetry.sdk.version", SPR_NUL, spr_version(), SPR_NUL);
    if (options.service_name != nullptr) {
        const size_t size = text_size(options.service_name, options.service_name_size);
        if (size != 0) fits = fits && add_text("service.name", SPR_NUL, options.service_name, size);
    }
    begin_source();
    for (size_t i = 0; i < options.resource_attribute_count; ++i) {
        Attribute checked;
        if (!Attribute::check(options.resource_attributes[i], checked)) return -EINVAL;
        fits = fits && add(options.resource_attributes[i]);
    }
    // A binding says its own language in the options; an application's environment cannot.
    fits = fits && (has("telemetry.sdk.language") || add_text("telemetry.sdk.language", SPR_NUL, "cpp", SPR_NUL));
    if (!fits) return -E2BIG;
    begin_source();
    const char* service = getenv("OTEL_SERVICE_NAME");
    if (service != nullptr && *service != 0 && !add_text("service.name", SPR_NUL, service, SPR_NUL)) ++dropped_;
    begin_source();
    add_environment(getenv("OTEL_RESOURCE_ATTRIBUTES"));
    begin_source();
    add_process();
    if (!has("service.name")) add_unknown_service();
    return 0;
}

uint32_t Resource::finish(const uint8_t (&random)[16], uint8_t* to) const {
    memcpy(to, bytes_, size_);
    Memory memory{to + size_};
    const auto append = [&](const spr_attribute& from) {
        Attribute attribute;
        if (!has(from.key) && Attribute::check(from, attribute)) attribute.write(memory, kAttributes);
    };
    spr_attribute pid = {};
    pid.key = "process.pid";
    pid.key_size = SPR_NUL;
    pid.type = SPR_TYPE_INT64;
    pid.value.int64 = getpid();
    append(pid);
    constexpr uint8_t kNone[16] = {};
    if (memcmp(random, kNone, sizeof kNone) != 0) {
        char text[37];
        put_uuid(random, text);
        append(text_attribute("service.instance.id", SPR_NUL, text, 36));
    }
    if (dropped_ != 0) {
        memory.put_byte(tag(2, kVarint));  // resource.v1.Resource.dropped_attributes_count
        memory.at = put_varint(memory.at, dropped_);
    }
    if (schema_size_ != 0) memcpy(memory.at, schema_, schema_size_);
    return static_cast<uint32_t>(memory.at - to);
}

}  // namespace spanring::trace
