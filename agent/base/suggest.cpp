// SPDX-License-Identifier: Apache-2.0
#include "base/suggest.hpp"

#include <algorithm>

namespace spanring::agent {

size_t edit_distance(std::string_view from, std::string_view to) {
    // Three rows of the optimal-string-alignment table: the one before the last, the last, the one being made.
    std::vector<size_t> before(to.size() + 1), last(to.size() + 1), now(to.size() + 1);
    for (size_t j = 0; j <= to.size(); ++j) last[j] = j;
    for (size_t i = 1; i <= from.size(); ++i) {
        now[0] = i;
        for (size_t j = 1; j <= to.size(); ++j) {
            const size_t change = last[j - 1] + (from[i - 1] != to[j - 1] ? 1 : 0);
            now[j] = std::min({last[j] + 1, now[j - 1] + 1, change});
            if (i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1]) {
                now[j] = std::min(now[j], before[j - 2] + 1);
            }
        }
        std::swap(before, last);
        std::swap(last, now);
    }
    return last[to.size()];
}

std::string nearest(std::string_view word, const std::vector<std::string>& known) {
    std::string best;
    size_t best_distance = std::max<size_t>(2, word.size() / 3) + 1;
    for (const std::string& candidate : known) {
        size_t distance = edit_distance(word, candidate);
        // "batch_size" for "send_batch_size": one is the other with a part left out.
        const bool part =
            word.size() >= 4 && (candidate.find(word) != std::string::npos ||
                                 (candidate.size() >= 4 && word.find(candidate) != std::string_view::npos));
        if (part) distance = std::min<size_t>(distance, 2);
        if (distance < best_distance && distance < std::max(word.size(), candidate.size())) {
            best = candidate;
            best_distance = distance;
        }
    }
    return best;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& known) {
    const std::string near = nearest(word, known);
    return near.empty() ? std::string() : ", did you mean '" + near + "'?";
}

}  // namespace spanring::agent
