// SPDX-License-Identifier: Apache-2.0
//
// List: a view of attributes, values, events or links: of a braced list (alive until the end of the full expression),
// an array, or a vector. Each element is one struct of C and nothing else, so a list is handed over as it is.
#ifndef SPANRING_LIST_HPP
#define SPANRING_LIST_HPP

#include <cstddef>
#include <initializer_list>
#include <type_traits>
#include <utility>

namespace spanring {

template <typename Element>
class List {
public:
    List() noexcept = default;
    List(const Element* data, std::size_t size) noexcept : data_{data}, size_{size} {}
    List(std::initializer_list<Element> list) noexcept : data_{list.begin()}, size_{list.size()} {}

    template <typename Container, typename = std::enable_if_t<std::is_convertible_v<
                                      decltype(std::declval<const Container&>().data()), const Element*>>>
    List(const Container& container) noexcept : data_{container.data()}, size_{container.size()} {}

    // An Element holds one struct of C and nothing else, so the first one's address is the array's.
    auto raw() const noexcept { return size_ == 0 ? nullptr : &data_->raw(); }
    std::size_t size() const noexcept { return size_; }

private:
    const Element* data_ = nullptr;
    std::size_t size_ = 0;
};

// What an element of a List promises.
template <typename Element, typename Raw>
inline constexpr bool is_list_element = (sizeof(Element) == sizeof(Raw) && alignof(Element) == alignof(Raw) &&
                                         std::is_standard_layout_v<Element> && std::is_trivially_copyable_v<Element>);

}  // namespace spanring

#endif
