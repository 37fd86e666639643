// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace spanring::agent {

// False: this build is without librdkafka, and the configuration refuses the exporter.
bool has_kafka();

}  // namespace spanring::agent
