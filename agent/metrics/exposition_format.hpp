// SPDX-License-Identifier: Apache-2.0
//
// The two ways in which a page of metrics can be written, and which one a client asks for.
#pragma once

#include <cstdint>
#include <string_view>

namespace spanring::agent {

enum class ExpositionFormat : uint8_t {
    kText,         // Prometheus' own, 0.0.4
    kOpenMetrics,  // 1.0.0: the same, and exemplars
};

// By the Accept header of a request; without one, or where it names neither, kText.
ExpositionFormat accepted_format(std::string_view accept);

const char* content_type(ExpositionFormat format);

}  // namespace spanring::agent
