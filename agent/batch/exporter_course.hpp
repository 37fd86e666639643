// SPDX-License-Identifier: Apache-2.0
//
// How an exporter fares, by its status, which is looked at again and again: what people are told of it. One thread.
#pragma once

#include <cstdint>
#include <string>

#include "batch/exporter.hpp"

namespace spanring::agent {

class ExporterCourse {
public:
    enum class State : uint8_t {
        kOk,
        kPaused,    // by somebody's word
        kRetrying,  // the backend, or the disk, takes nothing at the moment
        kRefused,   // of what came since the look before it refused something for good, and took nothing
    };

    void look(const ExporterStatus& status, uint64_t unix_nano);

    State state() const { return state_; }
    uint64_t since_unix_nano() const { return since_; }  // it has been so
    // What went wrong last, and when that was seen; 0: nothing did.
    const std::string& last_error() const { return last_error_; }
    uint64_t last_error_unix_nano() const { return last_error_at_; }

private:
    State next(const ExporterStatus& status) const;

    State state_ = State::kOk;
    uint64_t since_ = 0, last_error_at_ = 0;
    std::string last_error_;
    uint64_t accepted_ = 0, refused_ = 0, failed_ = 0;  // at the look before
};

}  // namespace spanring::agent
