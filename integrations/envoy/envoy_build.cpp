// SPDX-License-Identifier: Apache-2.0
#include "envoy_build.hpp"

#include <elf.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>

#include "log.hpp"

#define SPANRING_TEXT_OF(value) #value
#define SPANRING_TEXT(value) SPANRING_TEXT_OF(value)

namespace spanring::envoy {
namespace {

constexpr char kOwnMinor[] = "1." SPANRING_TEXT(SPANRING_ENVOY_MINOR);
constexpr char kPrefix[] = "envoy_dynamic_module_callback_";
constexpr char kOverride[] = "SPANRING_ENVOY_ABI";

struct Known {
    const char* minor;
    Offer offer;
};

// Read from the released programs: tests/integrations/envoy/offer.py, which also makes a new row.
constexpr Known kKnown[] = {
    {"1.38", {521, 0xc3e225f829cc47bc}},
    {"1.39", {607, 0x5ad61e0585a16463}},
    {"1.40", {781, 0xab958e0e1268f656}},
};

uint64_t hash(const char* name) {  // FNV-1a
    uint64_t value = 0xcbf29ce484222325;
    for (; *name != '\0'; ++name) value = (value ^ static_cast<uint8_t>(*name)) * 0x100000001b3;
    return value;
}

// How many symbols a table has: it does not say so itself, its hash table does (the last chain of the last bucket).
size_t count_symbols(const uint32_t* gnu_hash) {
    const uint32_t buckets = gnu_hash[0];
    const uint32_t first = gnu_hash[1];
    const uint32_t bloom_words = gnu_hash[2];
    const uint32_t* const bucket = gnu_hash + 4 + bloom_words * (sizeof(ElfW(Addr)) / sizeof(uint32_t));
    const uint32_t* const chain = bucket + buckets;
    uint32_t last = 0;
    for (uint32_t i = 0; i < buckets; ++i)
        if (bucket[i] > last) last = bucket[i];
    if (last < first) return first;
    while ((chain[last - first] & 1) == 0) ++last;
    return last + 1;
}

Offer read_dynamic(ElfW(Addr) base, const ElfW(Dyn) * dynamic) {
    const ElfW(Sym)* symbols = nullptr;
    const char* strings = nullptr;
    const uint32_t* gnu_hash = nullptr;
    for (; dynamic->d_tag != DT_NULL; ++dynamic) {
        // glibc has added the base to these, musl has not.
        const ElfW(Addr) address = dynamic->d_un.d_ptr >= base ? dynamic->d_un.d_ptr : base + dynamic->d_un.d_ptr;
        switch (dynamic->d_tag) {
            case DT_SYMTAB: symbols = reinterpret_cast<const ElfW(Sym)*>(address); break;
            case DT_STRTAB: strings = reinterpret_cast<const char*>(address); break;
            case DT_GNU_HASH: gnu_hash = reinterpret_cast<const uint32_t*>(address); break;
            default: break;
        }
    }
    Offer offer = {0, 0};
    if (symbols == nullptr || strings == nullptr || gnu_hash == nullptr) return offer;
    const size_t count = count_symbols(gnu_hash);
    for (size_t i = 0; i < count; ++i) {
        const char* const name = strings + symbols[i].st_name;
        if (symbols[i].st_shndx == SHN_UNDEF || strncmp(name, kPrefix, sizeof kPrefix - 1) != 0) continue;
        ++offer.functions;
        offer.sum += hash(name);
    }
    return offer;
}

}  // namespace

Offer read_offer() {
    Offer offer = {0, 0};
    // The first that is named is the program itself.
    dl_iterate_phdr(
        [](dl_phdr_info* info, size_t, void* ret) {
            for (int i = 0; i < info->dlpi_phnum; ++i)
                if (info->dlpi_phdr[i].p_type == PT_DYNAMIC)
                    *static_cast<Offer*>(ret) =
                        read_dynamic(info->dlpi_addr,
                                     reinterpret_cast<const ElfW(Dyn)*>(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr));
            return 1;
        },
        &offer);
    return offer;
}

const char* minor_of(const Offer& offer) {
    for (const Known& known : kKnown)
        if (known.offer.functions == offer.functions && known.offer.sum == offer.sum) return known.minor;
    return nullptr;
}

bool is_for_this_envoy() {
    const Offer offer = read_offer();
    const char* const minor = minor_of(offer);
    if (minor != nullptr && strcmp(minor, kOwnMinor) == 0) return true;
    if (minor != nullptr) {
        log(LogLevel::kError,
            "this module is for Envoy %s, and this is Envoy %s: use libspanring_envoy_%s.so, with the name "
            "spanring_envoy_%s",
            kOwnMinor, minor, minor, minor);
        return false;
    }
    const char* const said = secure_getenv(kOverride);
    if (said != nullptr && strcmp(said, kOwnMinor) == 0) {
        log(LogLevel::kWarn, "this Envoy is none that is known; %s says that its ABI is that of %s", kOverride, said);
        return true;
    }
    log(LogLevel::kError,
        "this module is for Envoy %s, and this Envoy is not: it offers %u functions to modules, with the sum %016llx. "
        "If it was "
        "built from the sources of %s all the same, say %s=%s in its environment",
        kOwnMinor, offer.functions, static_cast<unsigned long long>(offer.sum), kOwnMinor, kOverride, kOwnMinor);
    return false;
}

}  // namespace spanring::envoy
