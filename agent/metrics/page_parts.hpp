// SPDX-License-Identifier: Apache-2.0
//
// The parts of the page of the agent's own metrics.
#pragma once

#include <string>
#include <vector>

#include "accounts/process_accounts.hpp"
#include "metrics/exposition.hpp"
#include "metrics/process_series.hpp"

namespace spanring::agent {

class DecisionCounters;
class Processors;
struct DrainStatus;
struct ReceiverStatus;

void add_spans(Exposition& page, const ProcessAccount& total);
void add_processes(Exposition& page, const Survey& survey, const ProcessSeries::Split& split);
// An exporter that no process has a row of yet: all that there is waits for it, or was acknowledged without it.
void add_missing_exporter(ProcessAccount& total, const std::vector<ProcessAccount>& processes, const std::string& name);
void add_exporter_accounts(Exposition& page, const ProcessAccount& total);
void add_senders(Exposition& page, const Survey& survey);
void add_receiver(Exposition& page, const ReceiverStatus& status);
void add_processor_figures(Exposition& page, const Processors& processors);
// `names`: of the rules that have a series of their own.
void add_rules(Exposition& page, const ProcessAccount& total, const std::vector<std::string>& names);
void add_decisions(Exposition& page, const DecisionCounters& decisions);
void add_drain(Exposition& page, const DrainStatus& status);

}  // namespace spanring::agent
