// SPDX-License-Identifier: Apache-2.0
//
// Baggage: the API's is decoded, with what is after a ';' at the end of the value; the library's is as the header has
// it.
#ifndef SPANRING_OPENTELEMETRY_BAGGAGE_HPP
#define SPANRING_OPENTELEMETRY_BAGGAGE_HPP

#include <spanring/opentelemetry/version.hpp>
#include <spanring/spanring.h>

#include <opentelemetry/baggage/baggage.h>
#include <opentelemetry/baggage/baggage_context.h>
#include <opentelemetry/context/context.h>
#include <opentelemetry/nostd/shared_ptr.h>
#include <opentelemetry/nostd/string_view.h>
#include <opentelemetry/nostd/variant.h>

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace spanring::otel {
inline namespace SPANRING_OTEL_VERSION {

namespace nostd = ::opentelemetry::nostd;

using Baggage = nostd::shared_ptr<::opentelemetry::baggage::Baggage>;

// Null where a context has none. (The API's own function makes an empty one.)
inline Baggage baggage_in(const ::opentelemetry::context::Context& context) noexcept {
    const auto value = context.GetValue(::opentelemetry::baggage::kBaggageHeader);
    const Baggage* const baggage = nostd::get_if<Baggage>(&value);
    return baggage != nullptr ? *baggage : Baggage{};
}

// The value of the header, in memory of its own. What is not valid in one is left out. W3C has no '+' for a space,
// which the API's own header has.
class BaggageHeader {
public:
    explicit BaggageHeader(const Baggage& baggage) {
        if (baggage == nullptr) return;
        baggage->GetAllEntries([this](nostd::string_view key, nostd::string_view value) {
            add(key, value);
            return true;
        });
    }
    BaggageHeader(const BaggageHeader&) = delete;
    BaggageHeader& operator=(const BaggageHeader&) = delete;

    // Read only, and here as long as this.
    spr_text text() noexcept { return {text_.size == 0 ? nullptr : text_.data, text_.size, 0}; }

private:
    void add(nostd::string_view key, nostd::string_view value) {
        if (memory_.empty()) {
            memory_.resize(SPR_BAGGAGE_SIZE);
            text_ = {&memory_[0], 0, memory_.size()};
        }
        std::size_t end = 0;
        while (end != value.size() && value[end] != ';') ++end;
        const std::size_t properties = end == value.size() ? end : end + 1;
        spr_baggage_set(&text_, key.data(), key.size(), value.data(), end, value.data() + properties,
                        value.size() - properties);
    }

    std::string memory_;
    spr_text text_{};
};

inline Baggage baggage_of(const spr_text& header) {
    std::vector<std::pair<std::string, std::string>> pairs;
    std::size_t cursor = 0;
    spr_member member;
    while (spr_baggage_next(header.data, header.size, &cursor, &member) == 1) {
        std::string value(member.value_size, '\0');
        spr_text decoded{&value[0], 0, value.size()};
        if (spr_baggage_decode(member.value, member.value_size, &decoded) < 0) continue;
        value.resize(decoded.size);
        if (member.properties_size != 0) value.append(1, ';').append(member.properties, member.properties_size);
        pairs.emplace_back(std::string(member.key, member.key_size), std::move(value));
    }
    return Baggage{new ::opentelemetry::baggage::Baggage{pairs}};
}

}  // namespace SPANRING_OTEL_VERSION
}  // namespace spanring::otel

#endif
