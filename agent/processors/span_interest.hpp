// SPDX-License-Identifier: Apache-2.0
//
// What a chain of processors looks at in a span.
#pragma once

#include "otlp/key_interest.hpp"

namespace spanring::agent {

struct SpanInterest {
    KeyInterest attributes;
    bool events = false;  // attributes of events and of links
};

}  // namespace spanring::agent
