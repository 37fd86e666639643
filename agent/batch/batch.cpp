// SPDX-License-Identifier: Apache-2.0
#include "batch/batch.hpp"

#include "batch/acknowledgements.hpp"

namespace spanring::agent {

void resolve(const std::shared_ptr<Batch>& batch, uint32_t exporter, bool required, Resolution resolution) {
    if (!required) return;  // best effort: nothing waits for it and nothing is booked from it here
    batch->resolutions[exporter] = resolution;
    // acq_rel: publishes this exporter's resolution and, for the last one, makes those of the others visible. Pairs
    // with itself. Without it the drain thread could book a resolution that is not written yet.
    if (batch->open.fetch_sub(1, std::memory_order_acq_rel) == 1) batch->acknowledgements->push(batch);
}

}  // namespace spanring::agent
