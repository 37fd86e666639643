// SPDX-License-Identifier: Apache-2.0
#include "store/index_search.hpp"

#include <algorithm>

#include "otlp/span_decoder.hpp"

namespace spanring::agent {
namespace {

using search::Subject;
using search::Word;

// What is asked of a text at most once, when it is asked first.
class TextAnswers {
public:
    explicit TextAnswers(size_t texts) : known_(texts, kUnknown) {}

    template <class Ask>
    bool of(uint32_t text, Ask ask) {
        if (known_[text] == kUnknown) known_[text] = ask() ? 1 : 0;
        return known_[text] == 1;
    }

private:
    static constexpr uint8_t kUnknown = 2;
    std::vector<uint8_t> known_;
};

bool asks_for_pairs(const Word& word) { return word.subject == Subject::kText || word.subject == Subject::kPair; }

class WordSearch {
public:
    WordSearch(const Word& word, const BatchIndex& index)
        : word_(word), index_(index), values_(index.texts.size()), keys_(index.texts.size()) {
        if (!asks_for_pairs(word)) return;
        pairs_.resize(index.pairs.size());
        for (size_t i = 0; i < pairs_.size(); ++i) {
            pairs_[i] = holds(index.pairs[i]) ? 1 : 0;
            any_pair_ |= pairs_[i] != 0;
        }
        std::vector<uint8_t> resources;
        for (const BatchIndex::Resource& resource : index.resources)
            resources.push_back(any_of(resource.pairs) ? 1 : 0);
        for (const BatchIndex::Origin& origin : index.origins) {
            const bool scope = origin.scope != BatchIndex::kNoScope && pairs_[origin.scope] != 0;
            origins_.push_back(scope || resources[origin.resource] != 0 ? 1 : 0);
        }
    }

    bool holds(size_t number) {
        const IndexedSpan& span = index_.spans[number];
        switch (word_.subject) {
            case Subject::kService: return accepts(index_.service_text(span));
            case Subject::kName: return accepts(span.name);
            case Subject::kKind: return word_.accepts(kind_name(span.kind));
            case Subject::kStatus: return word_.accepts(status_name(span.status));
            case Subject::kDuration: return word_.accepts_duration(span.duration);
            case Subject::kText:
                if (accepts(span.name) || accepts(index_.service_text(span))) return true;
                break;
            case Subject::kPair: break;
        }
        return origins_[span.origin] != 0 || any_of(index_.pairs_of(number));
    }

private:
    bool accepts(uint32_t text) {
        return values_.of(text, [&] { return word_.accepts(index_.texts[text]); });
    }
    bool holds(const BatchIndex::Pair& pair) {
        const bool named =
            word_.subject == Subject::kText || keys_.of(pair.key, [&] { return word_.names(index_.texts[pair.key]); });
        return named && accepts(pair.value);
    }
    bool any_of(std::span<const uint32_t> pairs) const {
        return any_pair_ && std::any_of(pairs.begin(), pairs.end(), [&](uint32_t pair) { return pairs_[pair] != 0; });
    }

    const Word& word_;
    const BatchIndex& index_;
    TextAnswers values_, keys_;
    std::vector<uint8_t> pairs_, origins_;
    bool any_pair_ = false;
};

}  // namespace

bool asks_for_pairs(const search::Query& query) {
    return std::any_of(query.words.begin(), query.words.end(), [](const Word& word) { return asks_for_pairs(word); });
}

std::vector<uint8_t> find_spans(const search::Query& query, const BatchIndex& index) {
    std::vector<uint8_t> found(index.spans.size(), 1);
    for (const Word& word : query.words) {
        WordSearch search(word, index);
        bool any = false;
        for (size_t i = 0; i < found.size(); ++i) {
            found[i] &= static_cast<uint8_t>(found[i] != 0 && search.holds(i) != word.negated);
            any |= found[i] != 0;
        }
        if (!any) return {};
    }
    return found;
}

}  // namespace spanring::agent
