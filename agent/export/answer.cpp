// SPDX-License-Identifier: Apache-2.0
#include "export/answer.hpp"

#include "base/foreign_text.hpp"
#include "otlp/wire.hpp"

namespace spanring::agent {

using namespace wire::tags;
using wire::each_field;
using wire::Field;

Answer accepted(std::span<const uint8_t> response) {
    Answer answer;
    answer.verdict = Verdict::kAccepted;
    each_field(response, [&](const Field& partial_success) {
        if (partial_success.tag() != bytes(1)) return;
        each_field(partial_success.bytes, [&](const Field& field) {
            const auto count = static_cast<int64_t>(field.value);
            if (field.tag() == varint(1)) answer.rejected = count > 0 ? static_cast<uint64_t>(count) : 0;
            if (field.tag() == bytes(2)) answer.message = foreign(field.text());
        });
    });
    return answer;
}

}  // namespace spanring::agent
