// SPDX-License-Identifier: Apache-2.0
//
// Exception: what Span::record_exception() takes, by the semantic conventions (exceptions/exceptions-spans.md). It
// borrows its texts and lists until that returns. TypeName: the name of an exception's type.
#ifndef SPANRING_EXCEPTION_HPP
#define SPANRING_EXCEPTION_HPP

#include <spanring/attribute.hpp>
#include <spanring/spanring.h>
#include <spanring/time_point.hpp>

#include <exception>
#include <string_view>

#if defined(__GXX_RTTI) || defined(__cpp_rtti)
#define SPANRING_RTTI 1
#include <cstdlib>
#include <cxxabi.h>
#include <typeinfo>
#else
#define SPANRING_RTTI 0
#endif

namespace spanring {

// An empty type, message or stack trace is not said; type or message must be.
struct Exception {
    std::string_view type{};
    std::string_view message{};
    std::string_view stacktrace{};
    AttributeList attributes{};  // more of them; one with a key of the above wins
    TimePoint time{};
};

namespace detail {

// "std::runtime_error", of what the object is and not of what it was caught as. Allocates while it lives. Without RTTI,
// and where there is no memory for the name, it is empty.
class TypeName {
public:
#if SPANRING_RTTI
    explicit TypeName(const std::exception& exception) noexcept {
        int status = 0;
        name_ = abi::__cxa_demangle(typeid(exception).name(), nullptr, nullptr, &status);
    }
    ~TypeName() { std::free(name_); }
#else
    explicit TypeName(const std::exception&) noexcept {}
#endif
    TypeName(const TypeName&) = delete;
    TypeName& operator=(const TypeName&) = delete;

    std::string_view view() const noexcept { return name_ != nullptr ? std::string_view{name_} : std::string_view{}; }

private:
    char* name_ = nullptr;
};

}  // namespace detail
}  // namespace spanring

#endif
