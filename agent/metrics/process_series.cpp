// SPDX-License-Identifier: Apache-2.0
#include "metrics/process_series.hpp"

#include <utility>

namespace spanring::agent {

ProcessSeries::Split ProcessSeries::split(const std::vector<ProcessAccount>& processes) {
    Split result;
    Instances own;
    Instances had;
    Instances others;
    std::vector<const ProcessAccount*> undecided;
    for (const ProcessAccount& process : processes) {
        const InstanceId& instance = process.instance;
        const bool there = !process.file.empty();
        if (own_.contains(instance) || had_.contains(instance)) {
            // A series that has ended does not come back, even if the ledger's word came before the file was seen.
            if (there && own_.contains(instance)) {
                own.insert(instance);
                result.own.push_back(&process);
            } else {
                had.insert(instance);
            }
        } else if (there && !others_.contains(instance)) {
            undecided.push_back(&process);
        } else {
            if (there) others.insert(instance);
            result.others.push_back(process);
        }
    }
    for (const ProcessAccount* process : undecided) {
        if (own.size() < most_) {
            own.insert(process->instance);
            result.own.push_back(process);
        } else {
            others.insert(process->instance);
            result.others.push_back(*process);
        }
    }
    own_ = std::move(own);
    had_ = std::move(had);
    others_ = std::move(others);
    return result;
}

}  // namespace spanring::agent
