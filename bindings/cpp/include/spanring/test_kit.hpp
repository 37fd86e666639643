// SPDX-License-Identifier: Apache-2.0
//
// TestKit: what this process has recorded, read back without an agent, for tests of instrumentation. Link
// libspanring-test-kit. RecordedSpans are those of one reading; what RecordedSpan and RecordedValue name is theirs.
//
//     spanring::TestKit kit;                               // before the first span
//     ...
//     const auto spans = kit.spans();
//     const auto checkout = spans.find("checkout");
//     EXPECT_TRUE(checkout && checkout->attribute("items") == 3);
#ifndef SPANRING_TEST_KIT_HPP
#define SPANRING_TEST_KIT_HPP

#include <spanring/attribute.hpp>
#include <spanring/spanring.h>
#include <spanring/test_kit.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>

namespace spanring {

// An attribute's value, or none.
class RecordedValue {
public:
    explicit RecordedValue(const spr_attribute* attribute) noexcept : raw_{attribute} {}

    explicit operator bool() const noexcept { return raw_ != nullptr; }
    const spr_attribute* raw() const noexcept { return raw_; }

    // Empty, or 0, where it is none or of another type.
    std::string_view text() const noexcept {
        return is(SPR_TYPE_STRING) ? std::string_view{raw_->value.string.data, raw_->value.string.size}
                                   : std::string_view{};
    }
    std::int64_t integer() const noexcept { return is(SPR_TYPE_INT64) ? raw_->value.int64 : 0; }
    double number() const noexcept { return is(SPR_TYPE_DOUBLE) ? raw_->value.float64 : 0; }
    bool truth() const noexcept { return is(SPR_TYPE_BOOL) && raw_->value.boolean != 0; }

    // Of the same type, also inside of lists.
    friend bool operator==(const RecordedValue& recorded, const Value& expected) noexcept {
        return recorded.raw_ != nullptr &&
               same(recorded.raw_->type, recorded.raw_->value, expected.raw().type, expected.raw().value);
    }
    friend bool operator!=(const RecordedValue& recorded, const Value& expected) noexcept {
        return !(recorded == expected);
    }

private:
    bool is(std::uint32_t type) const noexcept { return raw_ != nullptr && raw_->type == type; }

    static bool same_text(const void* a, std::size_t a_size, const void* b, std::size_t b_size) noexcept {
        return a_size == b_size && (a_size == 0 || std::memcmp(a, b, a_size) == 0);
    }

    static bool same(std::uint32_t a_type, const spr_any& a, std::uint32_t b_type, const spr_any& b) noexcept {
        if (b_type == SPR_TYPE_UINT64 && b.int64 >= 0) b_type = SPR_TYPE_INT64;
        if (a_type != b_type) return false;
        switch (a_type) {
            case SPR_TYPE_STRING: return same_text(a.string.data, a.string.size, b.string.data, b.string.size);
            case SPR_TYPE_BYTES: return same_text(a.bytes.data, a.bytes.size, b.bytes.data, b.bytes.size);
            case SPR_TYPE_BOOL: return (a.boolean != 0) == (b.boolean != 0);
            case SPR_TYPE_INT64: return a.int64 == b.int64;
            case SPR_TYPE_DOUBLE: return std::memcmp(&a.float64, &b.float64, sizeof a.float64) == 0;
            case SPR_TYPE_ARRAY: return same_array(a, b);
            case SPR_TYPE_KEY_VALUES: return same_pairs(a, b);
            default: return true;  // both are empty
        }
    }

    static bool same_array(const spr_any& a, const spr_any& b) noexcept {
        bool equal = a.array.count == b.array.count;
        for (std::size_t i = 0; equal && i < a.array.count; ++i) {
            const spr_value &left = a.array.values[i], &right = b.array.values[i];
            equal = same(left.type, left.value, right.type, right.value);
        }
        return equal;
    }

    static bool same_pairs(const spr_any& a, const spr_any& b) noexcept {
        bool equal = a.key_values.count == b.key_values.count;
        for (std::size_t i = 0; equal && i < a.key_values.count; ++i) {
            const spr_attribute &left = a.key_values.pairs[i], &right = b.key_values.pairs[i];
            equal = same_text(left.key, left.key_size, right.key, right.key_size) &&
                    same(left.type, left.value, right.type, right.value);
        }
        return equal;
    }

    const spr_attribute* raw_;
};

// A span, as it was when it was read. Times, ids, events, links, scope and resource: raw().
class RecordedSpan {
public:
    explicit RecordedSpan(const spr_test_span& span) noexcept : raw_{&span} {}

    const spr_test_span& raw() const noexcept { return *raw_; }
    std::string_view name() const noexcept { return {raw_->name, raw_->name_size}; }
    bool is_open() const noexcept { return raw_->is_open != 0; }
    int kind() const noexcept { return raw_->kind; }      // SPR_KIND_*
    int status() const noexcept { return raw_->status; }  // SPR_STATUS_*
    std::string_view status_message() const noexcept { return {raw_->status_message, raw_->status_message_size}; }
    std::string_view scope() const noexcept { return {raw_->scope->name, raw_->scope->name_size}; }

    RecordedValue attribute(std::string_view key) const noexcept {
        return RecordedValue{spr_test_attribute(raw_->attributes, raw_->attribute_count, key.data(), key.size())};
    }
    // nullptr: there is none of that name.
    const spr_event* event(std::string_view name) const noexcept {
        for (std::size_t i = 0; i < raw_->event_count; ++i) {
            if (std::string_view{raw_->events[i].name, raw_->events[i].name_size} == name) return &raw_->events[i];
        }
        return nullptr;
    }
    bool is_root() const noexcept {
        static constexpr std::uint8_t kNone[sizeof raw_->parent_span_id] = {};
        return std::memcmp(raw_->parent_span_id, kNone, sizeof kNone) == 0;
    }
    bool is_child_of(const RecordedSpan& parent) const noexcept {
        return std::memcmp(raw_->parent_span_id, parent.raw_->context.span_id, sizeof raw_->parent_span_id) == 0 &&
               std::memcmp(raw_->context.trace_id, parent.raw_->context.trace_id, sizeof raw_->context.trace_id) == 0;
    }

private:
    const spr_test_span* raw_;
};

// Those that ended, in the order of their ends, then those that are open.
class RecordedSpans {
public:
    class Iterator {
    public:
        explicit Iterator(const spr_test_span* at) noexcept : at_{at} {}
        RecordedSpan operator*() const noexcept { return RecordedSpan{*at_}; }
        Iterator& operator++() noexcept {
            ++at_;
            return *this;
        }
        bool operator!=(const Iterator& other) const noexcept { return at_ != other.at_; }

    private:
        const spr_test_span* at_;
    };

    RecordedSpans() noexcept = default;
    explicit RecordedSpans(const spr_test_spans* spans) noexcept : raw_{spans} {}

    std::size_t size() const noexcept { return raw_ ? raw_->count : 0; }
    bool empty() const noexcept { return size() == 0; }
    RecordedSpan operator[](std::size_t index) const noexcept { return RecordedSpan{raw_->spans[index]}; }
    Iterator begin() const noexcept { return Iterator{raw_ ? raw_->spans : nullptr}; }
    Iterator end() const noexcept { return Iterator{raw_ ? raw_->spans + raw_->count : nullptr}; }

    // The first one of that name.
    std::optional<RecordedSpan> find(std::string_view name) const noexcept {
        const spr_test_span* const found = spr_test_find(raw_.get(), name.data(), name.size());
        return found != nullptr ? std::optional<RecordedSpan>{RecordedSpan{*found}} : std::nullopt;
    }
    // How many ended, or were not started, without room for them.
    std::uint64_t lost() const noexcept { return raw_ ? raw_->lost : 0; }

private:
    struct Free {
        void operator()(const spr_test_spans* spans) const noexcept { spr_test_free(spans); }
    };
    std::unique_ptr<const spr_test_spans, Free> raw_;
};

// One object or several: what they see is the process's.
class TestKit {
public:
    TestKit() noexcept : error_{spr_test_begin()} {}

    // 0, or the negative errno of what failed last; then there are no spans.
    int error() const noexcept { return error_; }

    RecordedSpans spans() noexcept { return read(SPR_TEST_OF_PROCESS); }
    // With those of children, also of children that have ended.
    RecordedSpans all_spans() noexcept { return read(SPR_TEST_OF_ALL); }

    // Forgets those that have ended.
    void clear() noexcept { error_ = spr_test_clear(); }

private:
    RecordedSpans read(int whose) noexcept {
        const spr_test_spans* spans = nullptr;
        error_ = spr_test_read(whose, &spans);
        return RecordedSpans{spans};
    }

    int error_;
};

}  // namespace spanring

#endif
