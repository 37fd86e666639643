// SPDX-License-Identifier: Apache-2.0
//
// A walk through lists in lists, in the order in which they are written: a stack of places in place of calls within
// calls, so that what it needs of the thread's stack is known.
#pragma once

#include "trace/base/value.hpp"

namespace spanring::trace {

class ListWalk {
public:
    struct Element {
        uint32_t type;
        const spr_any* value;
        const char* key;  // nullptr in an array
        size_t key_size;
    };

    // `nesting`: that of the list.
    explicit ListWalk(uint32_t nesting) : nesting_(nesting) {}

    // Into a list, which is the walk's first or the present element's value, and which fits(). False: it has none of
    // its elements, or more than any span has room for.
    bool enter(uint32_t type, const spr_any& list) {
        const size_t count = type == SPR_TYPE_ARRAY ? list.array.count : list.key_values.count;
        const void* first =
            type == SPR_TYPE_ARRAY ? static_cast<const void*>(list.array.values) : list.key_values.pairs;
        if (count > kMaxText || (first == nullptr && count != 0)) return false;
        places_[depth_++] = {first, static_cast<uint32_t>(count), type == SPR_TYPE_KEY_VALUES, 0};
        nesting_ += Nesting::of_list(type);
        return true;
    }
    // Out of the innermost list. False: it was the first.
    bool leave() {
        nesting_ -= Nesting::of_list(innermost().pairs ? SPR_TYPE_KEY_VALUES : SPR_TYPE_ARRAY);
        return --depth_ != 0;
    }

    bool in_pairs() const { return innermost().pairs; }
    bool at_end() const { return innermost().left == 0; }
    uint32_t nesting() const { return nesting_; }  // of the present element's value
    Element element() const {
        if (!innermost().pairs) {
            const auto& element = *static_cast<const spr_value*>(innermost().next);
            return {element.type, &element.value, nullptr, 0};
        }
        const auto& pair = *static_cast<const spr_attribute*>(innermost().next);
        return {pair.type, &pair.value, pair.key, pair.key_size};
    }
    void advance() {
        Place& place = innermost();
        --place.left;
        place.next = place.pairs ? static_cast<const void*>(static_cast<const spr_attribute*>(place.next) + 1)
                                 : static_cast<const spr_value*>(place.next) + 1;
    }

    // Bytes of the innermost list, for who measures.
    uint32_t& size() { return innermost().size; }

private:
    struct Place {
        const void* next;
        uint32_t left : 31;
        uint32_t pairs : 1;
        uint32_t size;
    };

    Place& innermost() { return places_[depth_ - 1]; }
    const Place& innermost() const { return places_[depth_ - 1]; }

    Place places_[kMostLists];
    uint32_t depth_ = 0;
    uint32_t nesting_;
};

template <class Sink>
void Value::write_elements(Sink& sink) const {
    ListWalk walk(nesting);
    walk.enter(type, *from);
    for (;;) {
        if (walk.at_end()) {
            if (!walk.leave()) return;
            continue;
        }
        const ListWalk::Element element = walk.element();
        Value value;
        check(element.type, *element.value, limit, walk.nesting(), value);  // as it was when it was measured
        if (element.key != nullptr)
            write_key(sink, tag(1, kBytes), element.key,
                      static_cast<uint32_t>(text_size(element.key, element.key_size)), value.size);
        value.write_flat(sink, tag(element.key != nullptr ? 2 : 1, kBytes));
        walk.advance();
        if (is_list(value.type) && value.inner_size != 0) walk.enter(value.type, *value.from);
    }
}

}  // namespace spanring::trace
