// SPDX-License-Identifier: Apache-2.0
//
// The metrics that are made of spans, as Prometheus shows what the Collector's connectors spanmetrics and servicegraph
// make.
#pragma once

#include "metrics/exposition.hpp"

namespace spanring::agent {

class SpanMetrics;

class ServiceGraph;

void add_graph_series(Exposition& page, const ServiceGraph& graph);
void add_span_series(Exposition& page, const SpanMetrics& metrics);

}  // namespace spanring::agent
