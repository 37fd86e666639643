// SPDX-License-Identifier: Apache-2.0
//
// The local span store as the command sees it, with what had ended when the command was given, if that is waited for;
// where there is none, why that may be.
#pragma once

#include <optional>
#include <string>

#include "command/commands.hpp"
#include "store/store_reader.hpp"

namespace spanring::agent {

class StoreAccess {
public:
    enum Patience { kForWhatHasEnded, kAtOnce };

    explicit StoreAccess(const CommandContext& context, Patience patience = kForWhatHasEnded);

    explicit operator bool() const { return reader_.has_value(); }
    StoreReader* operator->() { return &*reader_; }
    int explain() const;        // to stderr; returns the exit code
    void tell_pending() const;  // to stderr: what has not come in time

private:
    std::string file_;
    std::optional<RunningAgent> agent_;  // whose store it would be
    std::string problem_;
    bool missing_ = false;
    uint64_t pending_ = 0;
    std::optional<StoreReader> reader_;
};

}  // namespace spanring::agent
