// SPDX-License-Identifier: Apache-2.0
//
// A traceparent that is taken is written again as it stands, but for what version 00 does not have: another version,
// more behind the flags, flags that are not defined, space around it.
#include <cstring>
#include <string_view>

#include "header_fuzz.hpp"

using namespace spanring::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const Input input(data, size);
    spr_context context;
    if (spr_traceparent_extract(input.data(), input.size(), &context) != 0) return 0;
    char written[SPR_TRACEPARENT_SIZE];
    demand(spr_traceparent_inject(&context, written) == 0, "a context that was read is valid");
    std::string_view header(input.data(), input.size());
    header.remove_prefix(header.find_first_not_of(" \t"));
    demand(header.substr(2, 51) == std::string_view(written).substr(2, 51), "ids are written as they were read");
    demand(header.substr(0, 2) != "00" || header.find_last_not_of(" \t") == 54,
           "version 00 has nothing behind its flags");
    demand(context.is_remote == 1 && context.trace_flags <= 3, "it is remote and has the defined flags");
    spr_context again;
    demand(spr_traceparent_extract(written, SPR_NUL, &again) == 0, "what is written is read");
    demand(memcmp(&context, &again, sizeof context) == 0, "and is the same");
    return 0;
}
