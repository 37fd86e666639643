// SPDX-License-Identifier: Apache-2.0
#include "processors/condition_parser.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <stdexcept>
#include <utility>

#include "base/foreign_text.hpp"
#include "base/suggest.hpp"
#include "processors/condition_lexer.hpp"

namespace spanring::agent {
namespace {

using Kind = ConditionToken::Kind;

struct KnownField {
    const char* name;
    ConditionField field;
};
constexpr KnownField kFields[] = {{"name", ConditionField::kName},
                                  {"kind", ConditionField::kKind},
                                  {"status.code", ConditionField::kStatusCode},
                                  {"status.message", ConditionField::kStatusMessage},
                                  {"trace_state", ConditionField::kTraceState},
                                  {"start_time_unix_nano", ConditionField::kStartTime},
                                  {"end_time_unix_nano", ConditionField::kEndTime},
                                  {"trace_id.string", ConditionField::kTraceId},
                                  {"span_id.string", ConditionField::kSpanId},
                                  {"parent_span_id.string", ConditionField::kParentSpanId},
                                  {"attributes", ConditionField::kAttribute},
                                  {"resource.attributes", ConditionField::kResourceAttribute}};

struct KnownFunction {
    const char* name;
    ConditionFunction function;
    size_t arguments;
};
constexpr KnownFunction kFunctions[] = {
    {"IsMatch", ConditionFunction::kIsMatch, 2},     {"IsString", ConditionFunction::kIsString, 1},
    {"IsInt", ConditionFunction::kIsInt, 1},         {"IsDouble", ConditionFunction::kIsDouble, 1},
    {"IsBool", ConditionFunction::kIsBool, 1},       {"IsRootSpan", ConditionFunction::kIsRootSpan, 0},
    {"HasPrefix", ConditionFunction::kHasPrefix, 2}, {"HasSuffix", ConditionFunction::kHasSuffix, 2},
};

struct KnownNumber {
    const char* name;
    int64_t number;
};
constexpr KnownNumber kNumbers[] = {{"SPAN_KIND_UNSPECIFIED", 0}, {"SPAN_KIND_INTERNAL", 1}, {"SPAN_KIND_SERVER", 2},
                                    {"SPAN_KIND_CLIENT", 3},      {"SPAN_KIND_PRODUCER", 4}, {"SPAN_KIND_CONSUMER", 5},
                                    {"STATUS_CODE_UNSET", 0},     {"STATUS_CODE_OK", 1},     {"STATUS_CODE_ERROR", 2}};

struct KnownOperator {
    const char* sign;
    ConditionOperator compares;
};
constexpr KnownOperator kOperators[] = {{"==", ConditionOperator::kEqual}, {"!=", ConditionOperator::kUnequal},
                                        {"<", ConditionOperator::kLess},   {"<=", ConditionOperator::kAtMost},
                                        {">", ConditionOperator::kMore},   {">=", ConditionOperator::kAtLeast}};

template <class Known, size_t kSize>
const Known* known_by(std::string_view name, const Known (&known)[kSize]) {
    const Known* const found = std::find_if(known, known + kSize, [&](const Known& one) { return name == one.name; });
    return found != known + kSize ? found : nullptr;
}

template <class Known, size_t kSize>
[[noreturn]] void refuse_name(size_t at, const std::string& what, std::string_view name, const Known (&known)[kSize]) {
    std::vector<std::string> names;
    for (const Known& one : known) names.emplace_back(one.name);
    refuse_condition(at, what + " '" + foreign(std::string(name)) + "' is not here" + did_you_mean(name, names));
}

// What a node or an operand looks at.
enum class About : uint8_t { kNothing, kResource, kSpan };

class Parser {
public:
    explicit Parser(std::string_view text) : lexer_(text) { advance(); }

    ConditionNodes parse(uint32_t& questions) {
        parse_any();
        if (token_.kind != Kind::kEnd)
            refuse_condition(token_.at, "'" + foreign(std::string(token_.raw)) + "': 'and' or 'or' is wanted here");
        for (size_t i = 0; i < nodes_.size(); ++i) {
            const bool asks =
                nodes_[i].kind == ConditionNode::Kind::kComparison || nodes_[i].kind == ConditionNode::Kind::kFunction;
            if (asks && facts_[i].about == About::kResource && !facts_[i].is_operand) nodes_[i].question = questions++;
        }
        return std::move(nodes_);
    }

private:
    struct Facts {
        About about = About::kNothing;
        bool is_operand = false;  // of a comparison
    };
    struct Operand {
        ConditionOperand value;
        About about = About::kNothing;
        size_t at = 0;
    };

    void advance() { token_ = lexer_.next(); }
    bool skip(std::string_view what) {
        if (!token_.is(what)) return false;
        advance();
        return true;
    }
    void demand(std::string_view what) {
        if (!skip(what)) refuse_condition(token_.at, "'" + std::string(what) + "' is missing");
    }
    uint32_t add(ConditionNode node, About about) {
        nodes_.push_back(std::move(node));
        facts_.push_back({about, false});
        return static_cast<uint32_t>(nodes_.size() - 1);
    }
    uint32_t join(ConditionNode::Kind kind, std::vector<uint32_t> parts) {
        ConditionNode node;
        node.kind = kind;
        node.parts = std::move(parts);
        return add(std::move(node), About::kNothing);
    }

    // Each gives the place of its node, which is the last one.

    uint32_t parse_any() {
        std::vector<uint32_t> parts{parse_all()};
        while (skip("or")) parts.push_back(parse_all());
        return parts.size() == 1 ? parts.front() : join(ConditionNode::Kind::kOr, std::move(parts));
    }

    uint32_t parse_all() {
        std::vector<uint32_t> parts{parse_one()};
        while (skip("and")) parts.push_back(parse_one());
        return parts.size() == 1 ? parts.front() : join(ConditionNode::Kind::kAnd, std::move(parts));
    }

    uint32_t parse_one() {
        if (skip("not")) return join(ConditionNode::Kind::kNot, {parse_plain()});
        return parse_plain();
    }

    uint32_t parse_plain() {
        const size_t begin = token_.at;
        if (!skip("(")) return parse_comparison();
        if (++depth_ > kDeepestCondition) refuse_condition(begin, "parentheses are too deep");
        const uint32_t inner = parse_any();
        demand(")");
        --depth_;
        return inner;
    }

    uint32_t parse_comparison() {
        Operand left = parse_operand();
        const auto* const compares = std::find_if(std::begin(kOperators), std::end(kOperators),
                                                  [&](const KnownOperator& one) { return token_.is(one.sign); });
        if (compares == std::end(kOperators)) return as_condition(left);
        const size_t at = token_.at;
        advance();
        Operand right = parse_operand();
        if (left.about != right.about && left.about != About::kNothing && right.about != About::kNothing)
            refuse_condition(at, "a comparison of something of the span with something of its resource is not here");
        for (const Operand* const one : {&left, &right})
            if (one->value.kind == ConditionOperand::Kind::kNode) facts_[one->value.node].is_operand = true;
        ConditionNode node;
        node.kind = ConditionNode::Kind::kComparison;
        node.compares = compares->compares;
        node.left = std::move(left.value);
        node.right = std::move(right.value);
        return add(std::move(node), std::max(left.about, right.about));
    }

    // An operand that is not compared.
    uint32_t as_condition(const Operand& operand) {
        if (operand.value.kind == ConditionOperand::Kind::kNode) return operand.value.node;
        if (operand.value.kind == ConditionOperand::Kind::kLiteral &&
            operand.value.literal.kind == ConditionValue::Kind::kBool) {
            ConditionNode node;
            node.constant = operand.value.literal.integer != 0;
            return add(std::move(node), About::kNothing);
        }
        refuse_condition(token_.at, "a comparison is wanted here: ==, !=, <, <=, > or >=");
    }

    Operand parse_operand() {
        Operand operand;
        operand.at = token_.at;
        ConditionValue& literal = operand.value.literal;
        switch (token_.kind) {
            case Kind::kText: literal.kind = ConditionValue::Kind::kText; break;
            case Kind::kBytes: literal.kind = ConditionValue::Kind::kBytes; break;
            case Kind::kInteger:
                refuse_octal();
                read_number(literal, literal.integer, ConditionValue::Kind::kInteger);
                break;
            case Kind::kDouble: read_number(literal, literal.number, ConditionValue::Kind::kDouble); break;
            case Kind::kWord: return parse_word(std::move(operand));
            case Kind::kEnd: refuse_condition(token_.at, "the condition ends where a value is wanted");
            case Kind::kSign:
                refuse_condition(token_.at, "'" + std::string(token_.raw) + "' stands where a value is wanted");
        }
        operand.value.text = std::move(token_.text);
        advance();
        return operand;
    }

    // Go takes 010 for 8, and 08 for nothing.
    void refuse_octal() const {
        const size_t first = token_.raw.find_first_not_of("+-");
        if (token_.raw[first] == '0' && first + 1 != token_.raw.size())
            refuse_condition(token_.at, "'" + std::string(token_.raw) + "': a number does not begin with 0 here");
    }

    template <class Number>
    void read_number(ConditionValue& literal, Number& number, ConditionValue::Kind kind) const {
        std::string_view digits = token_.raw;
        if (digits.starts_with('+')) digits.remove_prefix(1);
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
        if (error != std::errc() || end != digits.data() + digits.size())
            refuse_condition(token_.at, "'" + std::string(token_.raw) + "' is too large");
        literal.kind = kind;
    }

    Operand parse_word(Operand operand) {
        const std::string word(token_.raw);
        ConditionValue& literal = operand.value.literal;
        if (word == "and" || word == "or" || word == "not")
            refuse_condition(token_.at, "'" + word + "' stands where a value is wanted");
        if (word == "true" || word == "false") {
            literal.kind = ConditionValue::Kind::kBool;
            literal.integer = word == "true" ? 1 : 0;
        } else if (word != "nil") {
            advance();
            if (token_.is("(")) return parse_function(std::move(operand), word);
            const bool is_upper = word.find_first_of("abcdefghijklmnopqrstuvwxyz") == std::string::npos;
            if (!is_upper) return parse_path(std::move(operand), word);
            const KnownNumber* const known = known_by(word, kNumbers);
            if (known == nullptr) refuse_name(operand.at, "the name", word, kNumbers);
            literal.kind = ConditionValue::Kind::kInteger;
            literal.integer = known->number;
            return operand;
        }
        advance();
        return operand;
    }

    Operand parse_path(Operand operand, std::string path) {
        while (skip(".")) {
            if (token_.kind != Kind::kWord) refuse_condition(token_.at, "a name is wanted after '.'");
            path += "." + std::string(token_.raw);
            advance();
        }
        if (path.starts_with("span.")) path.erase(0, 5);
        const KnownField* const known = known_by(path, kFields);
        if (known == nullptr) refuse_name(operand.at, "the field", path, kFields);
        operand.value.kind = ConditionOperand::Kind::kField;
        operand.value.field = known->field;
        operand.about = known->field == ConditionField::kResourceAttribute ? About::kResource : About::kSpan;
        if (!operand.value.is_attribute()) {
            if (token_.is("[")) refuse_condition(token_.at, path + " has no keys here");
            return operand;
        }
        if (!token_.is("[")) refuse_condition(token_.at, path + " wants a key: " + path + "[\"...\"]");
        advance();
        if (token_.kind != Kind::kText) refuse_condition(token_.at, "a key is a text: [\"...\"]");
        operand.value.text = std::move(token_.text);
        advance();
        demand("]");
        if (token_.is("[")) refuse_condition(token_.at, "keys inside values are not here");
        return operand;
    }

    // What is on the left of its node is looked at; a second argument is a text.
    Operand parse_function(Operand operand, const std::string& name) {
        const KnownFunction* const known = known_by(name, kFunctions);
        if (known == nullptr) refuse_name(operand.at, "the function", name, kFunctions);
        advance();
        ConditionNode node;
        node.kind = ConditionNode::Kind::kFunction;
        node.function = known->function;
        operand.about = known->arguments == 0 ? About::kSpan : About::kNothing;
        if (known->arguments != 0) {
            Operand argument = parse_argument();
            operand.about = argument.about;
            if (argument.value.kind == ConditionOperand::Kind::kNode) facts_[argument.value.node].is_operand = true;
            node.left = std::move(argument.value);
        }
        if (known->arguments == 2) {
            demand(",");
            if (token_.kind != Kind::kText) refuse_condition(token_.at, name + " wants a text between \" and \" here");
            Operand text = parse_operand();
            node.right = std::move(text.value);
            if (known->function == ConditionFunction::kIsMatch) node.pattern = pattern_of(node.right.text, text.at);
        }
        demand(")");
        if (token_.is("[")) refuse_condition(token_.at, name + " has no keys");
        operand.value.kind = ConditionOperand::Kind::kNode;
        operand.value.node = add(std::move(node), operand.about);
        return operand;
    }

    Operand parse_argument() {
        const size_t begin = token_.at;
        if (++depth_ > kDeepestCondition) refuse_condition(begin, "parentheses are too deep");
        Operand argument = parse_operand();
        --depth_;
        return argument;
    }

    static TextSet pattern_of(const std::string& expression, size_t at) {
        try {
            return TextSet({expression}, MatchType::kRegexp);
        } catch (const std::invalid_argument& error) {
            refuse_condition(at, error.what());
        }
    }

    ConditionLexer lexer_;
    ConditionToken token_;
    ConditionNodes nodes_;
    std::vector<Facts> facts_;  // of the nodes, by their places
    uint32_t depth_ = 0;
};

}  // namespace

ConditionNodes parse_condition(std::string_view text, uint32_t& questions) {
    if (text.size() > kLongestCondition)
        refuse_condition(kLongestCondition, "a condition has at most " + std::to_string(kLongestCondition) + " bytes");
    return Parser(text).parse(questions);
}

}  // namespace spanring::agent
