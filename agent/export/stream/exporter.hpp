// SPDX-License-Identifier: Apache-2.0
//
// OTLP in frames to a user's program, with the queue, the retries and the spool of the other OTLP exporters.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace spanring::agent {

class Exporter;
class Ledger;
class Programs;
struct ExecOptions;
struct UnixOptions;

// `ledger` may be null. Start-up only: throws std::runtime_error or std::invalid_argument with what is wrong with the
// options.
std::unique_ptr<Exporter> make_unix_exporter(std::string name, uint32_t index, bool required,
                                             const UnixOptions& options, Ledger* ledger);
// Of the programs it is the one of that name; null: there are none.
std::unique_ptr<Exporter> make_exec_exporter(std::string name, uint32_t index, bool required,
                                             const ExecOptions& options, Ledger* ledger, Programs* programs);

}  // namespace spanring::agent
