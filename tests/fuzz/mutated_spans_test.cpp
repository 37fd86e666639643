// SPDX-License-Identifier: Apache-2.0
//
// The ways around the validator against the validator itself, over spans that were changed here and there:
//
//     mutated_spans_test [COUNT [SEED]]
//
// A plain span, by every set of instructions, is exactly one that the validator finds sound and leaves alone and in
// which, by protobuf's description of the messages, no text has a byte that is not ASCII. A gate, which sees one span
// after the other, says what the validator says, and leaves behind the same bytes. What metrics read of a sound span is
// what protobuf reads of it, and so is the message of its status, of which it has one at most: of two, protobuf makes
// one. Processors that look at a glance make of it what they make of it without, whether they know its form or not.
// Each span ends where nothing more is mapped.
#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "demand.hpp"
#include "otlp.pb.h"
#include "otlp/high_bytes.hpp"
#include "otlp/plain_span.hpp"
#include "otlp/span_gate.hpp"
#include "otlp/wire.hpp"
#include "processors/processor_chain.hpp"
#include "processors/processor_options.hpp"
#include "processors/span_subject.hpp"
#include "span_metrics/span_outline.hpp"
#include "support/guarded_bytes.hpp"
#include "support/otlp_bytes.hpp"
#include "support/varied_spans.hpp"

namespace {

using namespace spanring::agent;
using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

bool is_ascii(std::span<const uint8_t> text) {
    return std::all_of(text.begin(), text.end(), [](uint8_t byte) { return byte < 0x80; });
}

// All strings of a message, those of the messages in it as well. Field by field: of a string that comes twice, a parsed
// message has the last alone.
bool is_all_ascii(std::span<const uint8_t> message, const Descriptor& type) {
    bool ascii = true;
    wire::each_field(message, [&](const wire::Field& field) {
        const FieldDescriptor* const known = type.FindFieldByNumber(static_cast<int>(field.number));
        demand(known != nullptr, "protobuf knows the fields of a sound span");
        if (known->type() == FieldDescriptor::TYPE_STRING)
            ascii = ascii && is_ascii(field.bytes);
        else if (known->type() == FieldDescriptor::TYPE_MESSAGE)
            ascii = ascii && is_all_ascii(field.bytes, *known->message_type());
    });
    return ascii;
}

bool is_what_protobuf_reads(const SpanOutline& outline, const spanring::otlp::Span& parsed) {
    const auto same = [](const uint8_t* at, const std::string& id) {
        return at != nullptr && std::equal(id.begin(), id.end(), reinterpret_cast<const char*>(at));
    };
    const auto known = [](int value, uint32_t values) {
        return value >= 0 && static_cast<uint32_t>(value) < values ? static_cast<uint32_t>(value) : 0;
    };
    const std::string_view name(reinterpret_cast<const char*>(outline.name.data()), outline.name.size());
    return same(outline.trace_id, parsed.trace_id()) && same(outline.span_id, parsed.span_id()) &&
           (parsed.parent_span_id().empty() ? outline.parent_span_id == nullptr
                                            : same(outline.parent_span_id, parsed.parent_span_id())) &&
           name == parsed.name() && outline.kind == known(parsed.kind(), kKinds) &&
           outline.status == known(parsed.status().code(), kStatuses) &&
           outline.start_unix_nano == parsed.start_time_unix_nano() &&
           outline.end_unix_nano == parsed.end_time_unix_nano();
}

uint32_t statuses_in(std::span<const uint8_t> span) {
    uint32_t statuses = 0;
    wire::each_field(span, [&](const wire::Field& field) { statuses += field.tag() == wire::tags::bytes(15) ? 1 : 0; });
    return statuses;
}

class Mutations {
public:
    explicit Mutations(uint64_t seed) : random_(seed), varied_(static_cast<uint32_t>(seed)) {}

    std::string next() {
        std::string span = sound();
        // One in eight stays as it is: gates come to know shapes by them.
        for (uint64_t changes = below(8) == 0 ? 0 : 1 + below(3); changes != 0; --changes) change(span);
        return span;
    }

private:
    uint64_t below(uint64_t bound) { return random_() % bound; }

    std::string sound() {
        using namespace spanring::agent::test;
        switch (below(10)) {
            case 8: return typical_span(random_()) + more();
            case 9: return below(2) == 0 ? usual_head() + more() : recorded();
            case 0: return full_span(random_());
            case 1: return varied_.next(static_cast<uint32_t>(below(3)));
            case 2: return bare_span(random_()) + bytes(5, text(below(300))) + fixed64(7, random_());
            case 3: return attributes();
            case 4:
                return attributes() + bytes(11, fixed64(1, random_()) + bytes(2, text(below(40))) + attributes_of(3));
            case 5: return typical_span(random_()) + status() + attributes_of(9) + (below(4) == 0 ? status() : "");
            default: return below(2) == 0 ? typical_span(random_()) : recorded_span(random_());
        }
    }

    // As libspanring writes it, or nearly so.
    std::string recorded() {
        using namespace spanring::agent::test;
        std::string span = bare_span(random_());
        if (below(2) == 0) span += bytes(4, span_id(random_()));
        if (below(8) != 0) span += fixed64(7, random_());
        span += bytes(5, std::string(below(20), 'a')) + more();
        if (below(8) != 0) span += fixed64(8, random_()) + number(6, below(6));
        if (below(8) != 0) span += fixed32(16, 0x101);
        return span;
    }

    // What an SDK writes before the attributes, or a part of it.
    std::string usual_head() {
        using namespace spanring::agent::test;
        std::string head = bare_span(random_());
        if (below(2) == 0) head += bytes(4, span_id(random_()));
        if (below(8) != 0) head += bytes(5, std::string(below(20), 'a'));
        if (below(4) != 0) head += number(6, below(6));
        if (below(4) != 0) head += fixed64(7, random_()) + fixed64(8, random_());
        return head;
    }

    // Fields of a span, whatever was before them: in any order, again, empty, with longer tags than they need.
    std::string more() {
        using namespace spanring::agent::test;
        std::string all;
        for (uint64_t count = below(7); count != 0; --count) {
            switch (below(16)) {
                case 0: all += bytes(5, std::string(below(12), 'a')); break;
                case 1: all += number(6, below(6)); break;
                case 2: all += fixed64(7 + static_cast<uint32_t>(below(2)), below(3)); break;
                case 3: all += padded_varint(5 << 3 | 2, 2) + padded_varint(3, 2) + "aaa"; break;
                case 4: all += status(); break;
                case 5: all += bytes(3, "a=b"); break;
                case 6: all += bytes(4, span_id(random_())); break;
                case 7: all += below(2) == 0 ? bytes(1, trace_id(random_())) : bytes(2, span_id(random_())); break;
                case 8: all += bytes(11, fixed64(1, random_()) + bytes(2, "aaaa")); break;
                case 9: all += number(below(2) == 0 ? 10 : 14, below(300)); break;
                case 10: all += fixed32(16, static_cast<uint32_t>(random_())); break;
                default: all += bytes(9, odd_key_value()); break;
            }
        }
        return all;
    }

    // Keys of which processors want some, and others as long, or longer by 64.
    std::string odd_key_value() {
        using namespace spanring::agent::test;
        constexpr uint64_t kSizes[] = {0, 4, 7, 7, 10, 10, 12, 12, 7 + 64, 10 + 64};
        const std::string key = bytes(1, std::string(kSizes[below(std::size(kSizes))], below(4) == 0 ? 'b' : 'a'));
        const std::string value = bytes(2, below(3) == 0 ? std::string() : text_value(std::string(below(9), 'a')));
        switch (below(8)) {
            case 0: return value + key;
            case 1: return key + key + value;
            case 2: return key;
            case 3: return value;
            case 4: return "";
            default: return key + value;
        }
    }

    // Its fields in any order, once or twice.
    std::string status() {
        using namespace spanring::agent::test;
        std::string fields;
        for (uint64_t count = below(4); count != 0; --count)
            fields += below(2) == 0 ? number(3, below(3)) : bytes(2, text(below(20)));
        return bytes(15, fields);
    }

    // Attributes of all types, with values and texts around the sizes at which lengths grow.
    std::string attributes() { return spanring::agent::test::bare_span(random_()) + attributes_of(9); }

    std::string attributes_of(uint32_t field) {
        using namespace spanring::agent::test;
        std::string all;
        for (uint64_t count = below(6); count != 0; --count) {
            std::string value;
            switch (below(6)) {
                case 0: value = text_value(text(below(4) == 0 ? 110 + below(40) : below(40))); break;
                case 1: value = number(3, random_() >> below(64)); break;
                case 2: value = number(2, below(2)); break;
                case 3: value = fixed64(4, random_()); break;
                case 4: value = bytes(5, bytes(1, text_value(text(below(20)))) + bytes(1, number(3, random_()))); break;
                default: value = bytes(7, std::string(below(30), '\xc3')); break;
            }
            all += bytes(field, key_value(text(below(30)), value));
        }
        return all;
    }

    // Mostly ASCII; some other letters, some bytes that are none.
    std::string text(uint64_t size) {
        static constexpr std::string_view kLetters[] = {"\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xff",
                                                        "\xed\xa0\x80"};
        std::string text(size, 'a');
        if (below(6) == 0 && size != 0) text.insert(below(size), kLetters[below(std::size(kLetters))]);
        return text;
    }

    void change(std::string& span) {
        if (span.empty()) return;
        const size_t at = below(span.size());
        switch (below(9)) {
            case 0: span[at] = static_cast<char>(random_()); break;
            case 1: span[at] = static_cast<char>(span[at] ^ 1 << below(8)); break;
            case 2: span[at] = static_cast<char>(span[at] + 1 - 2 * static_cast<int>(below(2))); break;
            case 3: span.insert(at, 1, static_cast<char>(random_())); break;
            case 4: span.erase(at, 1 + below(4)); break;
            case 5: span.resize(at); break;
            case 6: span += span.substr(at, below(40)); break;
            case 7: span.insert(at, span.substr(below(span.size()), below(20))); break;
            default: span[at] = static_cast<char>(span[at] ^ 0x80); break;
        }
    }

    std::mt19937_64 random_;
    test::VariedSpans varied_;
};

ProcessorOptions filter_of(SpanMatchOptions match, std::vector<std::string> conditions) {
    ProcessorOptions filter;
    filter.type = ProcessorType::kFilter;
    if (!match.empty()) filter.filter.spans = {std::move(match)};
    filter.filter.conditions = std::move(conditions);
    return filter;
}

// Of an attribute that no span has, deleted or set.
AttributesOptions action_on_none(const std::string& action) {
    AttributesOptions options;
    AttributeAction& made = options.actions.emplace_back();
    made.key = "none";
    made.action = action;
    made.value = "some";
    made.has_value = action == "insert";
    return options;
}

// Which concern some of the spans, by each of what a glance shows.
std::vector<ProcessorOptions> glancing_processors() {
    SpanMatchOptions kinds, names;
    kinds.kinds = {"server", "client"};
    kinds.statuses = {"error"};
    names.match_type = MatchType::kRegexp;
    names.names = {"^a{3,9}$", "orders"};
    names.attributes = {{"aaaaaaaaaa", "", {}}};
    ProcessorOptions renames, attributes;
    renames.type = ProcessorType::kTransform;
    renames.transform.span_names = {{"^a{10,90}$", "some"}};
    attributes.type = ProcessorType::kAttributes;
    attributes.attributes = action_on_none("insert");
    attributes.attributes.include.kinds = {"unspecified"};
    attributes.attributes.include.attributes = {{"aaaaaaaaaaaa", "", {}}};
    return {filter_of(kinds, {}), filter_of(names, {}), renames, attributes,
            filter_of({}, {R"(name == "some" and start_time_unix_nano > 0)",
                           R"(attributes["aaaaaaa"] == nil and status.code == 1)",
                           R"(end_time_unix_nano < start_time_unix_nano and attributes["bool"] != nil)"})};
}

class TwoChains {
public:
    TwoChains() : glancing_(glancing_processors()), reading_(with_one_that_reads()) {
        const auto producer = std::make_shared<Producer>();
        of_glancing_ = glancing_.producer(producer);
        of_reading_ = reading_.producer(producer);
    }

    const KeyInterest& interest() const { return glancing_.interest(); }
    Processed take(std::span<const uint8_t> span, const SpanForm& form) {
        const Processed outcome = glancing_.take(of_glancing_, span);
        demand(reading_.take(of_reading_, span) == outcome, "a glance says what a look says");
        demand(glancing_.take(of_glancing_, span, form) == outcome, "and so does one that knows the form");
        if (outcome == Processed::kChanged)
            demand(record(glancing_) == record(reading_), "and nothing else comes of it");
        return outcome;
    }

private:
    static std::vector<ProcessorOptions> with_one_that_reads() {
        std::vector<ProcessorOptions> processors = glancing_processors();
        ProcessorOptions& reads = processors.emplace_back();
        reads.type = ProcessorType::kAttributes;
        reads.attributes = action_on_none("delete");
        reads.attributes.actions[0].key = "none either";
        return processors;
    }
    static std::string record(const ProcessorChain& chain) {
        std::string record(chain.record_size(), '\0');
        chain.write_record(reinterpret_cast<uint8_t*>(record.data()));
        return record;
    }

    ProcessorChain glancing_, reading_;
    ProcessedProducer of_glancing_, of_reading_;
};

}  // namespace

int main(int argc, char** argv) {
    const uint64_t count = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 100'000;
    const uint64_t seed = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1;
    std::vector<CountHighBytes> sets;
    for (const auto set :
         {InstructionSet::kPortable, InstructionSet::kSse2, InstructionSet::kAvx2, InstructionSet::kNeon}) {
        if (const CountHighBytes with = count_high_bytes_with(set)) sets.push_back(with);
    }
    spanring::test::GuardedBytes judged_place(1 << 16), place(1 << 16);
    WantedValues wanted({"", "aaaaaaaaaa", "url.path", "http.request.method"});
    WantedValues nothing;
    Mutations mutations(seed);
    SpanGate gate;
    TwoChains chains;
    gate.look_for(&chains.interest());
    uint64_t plain = 0, other_text = 0, repaired = 0, refused = 0, with_message = 0, with_two = 0, usual = 0,
             recorded = 0;
    std::array<uint64_t, 3> processed{};
    for (uint64_t i = 0; i < count; ++i) {
        const std::string span = mutations.next();
        const std::span<uint8_t> judged = judged_place.at_end(span);
        const SpanCheck expected = validate_span(judged);

        std::span<uint8_t> bytes = place.at_end(span);
        SpanForm form;
        const bool is_plain = is_plain_span(bytes, sets[0], &form, chains.interest());
        for (const CountHighBytes set : sets)
            demand(is_plain_span(bytes, set) == is_plain, "all sets of instructions say the same");
        if (is_plain) {
            demand(expected.untouched(), "what is plain is sound");
            ++plain;
        } else if (expected.untouched()) {
            spanring::otlp::Span parsed;
            demand(parsed.ParseFromString(span), "protobuf parses a sound span");
            demand(!is_all_ascii(judged, *parsed.GetDescriptor()), "what is sound and not plain has other text");
            ++other_text;
        } else {
            (expected.defect == SpanDefect::kNone ? repaired : refused) += 1;
        }

        with_two += expected.defect == SpanDefect::kRepeated && statuses_in(judged) == 2 ? 1 : 0;

        bytes = place.at_end(span);
        const SpanCheck check = gate.check(bytes);
        demand(check.defect == expected.defect && check.repaired == expected.repaired, "the gate says the same");
        demand(std::equal(bytes.begin(), bytes.end(), judged.begin(), judged.end()), "and leaves the same bytes");

        SpanOutline outline;
        wanted.forget();
        const bool outlined = read_outline(bytes, wanted, outline);
        if (expected.defect != SpanDefect::kNone) continue;
        spanring::otlp::Span parsed;
        demand(parsed.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())), "protobuf parses what is sound");
        demand(outlined && is_what_protobuf_reads(outline, parsed), "an outline is what protobuf reads");
        outline = {};
        demand(read_outline(bytes, nothing, outline, gate.form()) && is_what_protobuf_reads(outline, parsed),
               "and so is one that knows the form");
        demand(statuses_in(bytes) <= 1, "what is sound has one status at most");
        demand(status_message_in(bytes) == parsed.status().message(), "its message is what protobuf reads");
        with_message += parsed.status().message().empty() ? 0 : 1;
        usual += form.usual() ? 1 : 0;
        recorded += form.usual() && form.recorded ? 1 : 0;
        demand(!gate.form().usual() ||
                   (form.name_at == gate.form().name_at && form.may_have_wanted == gate.form().may_have_wanted),
               "the gate says its form");
        processed.at(static_cast<size_t>(chains.take(bytes, form))) += 1;
    }
    std::printf("%llu spans: %llu plain, %llu with other text, %llu repaired, %llu refused\n",
                static_cast<unsigned long long>(count), static_cast<unsigned long long>(plain),
                static_cast<unsigned long long>(other_text), static_cast<unsigned long long>(repaired),
                static_cast<unsigned long long>(refused));
    demand(plain > count / 20 && other_text > count / 100 && repaired > count / 100 && refused > count / 20 &&
               with_message > count / 100 && with_two > count / 200,
           "there are many of each");
    demand(usual > count / 50 && usual < plain, "some are in the usual form");
    demand(recorded > count / 200, "and some in libspanring's");
    for (const uint64_t some : processed) demand(some > count / 200, "and processors have to do with some of them");
    return 0;
}
