// SPDX-License-Identifier: Apache-2.0
//
// Which part of a batch's answer belongs to each of its receipts. A backend says how many spans of a request it
// rejected, not which: they are booked from the front.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "batch/batch.hpp"

namespace spanring::agent {

using Resolutions = std::array<Resolution, ring::kExporterRows>;  // by Exporter::index()

class AnswerShares {
public:
    explicit AnswerShares(const Resolutions& answer) : left_(answer) {}

    // To be asked for each receipt of the batch, in their order.
    Resolutions of(const Receipt& receipt) {
        Resolutions share = left_;
        for (size_t i = 0; i < share.size(); ++i) {
            const uint64_t spans = receipt.in_runs();
            share[i].rejected = left_[i].rejected < spans ? left_[i].rejected : spans;
            left_[i].rejected -= share[i].rejected;
        }
        return share;
    }

    // An exporter could do nothing with it before the agent's end: all of it stays for the next agent.
    bool left_behind() const {
        for (const Resolution& resolution : left_)
            if (resolution.outcome == Outcome::kLeftBehind) return true;
        return false;
    }

private:
    Resolutions left_;
};

}  // namespace spanring::agent
