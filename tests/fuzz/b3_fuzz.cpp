// SPDX-License-Identifier: Apache-2.0
//
// B3 in one header, and in several that are the lines of the input. What is read is written and read again, in both
// forms, and is the same.
#include <cstring>

#include "header_fuzz.hpp"

using namespace spanring::fuzz;

namespace {

bool same(const spr_context& a, const spr_context& b) { return memcmp(&a, &b, sizeof a) == 0; }

// A result of reading, however it came.
void check(int result, const spr_context& context, uint32_t flags) {
    if (result < 0) return;
    demand((flags & ~uint32_t{SPR_PROPAGATED_DEBUG}) == 0 && context.trace_flags <= SPR_TRACE_FLAG_SAMPLED,
           "flags are known ones");
    char single[SPR_B3_SIZE];
    spr_b3_headers several;
    const int written = spr_b3_inject(&context, flags, single);
    demand((written == 0) == (result == 1), "a context with ids is valid, one without is not");
    if (written != 0) return;
    spr_context again;
    uint32_t again_flags;
    demand(spr_b3_extract(single, SPR_NUL, &again, &again_flags) == 1 && same(context, again) && flags == again_flags,
           "one header is read as it was written");
    demand(spr_b3multi_inject(&context, flags, &several) == 0, "several are written");
    const auto given = [](const char* text) { return *text != 0 ? text : nullptr; };
    demand(spr_b3multi_extract(several.trace_id, SPR_NUL, several.span_id, SPR_NUL, given(several.sampled), SPR_NUL,
                               given(several.flags), SPR_NUL, &again, &again_flags) == 1 &&
               same(context, again) && flags == again_flags,
           "several are read as they were written");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    spr_context context;
    uint32_t flags;
    const Input input(data, size);
    const int result = spr_b3_extract(input.data(), input.size(), &context, &flags);
    check(result, context, flags);

    std::unique_ptr<Input> lines[4];
    const uint8_t* at = data;
    for (auto& line : lines) {
        if (at == nullptr) break;
        const uint8_t* const end = std::find(at, data + size, '\n');
        line = std::make_unique<Input>(at, end - at);
        at = end == data + size ? nullptr : end + 1;
    }
    const auto text = [&](int i) { return lines[i] != nullptr && lines[i]->size() != 0 ? lines[i]->data() : nullptr; };
    const auto length = [&](int i) { return lines[i] != nullptr ? lines[i]->size() : 0; };
    const int found = spr_b3multi_extract(text(0), length(0), text(1), length(1), text(2), length(2), text(3),
                                          length(3), &context, &flags);
    check(found, context, flags);
    return 0;
}
