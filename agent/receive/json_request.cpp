// SPDX-License-Identifier: Apache-2.0
#include "receive/json_request.hpp"

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
#include "receive/json_schema.hpp"

namespace spanring::agent {
namespace {

using namespace json_schema;

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

constexpr size_t kLongestNumber = 10;  // a varint

// What nlohmann's parser tells, turned into protobuf.
class Writer {
public:
    Writer(Signal signal, size_t most) : signal_(signal), most_packed_(most) {}

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
            frames_.push_back({request_name(), {}, nullptr, false});
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
        packed_.clear();
        return true;
    }
    bool end_array() {
        if (skipped_ != 0) return ended_skipped();
        frames_.back().in_array = false;
        if (!is_packed(*row()) || packed_.empty()) return value();
        most_packed_ -= packed_.size();
        wire::append_bytes(out(), row()->field, std::exchange(packed_, {}));
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

    Name request_name() const {
        switch (signal_) {
            case Signal::kLogs: return Name::kLogsRequest;
            case Signal::kMetrics: return Name::kMetricsRequest;
            case Signal::kTraces: break;
        }
        return Name::kRequest;
    }

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
        if (fault_.empty()) fault_ = std::string("not an ") + names_of(signal_).request + ": " + key + " is " + what;
        return false;
    }

    bool number(const Number& number) {
        if (skips()) return true;
        if (row() == nullptr) return fail("a number");
        if (row()->repeated && !frames_.back().in_array) return fail("a number, and not an array");
        const uint64_t word = number.negative ? -number.magnitude : number.magnitude;
        switch (row()->kind) {
            case Kind::kDouble: return fixed(std::bit_cast<uint64_t>(number.real), 8);
            case Kind::kSigned:
            case Kind::kSignedFixed64:
                if (!number.whole || number.magnitude > uint64_t{1} << 63 ||
                    (!number.negative && number.magnitude == uint64_t{1} << 63)) {
                    return fail("not a 64-bit integer");
                }
                return row()->kind == Kind::kSigned ? varint(word) : fixed(word, 8);
            case Kind::kZigzag32:
                if (!number.whole || number.magnitude > INT32_MAX) return fail("out of its range");
                return varint(number.negative && word != 0 ? 2 * number.magnitude - 1 : 2 * number.magnitude);
            case Kind::kUnsigned:
            case Kind::kUnsigned64:
            case Kind::kFixed32:
            case Kind::kFixed64: break;
            default: return fail("a number");
        }
        const bool narrow = row()->kind == Kind::kUnsigned || row()->kind == Kind::kFixed32;
        if (!number.whole || (number.negative && number.magnitude != 0) || (narrow && number.magnitude > UINT32_MAX))
            return fail("out of its range");
        if (row()->kind == Kind::kFixed32 || row()->kind == Kind::kFixed64) return fixed(word, narrow ? 4 : 8);
        return varint(word);
    }
    bool varint(uint64_t word) {
        if (is_packed(*row()) && !has_room()) return false;
        if (is_packed(*row()))
            wire::append_varint(packed_, word);
        else
            wire::append_number(out(), row()->field, word);
        return value();
    }
    bool fixed(uint64_t word, size_t size) {
        const bool packed = is_packed(*row());
        if (packed && !has_room()) return false;
        if (!packed)
            wire::append_varint(out(),
                                size == 4 ? wire::tags::fixed32(row()->field) : wire::tags::fixed64(row()->field));
        (packed ? packed_ : out()).append(reinterpret_cast<const char*>(&word), size);
        return value();
    }

    // For one more number of an array: nothing else takes more than the JSON that says it.
    bool has_room() {
        if (packed_.size() + kLongestNumber <= most_packed_) return true;
        fault_ = "too large once it is protobuf";
        return false;
    }

    const Signal signal_;
    size_t most_packed_;  // bytes of arrays of numbers that may still come
    std::vector<Frame> frames_;
    size_t skipped_ = 0;  // objects and arrays that are open and of no interest
    bool begun_ = false;
    std::string packed_;  // of the array that is open: its values hold no other
    std::string request_;
    std::string fault_;
};

}  // namespace

std::string request_of_json(std::span<const uint8_t> json, Body& ret_request, Signal signal, size_t most) {
    Writer writer(signal, most);
    const bool whole = nlohmann::json::sax_parse(json.begin(), json.end(), &writer);
    if (!whole) return writer.fault().empty() ? "not JSON" : writer.fault();
    if (!writer.begun()) return std::string("not an ") + names_of(signal).request;
    const std::string& request = writer.request();
    ret_request.bytes = std::make_unique_for_overwrite<uint8_t[]>(request.size());
    ret_request.size = request.size();
    if (!request.empty()) std::memcpy(ret_request.bytes.get(), request.data(), request.size());
    return {};
}

}  // namespace spanring::agent
