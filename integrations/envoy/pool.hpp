// SPDX-License-Identifier: Apache-2.0
//
// Objects that come and go with requests, without an allocation for each: memory is taken from the system by the slab,
// when there are more of them at a time than there were ever before, and given back when the module is unloaded.
// Envoy's workers take theirs from lists apart from each other; an object goes back to the list that it came from.
//
// T has members `std::atomic<uint32_t> next`, `uint32_t index` and `uint32_t list`, which are the pool's. A new one is
// all zero, one that was given back is as it was.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

#include <atomic>
#include <new>

namespace spanring::envoy {

// Which list the calling thread takes from: threads have other ones as long as there are lists.
inline uint32_t own_list(uint32_t lists) {
    static std::atomic<uint32_t> threads{0};
    thread_local uint32_t own = 0;  // 0: not chosen yet
    // relaxed: a number, whichever.
    if (own == 0) own = threads.fetch_add(1, std::memory_order_relaxed) + 1;
    return own % lists;
}

template <typename T, uint32_t kSlabObjects, uint32_t kMostSlabs>
class Pool {
public:
    // nullptr: no memory, or as many as there may be are in use.
    T* take() {
        const uint32_t list = own_list(kLists);
        T* object = pop(heads_[list].word);
        if (object == nullptr) object = grow(list);
        return object;
    }

    void give_back(T& object) { push(heads_[object.list].word, object, object); }

    // Nothing may be in use any more.
    void unmap() {
        for (std::atomic<T*>& slab : slabs_) {
            // relaxed: nobody else is there.
            T* const objects = slab.exchange(nullptr, std::memory_order_relaxed);
            if (objects != nullptr) munmap(objects, kSlabSize);
        }
    }

    // How many slabs were ever taken: for tests.
    uint32_t slabs() const { return used_.load(std::memory_order_relaxed); }  // relaxed: a number

private:
    static constexpr uint32_t kLists = 16;
    static constexpr size_t kSlabSize = sizeof(T) * kSlabObjects;
    static_assert(uint64_t{kSlabObjects} * kMostSlabs < 0xffffffff);

    // Index + 1 of the first object, 0 where there is none; above it a number that changes with every change, so that a
    // head which came back to the same object is not taken for one that stayed.
    struct alignas(64) Head {
        std::atomic<uint64_t> word{0};
    };

    static uint64_t word_of(uint64_t before, uint32_t first) { return ((before >> 32) + 1) << 32 | first; }

    T& at(uint32_t index) {
        // acquire: an index came from a head, and the slab's store in grow() is before its release there; what is read
        // here is that store. Without it the slab could be seen as missing.
        return slabs_[index / kSlabObjects].load(std::memory_order_acquire)[index % kSlabObjects];
    }

    T* pop(std::atomic<uint64_t>& head) {
        // acquire: sees what push() wrote into the object, its next above all. Pairs with the release there.
        uint64_t word = head.load(std::memory_order_acquire);
        while (static_cast<uint32_t>(word) != 0) {
            T& object = at(static_cast<uint32_t>(word) - 1);
            // relaxed: another thread may have taken it and write here; then the head has changed and this is not used.
            const uint32_t next = object.next.load(std::memory_order_relaxed);
            // acquire: as above, for the word that is read where this fails.
            if (head.compare_exchange_weak(word, word_of(word, next), std::memory_order_acquire)) return &object;
        }
        return nullptr;
    }

    // A chain, whose last object's next is set here.
    void push(std::atomic<uint64_t>& head, T& first, T& last) {
        uint64_t word = head.load(std::memory_order_relaxed);  // relaxed: compared below
        do {
            // relaxed: published below.
            last.next.store(static_cast<uint32_t>(word), std::memory_order_relaxed);
            // release: publishes the objects. Pairs with the acquire in pop(); without it an object is taken whose
            // members are those of before.
        } while (!head.compare_exchange_weak(word, word_of(word, first.index + 1), std::memory_order_release,
                                             std::memory_order_relaxed));
    }

    [[gnu::noinline]] T* grow(uint32_t list) {
        // relaxed: a look; the number that is taken below decides.
        if (used_.load(std::memory_order_relaxed) >= kMostSlabs) return nullptr;
        // Before a number is taken: one without memory would be lost, and with all of them every later span.
        void* const memory = mmap(nullptr, kSlabSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) return nullptr;
        // relaxed: a number that nobody else gets.
        const uint32_t slab = used_.fetch_add(1, std::memory_order_relaxed);
        if (slab >= kMostSlabs) {
            used_.store(kMostSlabs, std::memory_order_relaxed);  // relaxed: it does not wrap
            munmap(memory, kSlabSize);
            return nullptr;
        }
        T* const objects = static_cast<T*>(memory);
        for (uint32_t i = 0; i < kSlabObjects; ++i) {
            T* const object = new (objects + i) T;
            object->index = slab * kSlabObjects + i;
            object->list = list;
            object->next.store(object->index + 2, std::memory_order_relaxed);  // relaxed: published by push()
        }
        // release: publishes the slab. Pairs with the acquire in at().
        slabs_[slab].store(objects, std::memory_order_release);
        if (kSlabObjects > 1) push(heads_[list].word, objects[1], objects[kSlabObjects - 1]);
        return objects;
    }

    Head heads_[kLists];
    std::atomic<uint32_t> used_{0};
    std::atomic<T*> slabs_[kMostSlabs] = {};
};

}  // namespace spanring::envoy
