// SPDX-License-Identifier: Apache-2.0
//
// Spans for programs of this host, through iceoryx: each subscription that somebody subscribes to gets the spans for
// which its words hold, as messages of OTLP. Nothing waits for it, and it holds nothing of anybody's memory: where
// nobody subscribes a batch is let go of at once, and of one in shared memory a copy waits.
//
// iceoryx itself is in another process (helper.hpp).
#pragma once

#include <memory>
#include <string>

#include "export/tap/options.hpp"

namespace spanring::agent {

class Exporter;
class Programs;

// Of the programs it is the one of that name. `state_directory`: whose agent it is, for two may have an exporter of one
// name. Start-up only: throws std::runtime_error or std::invalid_argument with what is wrong.
std::unique_ptr<Exporter> make_tap_exporter(const std::string& name, uint32_t index, const TapOptions& options,
                                            const std::string& state_directory, Programs* programs);

}  // namespace spanring::agent
