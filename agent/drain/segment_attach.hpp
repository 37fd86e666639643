// SPDX-License-Identifier: Apache-2.0
//
// How a file that was opened and checked (segment_file.hpp) becomes an AttachedSegment, or why it does not. Drain
// thread only.
//
// Header bill: what it makes is a whole AttachedSegment; drainer.hpp alone includes it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "drain/attached_segment.hpp"
#include "drain/segment_accounts.hpp"
#include "ledger/ledger.hpp"
#include "segment/host_facts.hpp"
#include "segment/segment_file.hpp"

namespace spanring::agent {

struct SegmentSettings {
    std::vector<ExporterRow> exporters;  // the required ones
    bool zero_copy = false;              // where the segment allows it
    bool after_death = false;            // the agent before this one did not end cleanly
    HostFacts host{};                    // for the resource
};

struct AttachOutcome {
    enum class Kind {
        kAttached,
        kGone,     // the file is gone
        kBusy,     // another agent drains it
        kLater,    // not now: waiting may help
        kRefused,  // not this file
    };
    Kind kind = Kind::kRefused;
    std::unique_ptr<AttachedSegment> segment;  // kAttached
    std::string reason;                        // otherwise
    std::optional<ProcessRow> quarantined;  // kRefused, to be quarantined: what the header says of it, for the ledger
    dev_t device = 0;                       // of the file that was refused
    ino_t inode = 0;
};

// `file`: what was opened under `name` in a directory of `owner`. `source` names the attachment in receipts.
// `reason_to_quarantine`: why it is to be quarantined unread, if it is: nothing of it but the header is read then.
AttachOutcome attach_segment(SegmentFile file, const std::string& name, uid_t owner, uint64_t source,
                             const SegmentSettings& settings, const std::string& reason_to_quarantine = {});

}  // namespace spanring::agent
