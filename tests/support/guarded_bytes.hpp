// SPDX-License-Identifier: Apache-2.0
//
// Memory between two pages that nobody may touch: what reads or writes beyond either end of it dies at once.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string_view>

namespace spanring::test {

class GuardedBytes {
public:
    explicit GuardedBytes(size_t most) {
        const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
        size_ = (most + page - 1) / page * page;
        mapped_ = size_ + 2 * page;
        void* const memory = ::mmap(nullptr, mapped_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) std::abort();
        begin_ = static_cast<uint8_t*>(memory) + page;
        if (::mprotect(begin_, size_, PROT_READ | PROT_WRITE) != 0) std::abort();
        page_ = page;
    }
    ~GuardedBytes() { ::munmap(begin_ - page_, mapped_); }
    GuardedBytes(const GuardedBytes&) = delete;
    GuardedBytes& operator=(const GuardedBytes&) = delete;

    std::span<uint8_t> all() { return {begin_, size_}; }

    // A copy that begins, or ends, where nothing more is mapped. Until the next copy.
    std::span<uint8_t> at_begin(std::string_view bytes) { return copy(begin_, bytes); }
    std::span<uint8_t> at_end(std::string_view bytes) { return copy(begin_ + size_ - bytes.size(), bytes); }

private:
    std::span<uint8_t> copy(uint8_t* to, std::string_view bytes) {
        if (bytes.size() > size_) std::abort();
        if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
        return {to, bytes.size()};
    }

    uint8_t* begin_ = nullptr;
    size_t size_ = 0, mapped_ = 0, page_ = 0;
};

}  // namespace spanring::test
