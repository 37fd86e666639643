// SPDX-License-Identifier: Apache-2.0
#include "store/partial_spans.hpp"

#include <string>
#include <vector>

#include "otlp/request.hpp"
#include "otlp/span_decoder.hpp"
#include "otlp/wire.hpp"
#include "store/store_schema.hpp"

namespace spanring::agent {
namespace {

struct Ids {
    std::span<const uint8_t> trace, span;
};

Ids ids_of(std::span<const uint8_t> span) {
    Ids ids;
    wire::Cursor cursor(span);
    for (wire::Field field; wire::next(cursor, field);) {
        if (field.number == 1) ids.trace = field.bytes;
        if (field.number == 2) ids.span = field.bytes;
    }
    return ids;
}

std::span<const uint8_t> as_bytes(const std::string& text) {
    return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

// Each of its own: `0x12 len <Span>`, one after another.
std::vector<Run> one_by_one(const Run& run) {
    std::vector<Run> runs;
    wire::Cursor cursor(run.bytes);
    for (wire::Field field; wire::next(cursor, field);) {
        const uint8_t* const end = field.bytes.data() + field.bytes.size();
        const uint8_t* const begin =
            runs.empty() ? run.bytes.data() : runs.back().bytes.data() + runs.back().bytes.size();
        runs.push_back({run.producer, run.scope, {begin, end}, 1});
    }
    return runs;
}

}  // namespace

PartialSpans::PartialSpans(Database& database, uint64_t most) : database_(database), most_(most) {
    database_.execute(kPartialsTable);
    insert_ = Statement(database_, "INSERT INTO partials VALUES (?1, ?2, ?3, ?4, ?5)");
    take_ = Statement(database_, "DELETE FROM partials WHERE trace_id = ?1 AND span_id = ?2 AND owner = ?3 "
                                 "RETURNING LENGTH(request)");
    delete_old_ = Statement(database_, "DELETE FROM partials WHERE stored_unix_nano < ?1");
    size_of_owner_ = Statement(database_, "SELECT SUM(LENGTH(request)) FROM partials WHERE owner = ?1");
    any_ = database_.number("SELECT COUNT(*) FROM partials") != 0;
}

void PartialSpans::put(const OwnerRuns& part, int64_t now) {
    size_of_owner_.reset();
    size_of_owner_.bind(1, uint64_t{part.owner}).step();
    uint64_t held = size_of_owner_.unsigned_integer(0);
    size_of_owner_.reset();
    for (const Run& run : part.runs) {
        for (const Run& one : one_by_one(run)) {
            wire::Cursor cursor(one.bytes);
            wire::Field field;
            if (!wire::next(cursor, field)) continue;
            held -= remove(part.owner, field.bytes);
            const std::string request = flatten(assemble({&one, 1}));
            if (held + request.size() > most_) continue;
            held += request.size();
            const Ids ids = ids_of(field.bytes);
            insert_.reset();
            insert_.bind(1, ids.trace).bind(2, ids.span).bind(3, uint64_t{part.owner}).bind(4, now);
            insert_.bind(5, as_bytes(request)).run();
            any_ = true;
        }
    }
}

// Returns how many bytes it had.
uint64_t PartialSpans::remove(uid_t owner, std::span<const uint8_t> span) {
    const Ids ids = ids_of(span);
    take_.reset();
    take_.bind(1, ids.trace).bind(2, ids.span).bind(3, uint64_t{owner});
    const uint64_t bytes = take_.step() ? take_.unsigned_integer(0) : 0;
    take_.reset();
    return bytes;
}

void PartialSpans::replace(uid_t owner, std::span<const uint8_t> request) {
    if (!any_) return;
    visit_spans(request, [&](const DecodedResource&, const DecodedScope&, std::span<const uint8_t> span) {
        remove(owner, span);
    });
}

void PartialSpans::forget_before(int64_t stored_unix_nano) {
    if (!any_) return;
    delete_old_.reset();
    delete_old_.bind(1, stored_unix_nano).run();
    any_ = database_.number("SELECT COUNT(*) FROM partials") != 0;
}

}  // namespace spanring::agent
