// SPDX-License-Identifier: Apache-2.0
//
// Finds and reads the process context of another process by OTEP 4719's Reading Protocol, and by nothing that the
// library says of itself.
#pragma once

#include <cstring>
#include <optional>
#include <string>

#include <sys/mman.h>
#include <sys/prctl.h>

#include "otlp.pb.h"
#include "support/known_fields.hpp"
#include "support/profiled_process.hpp"

namespace spanring::test {

// Step 1.
inline std::vector<Mapping> process_context_mappings(pid_t process) {
    std::vector<Mapping> found;
    for (const Mapping& mapping : mappings_of(process))
        for (const char* name : {"[anon_shmem:OTEL_CTX]", "[anon:OTEL_CTX]", "/memfd:OTEL_CTX"})
            if (mapping.name.compare(0, strlen(name), name) == 0) found.push_back(mapping);
    return found;
}

// Whether this kernel is built with CONFIG_ANON_VMA_NAME; older ones and some distributions' are not.
inline bool kernel_names_mappings() {
    void* const page = mmap(nullptr, 1, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    const bool named = prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, page, 1, "spanring") == 0;
    munmap(page, 1);
    return named;
}

struct ProcessContextHeader {
    char signature[8];
    uint32_t version;
    uint32_t payload_size;
    uint64_t published_at;
    uint64_t payload;
};

// Steps 2 to 8, for a process that is at rest: a time that changes is a failure here.
inline std::optional<otlp::ProcessContext> read_process_context(pid_t process) {
    for (const Mapping& mapping : process_context_mappings(process)) {
        ProcessContextHeader header, again;
        if (!read_memory(process, mapping.begin, header)) continue;
        if (memcmp(header.signature, "OTEL_CTX", 8) != 0 || header.version != 2) continue;
        EXPECT_NE(header.published_at, 0u);
        std::string payload(header.payload_size, 0);
        EXPECT_TRUE(read_memory(process, header.payload, payload.data(), payload.size()));
        EXPECT_TRUE(read_memory(process, mapping.begin, again));
        EXPECT_EQ(memcmp(&header, &again, sizeof header), 0);
        otlp::ProcessContext context;
        EXPECT_TRUE(context.ParseFromString(payload));
        EXPECT_TRUE(all_fields_known(context));
        return context;
    }
    return std::nullopt;
}

}  // namespace spanring::test
