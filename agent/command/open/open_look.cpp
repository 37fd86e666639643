// SPDX-License-Identifier: Apache-2.0
#include "command/open/open_look.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <optional>
#include <tuple>
#include <utility>

#include "base/descriptor.hpp"
#include "base/directory.hpp"
#include "base/error_text.hpp"
#include "base/foreign_file.hpp"
#include "base/wall_clock.hpp"
#include "batch/batch.hpp"
#include "command/open/open_forest.hpp"
#include "command/open/usual_durations.hpp"
#include "ring/attach.hpp"
#include "ring/runtime_directory.hpp"
#include "segment/open_span_reader.hpp"
#include "segment/producer_reader.hpp"
#include "segment/segment_copy.hpp"
#include "segment/segment_lock.hpp"

namespace spanring::agent {
namespace {

constexpr size_t kMostSegments = 20'000;  // of a directory

using SpanId = std::array<uint8_t, 8>;
using TraceId = std::array<uint8_t, 16>;

// Of a segment that is sound, and whose process may live; what its identity is read from is copied.
struct OpenedSegment {
    Descriptor file;
    ring::Header header{};
    std::shared_ptr<const ProcessIdentity> process;
};

class Look {
public:
    explicit Look(const OpenFilter& filter) : filter_(filter) {}

    void at(const std::string& path) {
        const Descriptor directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        struct stat owner {};
        if (!directory || ::fstat(directory.get(), &owner) != 0) return problem_of(path, errno);
        std::vector<std::string> names;
        size_t others = 0;
        const bool listed = each_name(directory.get(), [&](const char* name) {
            if (!ring::parse_segment_name(name, nullptr)) return;
            if (names.size() < kMostSegments)
                names.emplace_back(name);
            else
                ++others;
        });
        if (!listed) problem_of(path, errno);
        if (others != 0) problem(path, std::to_string(others) + " more segments are there, and were not looked at");
        // All are read, whatever is asked for: parents are anywhere.
        LookAllowance allowance;  // of one user: nobody hides what others have open
        for (const std::string& name : names) {
            const std::string file = path + "/" + name;
            if (const auto segment = open(directory.get(), owner.st_uid, name, file)) read(*segment, file, allowance);
        }
    }

    OpenLook result() {
        look_.now_unix_nano = unix_nano();
        std::sort(all_.begin(), all_.end());
        for (OpenSpan& open : look_.spans) open.parent_process = process_of_parent(open.span);
        plant(look_.spans);
        return std::move(look_);
    }

private:
    // Of every open span, whether it is asked for or not.
    struct Place {
        TraceId trace_id;
        SpanId span_id;
        std::shared_ptr<const ProcessIdentity> process;

        auto id() const { return std::tie(trace_id, span_id); }
        bool operator<(const Place& other) const { return id() < other.id(); }
    };

    void problem(const std::string& where, const std::string& what) { look_.problems.push_back(where + ": " + what); }
    std::nullopt_t refuse(const std::string& file, const std::string& why) {
        problem(file, why);
        return std::nullopt;
    }
    void problem_of(const std::string& path, int error) {
        if (error != ENOENT) problem(path, error_text(error));
    }

    std::optional<OpenedSegment> open(int directory, uid_t owner, const std::string& name, const std::string& file) {
        uint8_t instance[16];
        ring::parse_segment_name(name.c_str(), instance);
        OpenedSegment segment;
        segment.file = open_foreign(directory, name.c_str(), O_RDONLY);
        const int fd = segment.file.get();
        if (!segment.file) {
            problem_of(file, errno);  // or it was drained to its end a moment ago
            return std::nullopt;
        }
        // Of the dead nothing is asked, not even whether they were sound.
        if (process_liveness(fd) == Liveness::kDead) return std::nullopt;
        uint64_t size = 0;
        ring::AttachReport report = ring::check_segment_file(fd, owner, size);
        if (report.ok()) report = ring::read_segment_header(fd, size, instance, segment.header);
        if (!report.ok()) return refuse(file, ring::describe(report));

        SegmentCopy copy(1);
        const uint64_t resource = uint64_t{segment.header.resource_size} + segment.header.schema_size;
        if (!copy.copy(fd, ring::kControlOffset, sizeof(ring::Control::policy)) ||
            !copy.copy(fd, ring::kResourceOffset, resource))
            return refuse(file, "it became shorter while it was read");
        if ((copy.view().control().policy & ring::PolicyBits::kRetired) != 0)
            return refuse(file, "its agent quarantined it: what is open in it is not believed");
        segment.process = read_producer(segment.header, copy.view(), owner);
        if (segment.process == nullptr) return refuse(file, "its resource is malformed");
        return segment;
    }

    void read(const OpenedSegment& segment, const std::string& file, LookAllowance& allowance) {
        uint64_t broken = 0;
        const uint64_t now = unix_nano();
        OpenSpanReader reader(segment.file.get(), segment.header);
        reader.each(allowance, [&](const ring::SlotCopy& slot) {
            if (auto span = decode_open_span(slot))
                take({segment.process, slot.slot.thread, std::move(*span), 0, nullptr, 0}, now);
            else
                ++broken;
        });
        ++look_.processes;
        look_.changed += reader.changed();
        broken += reader.broken();
        if (broken != 0) problem(file, std::to_string(broken) + " slots of open spans are inconsistent, and left out");
        if (reader.exhausted())
            problem(file, "its user's processes have more open than is looked at; the rest is left out");
    }

    void take(OpenSpan open, uint64_t now) {
        ++look_.open;
        all_.push_back({open.span.trace_id, open.span.span_id, open.process});
        if (!filter_.accepts(*open.process)) return;
        if (filter_.usual != nullptr) {
            open.usual_nano = filter_.usual->of(open.process->service, open.span.name);
            look_.not_known += open.usual_nano == 0;
        }
        if (!filter_.accepts(open, now)) return;
        ++look_.matching;
        // A heap with the youngest in front: of many only the oldest are kept.
        const auto older = [](const OpenSpan& a, const OpenSpan& b) {
            return a.span.start_unix_nano < b.span.start_unix_nano;
        };
        std::vector<OpenSpan>& kept = look_.spans;
        if (filter_.limit == 0) return kept.push_back(std::move(open));
        if (kept.size() == filter_.limit) {
            if (!older(open, kept.front())) return;
            std::pop_heap(kept.begin(), kept.end(), older);
            kept.pop_back();
        }
        kept.push_back(std::move(open));
        std::push_heap(kept.begin(), kept.end(), older);
    }

    std::shared_ptr<const ProcessIdentity> process_of_parent(const DecodedSpan& span) const {
        if (span.root()) return nullptr;
        const Place wanted{span.trace_id, span.parent_span_id, nullptr};
        const auto found = std::lower_bound(all_.begin(), all_.end(), wanted);
        return found != all_.end() && found->id() == wanted.id() ? found->process : nullptr;
    }

    const OpenFilter& filter_;
    OpenLook look_;
    std::vector<Place> all_;
};

}  // namespace

OpenLook look_at_open_spans(const Sites& sites, const OpenFilter& filter) {
    Look look(filter);
    for (const Site& site : sites.all) {
        for (const std::string& directory : site.directories) look.at(directory);
    }
    return look.result();
}

}  // namespace spanring::agent
