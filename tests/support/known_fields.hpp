// SPDX-License-Identifier: Apache-2.0
//
// Strict parsing: a protobuf parser that knows no more fields than the library writes, and takes no others.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <google/protobuf/message.h>

namespace spanring::test {

// Whether nothing in the message, at any depth, is a field that the schema does not have.
inline bool all_fields_known(const google::protobuf::Message& message) {
    const google::protobuf::Reflection& reflection = *message.GetReflection();
    if (!reflection.GetUnknownFields(message).empty()) return false;
    std::vector<const google::protobuf::FieldDescriptor*> fields;
    reflection.ListFields(message, &fields);
    for (const google::protobuf::FieldDescriptor* field : fields) {
        if (field->cpp_type() != google::protobuf::FieldDescriptor::CPPTYPE_MESSAGE) continue;
        if (!field->is_repeated()) {
            if (!all_fields_known(reflection.GetMessage(message, field))) return false;
            continue;
        }
        for (int i = 0; i < reflection.FieldSize(message, field); ++i)
            if (!all_fields_known(reflection.GetRepeatedMessage(message, field, i))) return false;
    }
    return true;
}

template <class Message>
bool parse_strictly(const uint8_t* bytes, size_t size, Message& ret) {
    return ret.ParseFromArray(bytes, static_cast<int>(size)) && all_fields_known(ret);
}

}  // namespace spanring::test
