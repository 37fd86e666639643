// SPDX-License-Identifier: Apache-2.0
//
// The first byte is the memory that there is, in units of four bytes. What is taken is within it, is taken again
// unchanged, has each key once and at most 32 members; and what is set is found in front, with the others behind it in
// their order.
#include <set>

#include "header_fuzz.hpp"

using namespace spanring::fuzz;

namespace {

// Every member; each is found by its key.
size_t walk(const std::string& state) {
    std::set<std::string> keys;
    spr_member member;
    for (size_t cursor = 0; spr_tracestate_next(state.data(), state.size(), &cursor, &member) == 1;) {
        demand(keys.insert(key_of(member)).second, "each key is there once");
        const char* value;
        size_t size;
        demand(spr_tracestate_get(state.data(), state.size(), member.key, member.key_size, &value, &size) == 1 &&
                   value == member.value,
               "a member is found by its key");
    }
    return keys.size();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) return 0;
    Output state(data[0] * size_t{4});
    // In two headers, the first of which ends at the first line end.
    const uint8_t* const end = data + size;
    const uint8_t* const line = std::find(data + 1, end, '\n');
    for (const Input& header :
         {Input(data + 1, line - data - 1), Input(line == end ? line : line + 1, line == end ? 0 : end - line - 1)})
        if (spr_tracestate_extract(header.data(), header.size(), state.get()) < 0) {
            demand(state.str().empty(), "a malformed one is none");
            break;
        }
    const std::string taken = state.str();
    const size_t members = walk(taken);
    demand(members <= SPR_TRACESTATE_MEMBERS, "there are at most 32 members");
    Output again(taken.size());
    demand(spr_tracestate_extract(taken.data(), taken.size(), again.get()) == 0 && again.str() == taken,
           "it is taken again");

    const int gave_way = spr_tracestate_set(state.get(), "ot", 2, "th:8", 4);
    if (gave_way < 0) {
        demand(state.str() == taken, "what does not fit changes nothing");
        return 0;
    }
    const std::string changed = state.str();
    demand(changed.compare(0, 7, "ot=th:8") == 0, "what is set is in front");
    walk(changed);
    demand(spr_tracestate_remove(state.get(), "ot", 2) == 1, "what was set is removed");
    demand(spr_tracestate_remove(again.get(), "ot", 2) >= 0, "the same without it");
    demand(gave_way > 0 || state.str() == again.str(), "the others are as they were");
    return 0;
}
