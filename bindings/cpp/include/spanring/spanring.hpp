// SPDX-License-Identifier: Apache-2.0
//
// spanring for C++17 and later: a header-only wrapper of <spanring/spanring.h>, which has the rules for threads, fork()
// and signal handlers. Nothing here throws or allocates, but for the string that Propagated::get_baggage() is given and
// the name of a std::exception's type; link with -lspanring.
//
//     auto provider = spanring::Provider::open({"shop"});
//     auto tracer = provider.tracer("shop.checkout", "1.0");
//     auto span = tracer.start("checkout");          // ends when it goes out of scope
//     spanring::Scope scope{span.context()};         // spans that start below are its children
//     span.set_attribute("items", 3);
#ifndef SPANRING_SPANRING_HPP
#define SPANRING_SPANRING_HPP

#if __cplusplus < 201703L
#error "spanring.hpp needs C++17"
#endif

#include <spanring/attribute.hpp>
#include <spanring/context.hpp>
#include <spanring/event.hpp>
#include <spanring/exception.hpp>
#include <spanring/link.hpp>
#include <spanring/list.hpp>
#include <spanring/propagation.hpp>
#include <spanring/provider.hpp>
#include <spanring/scoped_span.hpp>
#include <spanring/span.hpp>
#include <spanring/time_point.hpp>
#include <spanring/tracer.hpp>
#include <spanring/whole_span.hpp>

#endif
