// SPDX-License-Identifier: Apache-2.0
#include "trace/process/process_context.hpp"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "ring/atomics.hpp"
#include "ring/clock.hpp"
#include "ring/file_size_limit.hpp"
#include "trace/base/variable.hpp"
#include "trace/base/wire.hpp"
#include "trace/process/mapping_names.hpp"

namespace spanring::trace {
namespace {

using ring::StdAtomics;

// OTEP 4719, Header Structure.
struct Header {
    char signature[8];
    uint32_t version;
    uint32_t payload_size;
    uint64_t published_at;  // nanoseconds of CLOCK_BOOTTIME; 0: do not read
    uint64_t payload;       // its address in this process
};
static_assert(sizeof(Header) == 32);
constexpr char kMappingName[] = "OTEL_CTX";
constexpr uint32_t kVersion = 2;

// ProcessContext.attributes of OTEP 4947, Thread-Local Reference Data. The map of keys is an empty list: thread
// contexts have no attributes.
constexpr char kSchemaKey[] = "threadlocal.schema_version";
constexpr char kSchema[] = "tlsdesc_v1_dev";
constexpr char kKeyMapKey[] = "threadlocal.attribute_key_map";

// What older headers do not have.
constexpr unsigned kNoExecSeal = 0x0008;  // MFD_NOEXEC_SEAL, Linux 6.3
constexpr int kSetVma = 0x53564d41;       // PR_SET_VMA, PR_SET_VMA_ANON_NAME: Linux 5.17
constexpr unsigned long kSetVmaAnonName = 0;

constinit uint32_t g_state = ProcessContext::kNotAsked;
constinit Header* g_published = nullptr;  // while the state is kOn
constinit size_t g_size = 0;

uint8_t* put_field(uint8_t* to, uint32_t field, const void* bytes, uint32_t size) {
    *to++ = tag(field, kBytes);
    to = put_varint(to, size);
    memcpy(to, bytes, size);
    return to + size;
}

constexpr uint32_t field_size(uint32_t size) { return 1 + varint_size(size) + size; }

// common.v1.KeyValue as ProcessContext.attributes: key 1, value 2; `value`: an encoded AnyValue.
uint8_t* put_attribute(uint8_t* to, const char* key, uint32_t key_size, const void* value, uint32_t value_size) {
    *to++ = tag(2, kBytes);
    to = put_varint(to, field_size(key_size) + field_size(value_size));
    to = put_field(to, 1, key, key_size);
    return put_field(to, 2, value, value_size);
}

constexpr uint32_t kAttributesSize = 128;  // of both, at most
static_assert(sizeof kSchemaKey + sizeof kSchema + sizeof kKeyMapKey + 32 < kAttributesSize);

uint32_t put_payload(uint8_t* const to, const uint8_t* resource, uint32_t size) {
    uint8_t* at = put_field(to, 1, resource, size);  // ProcessContext.resource
    uint8_t schema[sizeof kSchema + 2];
    put_field(schema, 1, kSchema, sizeof kSchema - 1);  // AnyValue.string_value
    at = put_attribute(at, kSchemaKey, sizeof kSchemaKey - 1, schema, field_size(sizeof kSchema - 1));
    const uint8_t no_keys[] = {tag(5, kBytes), 0};  // AnyValue.array_value
    at = put_attribute(at, kKeyMapKey, sizeof kKeyMapKey - 1, no_keys, sizeof no_keys);
    return static_cast<uint32_t>(at - to);
}

// A private mapping of a file without a name in any folder, so that the name is seen in /proc/PID/maps on every kernel;
// an anonymous one where that is forbidden, which has a name only if the kernel gives it one.
void* map(size_t size, bool& ret_named) {
    const bool may_be_file = size <= ring::file_size_limit();
    long file =
        may_be_file ? syscall(SYS_memfd_create, kMappingName, MFD_CLOEXEC | MFD_ALLOW_SEALING | kNoExecSeal) : -1;
    if (file < 0 && may_be_file) file = syscall(SYS_memfd_create, kMappingName, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    ret_named = file >= 0;
    if (file < 0) return mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    void* const memory = ftruncate(static_cast<int>(file), static_cast<off_t>(size)) != 0
                             ? MAP_FAILED
                             : mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, static_cast<int>(file), 0);
    close(static_cast<int>(file));
    return memory;
}

}  // namespace

ProcessContext::State ProcessContext::state() {
    // relaxed: a value alone; the reader of the mapping is another process.
    return static_cast<State>(StdAtomics::load(g_state, std::memory_order_relaxed));
}

bool ProcessContext::is_wanted() {
    const Variable variable("SPANRING_PROFILER_CONTEXT");
    return !variable.is("off") && !variable.is("false") && !variable.is("0");
}

bool ProcessContext::make(const uint8_t* resource, uint32_t resource_size) {
    const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    const size_t size = (sizeof(Header) + field_size(resource_size) + kAttributesSize + page - 1) & ~(page - 1);
    bool named = false;
    void* const memory = map(size, named);
    if (memory == MAP_FAILED) return false;
    if (madvise(memory, size, MADV_DONTFORK) != 0) {
        munmap(memory, size);
        return false;
    }
    Header& header = *static_cast<Header*>(memory);
    uint8_t* const payload = static_cast<uint8_t*>(memory) + sizeof(Header);
    header.payload_size = put_payload(payload, resource, resource_size);
    header.payload = reinterpret_cast<uintptr_t>(payload);
    header.version = kVersion;
    memcpy(header.signature, kMappingName, sizeof header.signature);
    // release: publishes header and payload. Pairs with the barrier after a reader's look at the time (OTEP 4719,
    // Reading Protocol, step 4). Without it a profiler could find the time and a payload that is not there yet.
    StdAtomics::store(header.published_at, ring::Clock::read(CLOCK_BOOTTIME), std::memory_order_release);
    // Also where the mapping has a name already: a reader may wait for this very call.
    const bool renamed = prctl(kSetVma, kSetVmaAnonName, memory, size, kMappingName) == 0;
    if (!named && !renamed) {
        munmap(memory, size);  // nobody could find it
        return false;
    }
    g_published = &header;
    g_size = size;
    return true;
}

void ProcessContext::publish(const uint8_t* resource, uint32_t size) {
    uint32_t seen = state();
    // relaxed: one caller goes on; what it makes is for other processes.
    if ((seen != kNotAsked && seen != kLost) ||
        !StdAtomics::compare_exchange(g_state, seen, uint32_t{kMaking}, std::memory_order_relaxed))
        return;
    const int error = errno;
    // Two in one process are forbidden, so another library's goes first. (So does one that was just being made when
    // this process was forked off: it came along, unfinished.)
    const bool made = is_wanted() && !has_mapping_named("/proc/self/maps", kMappingName) && make(resource, size);
    StdAtomics::store(g_state, uint32_t{made ? kOn : kOff}, std::memory_order_relaxed);
    errno = error;
}

void ProcessContext::lose() {
    const State seen = state();
    if (seen == kOn || seen == kMaking) StdAtomics::store(g_state, uint32_t{kLost}, std::memory_order_relaxed);
}

void ProcessContext::withdraw() {
    if (state() != kOn) return;
    // relaxed: a word alone, for a reader that has found the mapping and not yet looked.
    StdAtomics::store(g_published->published_at, uint64_t{0}, std::memory_order_relaxed);
    munmap(g_published, g_size);
    StdAtomics::store(g_state, uint32_t{kOff}, std::memory_order_relaxed);
}

}  // namespace spanring::trace
