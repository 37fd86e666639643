// SPDX-License-Identifier: Apache-2.0
//
// The first byte is the memory that there is, in units of eight bytes. Baggage that is taken is within it, is taken
// again unchanged, and has each key once; a decoded value is UTF-8, no longer than the encoded one, and the same when
// it is set; any bytes may be decoded, to three times as many at most, and what is UTF-8 may be set and comes back.
#include <set>

#include "header_fuzz.hpp"
#include "trace/base/utf8.hpp"

using namespace spanring::fuzz;

namespace {

std::string decoded(const char* value, size_t size, size_t room) {
    Output text(room);
    demand(spr_baggage_decode(value, size, text.get()) == 0, "a decoded value has room");
    demand(spanring::trace::is_utf8(text.str().data(), text.str().size()), "a decoded value is UTF-8");
    return text.str();
}

void walk(const std::string& baggage) {
    std::set<std::string> keys;
    spr_member member, property;
    for (size_t cursor = 0; spr_baggage_next(baggage.data(), baggage.size(), &cursor, &member) == 1;) {
        demand(keys.insert(key_of(member)).second, "each key is there once");
        const std::string value = decoded(member.value, member.value_size, member.value_size);
        for (size_t at = 0; spr_baggage_next_property(member.properties, member.properties_size, &at, &property) == 1;)
            if (property.value != nullptr) decoded(property.value, property.value_size, property.value_size);
        Output copy(member.key_size + 1 + 3 * value.size() + member.properties_size + 1);
        // Encoding may need more than there may be.
        if (spr_baggage_set(copy.get(), member.key, member.key_size, value.data(), value.size(), member.properties,
                            member.properties_size) != 0)
            continue;
        Output text(value.size());
        demand(spr_baggage_get(copy.str().data(), copy.str().size(), member.key, member.key_size, text.get()) == 1 &&
                   text.str() == value,
               "a value that is set is found");
    }
    demand(keys.size() <= SPR_BAGGAGE_MEMBERS, "there are at most 180 members");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) return 0;
    const Input input(data + 1, size - 1);
    Output baggage(data[0] * size_t{8});
    demand(spr_baggage_extract(input.data(), input.size(), baggage.get()) >= 0, "any header is taken");
    const std::string taken = baggage.str();
    walk(taken);
    Output again(taken.size());
    demand(spr_baggage_extract(taken.data(), taken.size(), again.get()) == 0 && again.str() == taken,
           "it is taken again");

    decoded(input.data(), input.size(), 3 * input.size());
    const bool is_text = spanring::trace::is_utf8(input.data(), input.size());
    const int set = spr_baggage_set(baggage.get(), "key", 3, input.data(), input.size(), nullptr, 0);
    demand(is_text || set < 0, "what is not UTF-8 is refused");
    if (set < 0) {
        demand(baggage.str() == taken, "what is refused changes nothing");
        return 0;
    }
    walk(baggage.str());
    Output text(input.size());
    const std::string changed = baggage.str();
    demand(spr_baggage_get(changed.data(), changed.size(), "key", 3, text.get()) == 1, "what was set is found");
    demand(text.str() == std::string(input.data(), input.size()), "and is the same");
    demand(spr_baggage_remove(baggage.get(), "key", 3) == 1, "and is removed");
    return 0;
}
