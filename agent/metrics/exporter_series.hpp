// SPDX-License-Identifier: Apache-2.0
//
// The part of the page of the agent's own metrics that exporters tell of themselves.
#pragma once

#include "metrics/exposition.hpp"

namespace spanring::agent {

class Exporter;
class Histogram;

void add_exporter_status(Exposition& page, const Exporter& exporter);
void add_exporter_measures(Exposition& page, const Exporter& exporter);

ExposedHistogram exposed(const Histogram& histogram);

}  // namespace spanring::agent
