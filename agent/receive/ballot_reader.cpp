// SPDX-License-Identifier: Apache-2.0
#include "receive/ballot_reader.hpp"

#include "decide/trace_table.hpp"
#include "otlp/wire.hpp"

namespace spanring::agent {

std::vector<Ballot> BallotReader::read(const std::vector<Run>& runs) {
    follow();
    std::vector<Ballot> ballots;
    TraceTable<size_t> places;
    for (const Run& run : runs) {
        const ProducerMarks marks = marks_of(run.producer);
        wire::each_field(run.bytes, [&](const wire::Field& record) {
            JudgedSpan span;
            policies_.read(record.bytes, marks, false, span);
            const size_t* place = places.find(span.trace);
            if (place == nullptr) {
                places.add(span.trace, ballots.size());
                ballots.push_back({span.trace, {}, 0});
                place = places.find(span.trace);
            }
            Ballot& ballot = ballots[*place];
            policies_.add(span, marks, ballot.state);
            ballot.errors += span.error ? 1 : 0;
        });
    }
    return ballots;
}

const ProducerMarks& BallotReader::marks_of(const std::shared_ptr<const Producer>& producer) {
    const auto known = known_.find(producer.get());
    if (known != known_.end()) return known->second.marks;
    if (known_.size() >= kMostKnown) known_.clear();
    const KnownProducer known_now{producer, policies_.marks_of(*producer)};
    return known_.emplace(producer.get(), known_now).first->second.marks;
}

}  // namespace spanring::agent
