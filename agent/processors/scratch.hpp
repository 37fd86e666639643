// SPDX-License-Identifier: Apache-2.0
//
// Memory for what processors write while they work on one span: pieces that stay where they are until all of it is
// forgotten. It is kept for the next span, but for what a single large one needed.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace spanring::agent {

class Scratch {
public:
    uint8_t* allocate(size_t size) {
        if (size > room_) grow(size);
        room_ -= size;
        return std::exchange(free_, free_ + size);
    }

    std::string_view copy(std::string_view text) {
        char* const place = reinterpret_cast<char*>(allocate(text.size()));
        if (!text.empty()) std::memcpy(place, text.data(), text.size());
        return {place, text.size()};
    }

    void forget() {
        if (pieces_.empty()) return;
        if (pieces_.size() > 1) pieces_.erase(pieces_.begin() + 1, pieces_.end());
        free_ = pieces_.front().get();
        room_ = kPiece;
    }

private:
    static constexpr size_t kPiece = 16 << 10;

    // The first piece has always the one size, so that it can be used again without a look at it.
    void grow(size_t size) {
        if (pieces_.empty()) {
            pieces_.push_back(std::make_unique_for_overwrite<uint8_t[]>(kPiece));
            free_ = pieces_.front().get();
            room_ = kPiece;
            if (size <= room_) return;
        }
        room_ = std::max(size, kPiece);
        pieces_.push_back(std::make_unique_for_overwrite<uint8_t[]>(room_));
        free_ = pieces_.back().get();
    }

    std::vector<std::unique_ptr<uint8_t[]>> pieces_;
    uint8_t* free_ = nullptr;
    size_t room_ = 0;
};

}  // namespace spanring::agent
