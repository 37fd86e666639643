// SPDX-License-Identifier: Apache-2.0
#include "config/yaml_text.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <map>
#include <set>
#include <sstream>
#include <utility>

namespace spanring::agent {
namespace {

// A long configuration has some hundred values. A file of the size that may be read has more only by design.
constexpr size_t kMostValues = 20'000;
constexpr size_t kMostText = size_t{4} << 20;  // of all values, aliases counted as often as they are used
constexpr size_t kDeepest = 64;                // who walks the tree recurses

constexpr char kMergeKey[] = "<<";

size_t values_of(const ConfigValue& value) {
    size_t all = 1;
    for (const ConfigValue& item : value.items) all += values_of(item);
    for (const ConfigValue::Entry& entry : value.entries) all += values_of(entry.value);
    return all;
}

size_t text_of(const ConfigValue& value) {
    size_t all = value.text.size();
    for (const ConfigValue& item : value.items) all += text_of(item);
    for (const ConfigValue::Entry& entry : value.entries) all += entry.key.size() + text_of(entry.value);
    return all;
}

size_t depth_of(const ConfigValue& value) {
    size_t deepest = 0;
    for (const ConfigValue& item : value.items) deepest = std::max(deepest, depth_of(item));
    for (const ConfigValue::Entry& entry : value.entries) deepest = std::max(deepest, depth_of(entry.value));
    return deepest + 1;
}

[[noreturn]] void refuse(const YAML::Mark& mark, const std::string& what) { throw YAML::ParserException(mark, what); }

// Builds the tree as the parser goes along.
class Builder final : public YAML::EventHandler {
public:
    Builder(std::shared_ptr<const std::string> source, bool lines) : source_(std::move(source)), lines_(lines) {}

    ConfigValue take() { return std::move(root_); }
    Place place(const YAML::Mark& mark) const {
        if (!lines_ || mark.is_null()) return {source_, 0, 0};
        return {source_, mark.line + 1, mark.column + 1};
    }

    void OnDocumentStart(const YAML::Mark&) override {}
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        add({.value = {ConfigValue::Kind::kNull, place(mark)}, .mark = mark, .anchor = anchor});
    }
    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& text) override {
        count(mark, 1, text.size());
        // A word in quotes is a key as any other.
        add({.value = {ConfigValue::Kind::kScalar, place(mark), text},
             .mark = mark,
             .anchor = anchor,
             .plain = tag == "?"});
    }
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        const auto named = anchors_.find(anchor);
        if (named == anchors_.end()) refuse(mark, "an alias within what it names");
        const Anchor& found = named->second;
        if (open_.size() + found.depth > kDeepest) refuse(mark, "nested too deeply");
        count(mark, found.values, found.text);
        add({.value = found.value, .mark = mark});
    }
    void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override {
        open({.value = {ConfigValue::Kind::kList, place(mark)}, .mark = mark, .anchor = anchor});
    }
    void OnSequenceEnd() override { close(); }
    void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override {
        open({.value = {ConfigValue::Kind::kMapping, place(mark)}, .mark = mark, .anchor = anchor});
    }
    void OnMapEnd() override {
        merge(open_.back());
        close();
    }

private:
    struct Node {
        ConfigValue value;
        YAML::Mark mark;
        YAML::anchor_t anchor = 0;  // 0: nothing names it
        bool plain = false;
        bool has_key = false;     // of a mapping: a key waits for its value
        bool key_merges = false;  // ... and it is `<<`
        ConfigValue merged = {};  // what that says
        YAML::Mark merge_mark = {};
    };
    struct Anchor {
        ConfigValue value;
        size_t values, text, depth;
    };

    void count(const YAML::Mark& mark, size_t values, size_t text) {
        values_ += values;
        text_ += text;
        if (values_ > kMostValues) refuse(mark, "more than " + std::to_string(kMostValues) + " values");
        if (text_ > kMostText) refuse(mark, "more than " + std::to_string(kMostText >> 20) + "MiB, aliases counted");
    }

    void open(Node node) {
        count(node.mark, 1, 0);
        if (open_.size() + 1 > kDeepest) refuse(node.mark, "nested too deeply");
        open_.push_back(std::move(node));
    }

    void close() {
        Node node = std::move(open_.back());
        open_.pop_back();
        add(std::move(node));
    }

    void add(Node node) {
        if (node.anchor != 0)
            anchors_[node.anchor] = {node.value, values_of(node.value), text_of(node.value), depth_of(node.value)};
        if (open_.empty()) {
            root_ = std::move(node.value);
            return;
        }
        Node& parent = open_.back();
        if (parent.value.is_list()) {
            parent.value.items.push_back(std::move(node.value));
        } else if (!parent.has_key) {
            parent.has_key = true;
            parent.key_merges = node.plain && node.value.text == kMergeKey;
            // What is not a word is reported with the others, check_keys().
            parent.value.entries.push_back({node.value.is_scalar() ? node.value.text : "", place(node.mark), {}});
        } else {
            parent.has_key = false;
            if (!parent.key_merges) {
                parent.value.entries.back().value = std::move(node.value);
                return;
            }
            parent.value.entries.pop_back();
            if (!parent.merged.is_missing()) refuse(node.mark, "'<<' is given twice in a mapping");
            parent.merged = std::move(node.value);
            parent.merge_mark = node.mark;
        }
    }

    void merge(Node& node) {
        if (node.merged.is_missing()) return;
        std::vector<ConfigValue> sources;
        if (node.merged.is_list())
            sources = std::move(node.merged.items);
        else
            sources.push_back(std::move(node.merged));
        std::set<std::string> said;
        for (const ConfigValue::Entry& entry : node.value.entries) said.insert(entry.key);
        for (ConfigValue& source : sources) {
            if (!source.is_mapping()) refuse(node.merge_mark, "'<<' takes a mapping, or a list of mappings");
            for (ConfigValue::Entry& entry : source.entries) {
                if (said.insert(entry.key).second) node.value.entries.push_back(std::move(entry));
            }
        }
    }

    const std::shared_ptr<const std::string> source_;
    const bool lines_;
    ConfigValue root_{ConfigValue::Kind::kNull};
    std::vector<Node> open_;
    std::map<YAML::anchor_t, Anchor> anchors_;
    size_t values_ = 0, text_ = 0;
};

// Where the document begins that was parsed last.
struct LastDocument final : YAML::EventHandler {
    YAML::Mark begin;

    void OnDocumentStart(const YAML::Mark& mark) override { begin = mark; }
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
    void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
    void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t, const std::string&) override {}
    void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
    void OnSequenceEnd() override {}
    void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
    void OnMapEnd() override {}
};

void check_keys(const ConfigValue& value, const std::string& path, std::vector<std::string>& problems) {
    const std::string before = path.empty() ? "" : path + ": ";
    std::set<std::string> seen;
    for (const ConfigValue::Entry& entry : value.entries) {
        if (entry.key.empty())
            problems.push_back(entry.place.text() + ": " + before + "a key must be a word");
        else if (!seen.insert(entry.key).second)
            problems.push_back(entry.place.text() + ": " + before + "key '" + entry.key + "' is given twice");
        check_keys(entry.value, (path.empty() ? "" : path + ".") + entry.key, problems);
    }
    for (const ConfigValue& item : value.items) check_keys(item, path, problems);
}

}  // namespace

ConfigValue parse_yaml(const std::string& text, const std::shared_ptr<const std::string>& source, bool lines,
                       std::vector<std::string>& problems) {
    Builder builder(source, lines);
    const auto tell = [&](const YAML::Mark& mark, const std::string& what) {
        problems.push_back(builder.place(mark).text() + ": " + what);
        return ConfigValue();
    };
    try {
        std::istringstream stream(text);
        YAML::Parser parser(stream);
        LastDocument last;
        if (parser.HandleNextDocument(builder) && parser.HandleNextDocument(last))
            return tell(last.begin, "more than one document in the file");
    } catch (const YAML::Exception& error) {
        return tell(error.mark, "not valid YAML: " + error.msg);
    }
    ConfigValue root = builder.take();
    check_keys(root, "", problems);
    return root;
}

}  // namespace spanring::agent
