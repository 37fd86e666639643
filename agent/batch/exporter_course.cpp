// SPDX-License-Identifier: Apache-2.0
#include "batch/exporter_course.hpp"

namespace spanring::agent {

ExporterCourse::State ExporterCourse::next(const ExporterStatus& status) const {
    if (status.paused) return State::kPaused;
    if (!status.healthy) return State::kRetrying;
    if (status.attempts_accepted != accepted_) return State::kOk;
    if (status.attempts_rejected != refused_) return State::kRefused;
    return state_ == State::kRefused ? state_ : State::kOk;
}

void ExporterCourse::look(const ExporterStatus& status, uint64_t unix_nano) {
    const State state = next(status);
    if (since_ == 0 || state != state_) since_ = unix_nano;
    state_ = state;
    const bool worse = status.attempts_rejected != refused_ || status.attempts_failed != failed_;
    if (!status.last_error.empty() && (worse || status.last_error != last_error_)) {
        last_error_ = status.last_error;
        last_error_at_ = unix_nano;
    }
    accepted_ = status.attempts_accepted;
    refused_ = status.attempts_rejected;
    failed_ = status.attempts_failed;
}

}  // namespace spanring::agent
