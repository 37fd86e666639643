// SPDX-License-Identifier: Apache-2.0
//
// A comma-separated list in memory of the caller, changed in place: a trace state, baggage. Never beyond the capacity.
#pragma once

#include "trace/propagation/header_text.hpp"

namespace spanring::trace {

class ListText {
public:
    explicit ListText(spr_text& text) : text_(text) {}

    // For functions that write.
    static bool writable(const spr_text* text) {
        return text != nullptr && text->size <= text->capacity && (text->data != nullptr || text->capacity == 0);
    }

    std::string_view view() const { return {text_.data, text_.size}; }
    size_t capacity() const { return text_.capacity; }
    size_t room() const { return text_.capacity - text_.size; }
    void clear() { text_.size = 0; }

    // Bytes that a further member takes.
    size_t needed(size_t member_size) const { return member_size + (text_.size != 0); }

    // Makes room for a member after the last one or in front of the first; the caller has seen that there is room.
    char* grow_back(size_t member_size) {
        if (text_.size != 0) text_.data[text_.size++] = ',';
        char* at = text_.data + text_.size;
        text_.size += member_size;
        return at;
    }
    char* grow_front(size_t member_size) {
        if (text_.size != 0) {
            memmove(text_.data + member_size + 1, text_.data, text_.size);
            text_.data[member_size] = ',';
            ++text_.size;
        }
        text_.size += member_size;
        return text_.data;
    }

    // Bytes of a piece, which take_piece() gave, and of one of its commas, if it has any.
    size_t erased_size(std::string_view piece) const { return piece.size() + (piece.size() < text_.size); }

    // Removes it with one of its commas.
    void erase(std::string_view piece) {
        size_t begin = static_cast<size_t>(piece.data() - text_.data);
        size_t end = begin + piece.size();
        if (end < text_.size)
            ++end;
        else if (begin > 0)
            --begin;
        memmove(text_.data + begin, text_.data + end, text_.size - end);
        text_.size -= end - begin;
    }

private:
    spr_text& text_;
};

inline char* put(char* to, std::string_view text) {
    if (!text.empty()) memcpy(to, text.data(), text.size());
    return to + text.size();
}

}  // namespace spanring::trace
