// SPDX-License-Identifier: Apache-2.0
//
// Processes as a survey finds them, for the tests of this folder.
#pragma once

#include <string>

#include "accounts/process_accounts.hpp"

namespace spanring::agent::test {

inline void set(ProcessAccount& process, ring::Counter counter, uint64_t value) {
    process.writer[static_cast<size_t>(counter)] = value;
}

// `number` tells it from others. Its segment is there.
inline ProcessAccount process_account(uint8_t number, uint64_t started = 0) {
    ProcessAccount process;
    process.instance[0] = number;
    process.pid = number;
    process.service = "service-" + std::to_string(number);
    process.file = "/segments/" + std::to_string(number);
    set(process, ring::Counter::kStarted, started);
    process.exporters.emplace_back().name = kNoExporterYet;
    return process;
}

inline ProcessAccount finished(ProcessAccount process) {
    process.state = ProcessState::kFinished;
    process.file.clear();
    return process;
}

}  // namespace spanring::agent::test
