// SPDX-License-Identifier: Apache-2.0
//
// The same figures under the names that the Collector has for its own (`otelcol_...`), and OpenTelemetry for those of
// an SDK (`otel.sdk. ...`), where they mean the same: dashboards that exist show them. docs/agent.md has the map.
#pragma once

#include "accounts/process_accounts.hpp"
#include "metrics/exposition.hpp"
#include "otlp/signal.hpp"

namespace spanring::agent {

class Exporter;
struct DrainStatus;
struct ReceiverStatus;

void add_collector_exporter(Exposition& page, const Exporter& exporter);
void add_collector_drain(Exposition& page, const DrainStatus& drain);
void add_collector_receiver(Exposition& page, const ReceiverStatus& receiver);
// The same of logs and of metrics. Their exporters are shown by the names that they have in the configuration.
void add_signal_exporter(Exposition& page, Signal signal, const Exporter& exporter);
void add_signal_receiver(Exposition& page, Signal signal, const ReceiverStatus& receiver);
// Of all processes.
void add_sdk_spans(Exposition& page, const ProcessAccount& total);

}  // namespace spanring::agent
