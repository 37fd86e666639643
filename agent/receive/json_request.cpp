// SPDX-License-Identifier: Apache-2.0
#include "receive/json_request.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "otlp/span_defect.hpp"
#include "otlp/wire_append.hpp"

namespace spanring::agent {
namespace {

enum class Kind : uint8_t { kText, kHex, kBase64, kUnsigned, kSigned, kFixed64, kFixed32, kBool, kDouble, kMessage };

enum class Name : uint8_t {
    kRequest,
    kResourceSpans,
    kResource,
    kScopeSpans,
    kScope,
    kSpan,
    kEvent,
    kLink,
    kStatus,
    kKeyValue,
    kAnyValue,
    kArrayValue,
    kKeyValueList,
    kNone,
};

struct Row {
    Name message;
    const char* key;
    uint32_t field;
    Kind kind;
    Name child = Name::kNone;
    bool repeated = false;
};

// clang-format off
constexpr std::array kRows = {
    Row{Name::kRequest, "resourceSpans", 1, Kind::kMessage, Name::kResourceSpans, true},

    Row{Name::kResourceSpans, "resource", 1, Kind::kMessage, Name::kResource},
    Row{Name::kResourceSpans, "scopeSpans", 2, Kind::kMessage, Name::kScopeSpans, true},
    Row{Name::kResourceSpans, "schemaUrl", 3, Kind::kText},

    Row{Name::kResource, "attributes", 1, Kind::kMessage, Name::kKeyValue, true},
    Row{Name::kResource, "droppedAttributesCount", 2, Kind::kUnsigned},

    Row{Name::kScopeSpans, "scope", 1, Kind::kMessage, Name::kScope},
    Row{Name::kScopeSpans, "spans", 2, Kind::kMessage, Name::kSpan, true},
    Row{Name::kScopeSpans, "schemaUrl", 3, Kind::kText},

    Row{Name::kScope, "name", 1, Kind::kText},
    Row{Name::kScope, "version", 2, Kind::kText},
    Row{Name::kScope, "attributes", 3, Kind::kMessage, Name::kKeyValue, true},
    Row{Name::kScope, "droppedAttributesCount", 4, Kind::kUnsigned},

    Row{Name::kSpan, "traceId", 1, Kind::kHex},
    Row{Name::kSpan, "spanId", 2, Kind::kHex},
    Row{Name::kSpan, "traceState", 3, Kind::kText},
    Row{Name::kSpan, "parentSpanId", 4, Kind::kHex},
    Row{Name::kSpan, "name", 5, Kind::kText},
    Row{Name::kSpan, "kind", 6, Kind::kUnsigned},
    Row{Name::kSpan, "startTimeUnixNano", 7, Kind::kFixed64},
    Row{Name::kSpan, "endTimeUnixNano", 8, Kind::kFixed64},
    Row{Name::kSpan, "attributes", 9, Kind::kMessage, Name::kKeyValue, true},
    Row{Name::kSpan, "droppedAttributesCount", 10, Kind::kUnsigned},
    Row{Name::kSpan, "events", 11, Kind::kMessage, Name::kEvent, true},
    Row{Name::kSpan, "droppedEventsCount", 12, Kind::kUnsigned},
    Row{Name::kSpan, "links", 13, Kind::kMessage, Name::kLink, true},
    Row{Name::kSpan, "droppedLinksCount", 14, Kind::kUnsigned},
    Row{Name::kSpan, "status", 15, Kind::kMessage, Name::kStatus},
    Row{Name::kSpan, "flags", 16, Kind::kFixed32},

    Row{Name::kEvent, "timeUnixNano", 1, Kind::kFixed64},
    Row{Name::kEvent, "name", 2, Kind::kText},
    Row{Name::kEvent, "attributes", 3, Kind::kMessage, Name::kKeyValue, true},
    Row{Name::kEvent, "droppedAttributesCount", 4, Kind::kUnsigned},

    Row{Name::kLink, "traceId", 1, Kind::kHex},
    Row{Name::kLink, "spanId", 2, Kind::kHex},
    Row{Name::kLink, "traceState", 3, Kind::kText},
    Row{Name::kLink, "attributes", 4, Kind::kMessage, Name::kKeyValue, true},
    Row{Name::kLink, "droppedAttributesCount", 5, Kind::kUnsigned},
    Row{Name::kLink, "flags", 6, Kind::kFixed32},

    Row{Name::kStatus, "message", 2, Kind::kText},
    Row{Name::kStatus, "code", 3, Kind::kUnsigned},

    Row{Name::kKeyValue, "key", 1, Kind::kText},
    Row{Name::kKeyValue, "value", 2, Kind::kMessage, Name::kAnyValue},

    Row{Name::kAnyValue, "stringValue", 1, Kind::kText},
    Row{Name::kAnyValue, "boolValue", 2, Kind::kBool},
    Row{Name::kAnyValue, "intValue", 3, Kind::kSigned},
    Row{Name::kAnyValue, "doubleValue", 4, Kind::kDouble},
    Row{Name::kAnyValue, "arrayValue", 5, Kind::kMessage, Name::kArrayValue},
    Row{Name::kAnyValue, "kvlistValue", 6, Kind::kMessage, Name::kKeyValueList},
    Row{Name::kAnyValue, "bytesValue", 7, Kind::kBase64},

    Row{Name::kArrayValue, "values", 1, Kind::kMessage, Name::kAnyValue, true},
    Row{Name::kKeyValueList, "values", 1, Kind::kMessage, Name::kKeyValue, true},
};
// clang-format on

const Row* find(Name message, std::string_view key) {
    const auto* const row = std::find_if(kRows.begin(), kRows.end(),
                                         [&](const Row& each) { return each.message == message && each.key == key; });
    return row != kRows.end() ? row : nullptr;
}

std::optional<std::string> from_hex(std::string_view text) {
    const auto digit = [](char c) {
        if (c >= '0' && c <= '9') return c - '0';
        if (c >= 'a' && c <= 'f') return c - 'a' + 10;
        if (c >= 'A' && c <= 'F') return c - 'A' + 10;
        return -1;
    };
    if (text.size() % 2 != 0) return std::nullopt;
    std::string bytes;
    for (size_t i = 0; i < text.size(); i += 2) {
        const int high = digit(text[i]), low = digit(text[i + 1]);
        if (high < 0 || low < 0) return std::nullopt;
        bytes += static_cast<char>(high << 4 | low);
    }
    return bytes;
}

// Also the alphabet for URLs, and without what fills it up, as protobuf's mapping has it.
std::optional<std::string> from_base64(std::string_view text) {
    while (text.ends_with('=')) text.remove_suffix(1);
    std::string bytes;
    uint32_t bits = 0, count = 0;
    for (const char c : text) {
        int value = -1;
        if (c >= 'A' && c <= 'Z') value = c - 'A';
        if (c >= 'a' && c <= 'z') value = c - 'a' + 26;
        if (c >= '0' && c <= '9') value = c - '0' + 52;
        if (c == '+' || c == '-') value = 62;
        if (c == '/' || c == '_') value = 63;
        if (value < 0) return std::nullopt;
        bits = bits << 6 | static_cast<uint32_t>(value);
        count += 6;
        if (count < 8) continue;
        count -= 8;
        bytes += static_cast<char>(bits >> count & 0xff);
    }
    return bytes;
}

// A number, however it was written.
struct Number {
    bool negative = false;
    uint64_t magnitude = 0;
    double real = 0;
    bool whole = true;
};

template <class Value>
bool parse(std::string_view text, Value& value) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

Number of_double(double value) {
    constexpr double kEnd = 18446744073709551616.0;
    Number number{std::signbit(value), 0, value,
                  std::isfinite(value) && std::trunc(value) == value && std::abs(value) < kEnd};
    if (number.whole) number.magnitude = static_cast<uint64_t>(std::abs(value));
    return number;
}

std::optional<Number> of_text(std::string_view text) {
    Number number;
    const bool negative = text.starts_with('-');
    if (parse(negative ? text.substr(1) : text, number.magnitude)) {
        number.negative = negative;
        number.real = static_cast<double>(number.magnitude) * (negative ? -1 : 1);
        return number;
    }
    if (text == "NaN") return of_double(std::numeric_limits<double>::quiet_NaN());
    if (text == "Infinity") return of_double(std::numeric_limits<double>::infinity());
    if (text == "-Infinity") return of_double(-std::numeric_limits<double>::infinity());
    double value = 0;
    if (!parse(text, value)) return std::nullopt;
    return of_double(value);
}

// What nlohmann's parser tells, turned into protobuf.
class Writer {
public:
    using number_integer_t = nlohmann::json::number_integer_t;
    using number_unsigned_t = nlohmann::json::number_unsigned_t;
    using number_float_t = nlohmann::json::number_float_t;
    using string_t = nlohmann::json::string_t;
    using binary_t = nlohmann::json::binary_t;

    bool null() { return value(); }
    bool boolean(bool value) {
        if (skips()) return true;
        if (!expects(Kind::kBool)) return fail("a boolean");
        wire::append_number(out(), row()->field, value ? 1 : 0);
        return this->value();
    }
    bool number_integer(number_integer_t value) {
        const bool negative = value < 0;
        const uint64_t magnitude = negative ? -static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
        return number({negative, magnitude, static_cast<double>(value), true});
    }
    bool number_unsigned(number_unsigned_t value) { return number({false, value, static_cast<double>(value), true}); }
    bool number_float(number_float_t value, const string_t&) { return number(of_double(value)); }

    bool string(string_t& text) {
        if (skips()) return true;
        if (row() == nullptr) return fail("a string");
        std::optional<std::string> bytes;
        switch (row()->kind) {
            case Kind::kText: bytes = std::move(text); break;
            case Kind::kHex: bytes = from_hex(text); break;
            case Kind::kBase64: bytes = from_base64(text); break;
            case Kind::kMessage:
            case Kind::kBool: return fail("a string");
            default: {
                const std::optional<Number> parsed = of_text(text);
                return parsed ? number(*parsed) : fail("no number");
            }
        }
        if (!bytes) return fail("not what was to be encoded in it");
        wire::append_bytes(out(), row()->field, *bytes);
        return value();
    }
    bool binary(binary_t&) { return false; }  // never in JSON

    bool start_object(size_t) {
        if (skips()) return ++skipped_, true;
        if (frames_.empty()) {
            if (begun_) return fail("an object");
            begun_ = true;
            frames_.push_back({Name::kRequest, {}, nullptr, false});
            return true;
        }
        if (!expects(Kind::kMessage)) return fail("an object");
        if (row()->repeated && !frames_.back().in_array) return fail("an object, and not an array");
        // The request's own depth is what protobuf's parsers count.
        if (frames_.size() >= kMostMessages) return fail("nested too deep");
        frames_.push_back({row()->child, {}, nullptr, false});
        return true;
    }
    bool key(string_t& name) {
        if (skipped_ == 0) {
            frames_.back().row = find(frames_.back().message, name);
            frames_.back().skip_next = frames_.back().row == nullptr;
        }
        return true;
    }
    bool end_object() {
        if (skipped_ != 0) return ended_skipped();
        if (frames_.size() == 1) {
            request_ = std::move(frames_.back().out);
            frames_.pop_back();
            return true;
        }
        const std::string inside = std::move(frames_.back().out);
        frames_.pop_back();
        wire::append_bytes(out(), row()->field, inside);
        return value();
    }
    bool start_array(size_t) {
        if (skips()) return ++skipped_, true;
        if (frames_.empty() || row() == nullptr || !row()->repeated || frames_.back().in_array) return fail("an array");
        frames_.back().in_array = true;
        return true;
    }
    bool end_array() {
        if (skipped_ != 0) return ended_skipped();
        frames_.back().in_array = false;
        return value();
    }
    bool parse_error(size_t position, const std::string&, const nlohmann::json::exception&) {
        if (fault_.empty()) fault_ = "not JSON, at byte " + std::to_string(position);
        return false;
    }

    bool begun() const { return begun_; }
    const std::string& fault() const { return fault_; }
    const std::string& request() const { return request_; }

private:
    struct Frame {
        Name message;
        std::string out;
        const Row* row;  // of the key that was read last
        bool in_array;
        bool skip_next = false;  // what comes is of a key that is not known
    };

    std::string& out() { return frames_.back().out; }
    const Row* row() const { return frames_.empty() ? nullptr : frames_.back().row; }
    bool expects(Kind kind) const { return row() != nullptr && row()->kind == kind; }

    // Whether the value that begins is of no interest.
    bool skips() {
        if (skipped_ != 0) return true;
        if (frames_.empty() || !frames_.back().skip_next) return false;
        frames_.back().skip_next = false;
        return true;
    }
    bool ended_skipped() {
        --skipped_;
        return true;
    }
    // A value is whole. Of those in an array the row stays.
    bool value() {
        if (skipped_ == 0 && !frames_.empty()) frames_.back().skip_next = false;
        return true;
    }
    bool fail(const char* what) {
        const char* const key = row() != nullptr ? row()->key : "";
        if (fault_.empty()) fault_ = std::string("not an ExportTraceServiceRequest: ") + key + " is " + what;
        return false;
    }

    bool number(const Number& number) {
        if (skips()) return true;
        if (row() == nullptr) return fail("a number");
        const uint32_t field = row()->field;
        const uint64_t word = number.negative ? -number.magnitude : number.magnitude;
        switch (row()->kind) {
            case Kind::kDouble: {
                const auto bits = std::bit_cast<uint64_t>(number.real);
                wire::append_varint(out(), wire::tags::fixed64(field));
                out().append(reinterpret_cast<const char*>(&bits), sizeof bits);
                return value();
            }
            case Kind::kSigned:
                if (!number.whole || number.magnitude > uint64_t{1} << 63 ||
                    (!number.negative && number.magnitude == uint64_t{1} << 63)) {
                    return fail("not a 64-bit integer");
                }
                wire::append_number(out(), field, word);
                return value();
            case Kind::kUnsigned:
            case Kind::kFixed32:
            case Kind::kFixed64: break;
            default: return fail("a number");
        }
        const bool narrow = row()->kind != Kind::kFixed64;
        if (!number.whole || (number.negative && number.magnitude != 0) || (narrow && number.magnitude > UINT32_MAX))
            return fail("out of its range");
        if (row()->kind == Kind::kUnsigned) {
            wire::append_number(out(), field, word);
        } else {
            wire::append_varint(out(), narrow ? wire::tags::fixed32(field) : wire::tags::fixed64(field));
            out().append(reinterpret_cast<const char*>(&word), narrow ? 4 : 8);
        }
        return value();
    }

    std::vector<Frame> frames_;
    size_t skipped_ = 0;  // objects and arrays that are open and of no interest
    bool begun_ = false;
    std::string request_;
    std::string fault_;
};

}  // namespace

std::string request_of_json(std::span<const uint8_t> json, Body& ret_request) {
    Writer writer;
    const bool whole = nlohmann::json::sax_parse(json.begin(), json.end(), &writer);
    if (!whole) return writer.fault().empty() ? "not JSON" : writer.fault();
    if (!writer.begun()) return "not an ExportTraceServiceRequest";
    const std::string& request = writer.request();
    ret_request.bytes = std::make_unique_for_overwrite<uint8_t[]>(request.size());
    ret_request.size = request.size();
    if (!request.empty()) std::memcpy(ret_request.bytes.get(), request.data(), request.size());
    return {};
}

}  // namespace spanring::agent
