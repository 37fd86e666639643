// SPDX-License-Identifier: Apache-2.0
//
// The functions of test_kit.h where the library does not run: there is nothing to read. See library.cpp.
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include <spanring/test_kit.h>

namespace {

bool is_same(const char* have, size_t have_size, const char* wanted, size_t wanted_size) {
    const size_t size = wanted_size == SPR_NUL ? strlen(wanted) : wanted_size;
    return have_size == size && (size == 0 || memcmp(have, wanted, size) == 0);
}

}  // namespace

extern "C" {

int spr_test_begin() noexcept { return -ENOTSUP; }

int spr_test_read(int, const spr_test_spans** ret_spans) noexcept { return ret_spans != nullptr ? -ENOTSUP : -EINVAL; }

void spr_test_free(const spr_test_spans*) noexcept {}

int spr_test_clear() noexcept { return -ENOTSUP; }

void spr_test_end() noexcept {}

const spr_test_span* spr_test_find(const spr_test_spans* spans, const char* name, size_t name_size) noexcept {
    if (spans == nullptr || name == nullptr) return nullptr;
    for (size_t i = 0; i < spans->count; ++i) {
        const spr_test_span& span = spans->spans[i];
        if (is_same(span.name, span.name_size, name, name_size)) return &span;
    }
    return nullptr;
}

const spr_attribute* spr_test_attribute(const spr_attribute* attributes, size_t attribute_count, const char* key,
                                        size_t key_size) noexcept {
    if (attributes == nullptr || key == nullptr) return nullptr;
    for (size_t i = 0; i < attribute_count; ++i) {
        if (is_same(attributes[i].key, attributes[i].key_size, key, key_size)) return &attributes[i];
    }
    return nullptr;
}

}  // extern "C"
