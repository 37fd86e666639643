// SPDX-License-Identifier: Apache-2.0
//
// OTLP bytes as the structs of the test kit, in memory of the arena. Each: false where the bytes are no such message;
// then what was decoded of it is of no use.
#pragma once

#include "spanring/test_kit.h"
#include "test_kit/arena.hpp"
#include "test_kit/field_walk.hpp"

namespace spanring::test_kit {

class SpanDecoder {
public:
    explicit SpanDecoder(Arena& arena) : arena_(arena) {}

    bool span(Bytes message, spr_test_span& ret);
    // What a slot holds. Of a key that is there twice the later one counts: a process that was killed as it set one
    // again leaves both.
    bool open_span(Bytes fields, spr_test_span& ret);
    bool scope(Bytes message, spr_test_scope& ret);
    bool resource(Bytes message, spr_test_resource& ret);

private:
    bool attributes(Bytes message, uint32_t number, const spr_attribute*& ret, size_t& ret_count);
    bool attribute(Bytes message, uint32_t depth, spr_attribute& ret);
    bool value(Bytes message, uint32_t depth, uint32_t& ret_type, spr_any& ret);
    bool array(Bytes message, uint32_t depth, spr_any& ret);
    bool key_values(Bytes message, uint32_t depth, spr_any& ret);
    bool event(Bytes message, spr_event& ret);
    bool link(Bytes message, spr_link& ret);
    bool status(Bytes message, spr_test_span& ret);

    void text(Bytes bytes, const char*& ret, size_t& ret_size) {
        ret = arena_.text(bytes.at, bytes.size);
        ret_size = bytes.size;
    }

    Arena& arena_;
};

}  // namespace spanring::test_kit
