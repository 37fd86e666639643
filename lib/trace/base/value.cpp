// SPDX-License-Identifier: Apache-2.0
#include "trace/base/value.hpp"

#include "trace/base/list_walk.hpp"

namespace spanring::trace {
namespace {

// The present element, whose value has so many bytes, is part of the list.
void take_in(ListWalk& walk, uint32_t key_size, uint32_t value_size) {
    const uint32_t element = key_size != 0 ? key_value_size(key_size, value_size) : value_size;
    walk.size() += 1 + varint_size(element) + element;
    walk.advance();
}

}  // namespace

bool Value::measure_list(Value& list) {
    ListWalk walk(list.nesting);
    if (!walk.enter(list.type, *list.from)) return false;
    uint32_t key_size = 0;
    for (;;) {
        const uint32_t size = walk.size();
        if (size > kMaxText) {  // a list that is there many times would not end otherwise
            list.inner_size = kTooLong;
            return true;
        }
        if (walk.at_end()) {
            if (!walk.leave()) {
                list.inner_size = size;
                return true;
            }
            const ListWalk::Element around = walk.element();
            key_size = static_cast<uint32_t>(text_size(around.key, around.key_size));
            take_in(walk, key_size, 1 + varint_size(size) + size);
            continue;
        }
        const ListWalk::Element element = walk.element();
        key_size = 0;
        if (walk.in_pairs() && !check_key(element.key, element.key_size, key_size)) return false;
        if (is_list(element.type) && Nesting::fits(walk.nesting(), element.type)) {
            if (!walk.enter(element.type, *element.value)) return false;
            continue;
        }
        Value value = {};
        if (!is_list(element.type) && !check_flat(element.type, *element.value, list.limit, walk.nesting(), value))
            return false;  // a list that is too deep is an empty value, of no bytes
        take_in(walk, key_size, value.size);
    }
}

}  // namespace spanring::trace
