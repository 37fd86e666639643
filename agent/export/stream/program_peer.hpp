// SPDX-License-Identifier: Apache-2.0
//
// A program that the agent starts: requests go to its standard input, answers come from its standard output, and what
// it writes to its standard error goes to the log.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/descriptor.hpp"
#include "export/stream/peer.hpp"
#include "export/stream/program_log.hpp"

namespace spanring::agent {

class ProgramLine;

class ProgramPeer final : public StreamPeer {
public:
    // `line` outlives it, and is its alone.
    ProgramPeer(const std::string& who, std::string name, ProgramLine& line);

    const std::string& name() const override { return name_; }
    std::string open() override;
    int requests() const override { return requests_.get(); }
    int answers() const override { return answers_.get(); }
    void close() override;
    void add_others(std::vector<pollfd>& waits) const override;
    void look_at_others() override;
    bool ended() const override { return !end_.empty(); }
    std::string end() override;

private:
    void read_errors();

    const std::string name_;
    ProgramLine& line_;
    ProgramLog log_;
    uint32_t run_ = 0;  // 0: it was not asked for
    Descriptor requests_, answers_, errors_;
    std::string end_;
};

}  // namespace spanring::agent
