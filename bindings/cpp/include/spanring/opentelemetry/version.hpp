// SPDX-License-Identifier: Apache-2.0
//
// SPANRING_OTEL_VERSION: the namespace inside spanring::otel that all of it is in. The API's types are others under
// each version of its ABI, and so are these: a process may have libraries of both in it.
#ifndef SPANRING_OPENTELEMETRY_VERSION_HPP
#define SPANRING_OPENTELEMETRY_VERSION_HPP

#include <opentelemetry/detail/preprocessor.h>
#include <opentelemetry/version.h>

#define SPANRING_OTEL_VERSION OPENTELEMETRY_CONCAT(v, OPENTELEMETRY_ABI_VERSION_NO)

#endif
