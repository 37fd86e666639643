// SPDX-License-Identifier: Apache-2.0
//
// Which segment an agent was reading when it crashed, or which exporter's thread it was on: a file of lines in the
// state directory, so that a segment that brings the agent down can do so twice, not forever.
//
// Written by a signal handler, at a fault of the thread's own (a bad access, an abort) and only while a CrashScope
// names one. So a kill from outside, SIGKILL above all, is never blamed on a segment, and nothing is written
// while all is well. A segment is quarantined after two crashes within kCrashMemory of each other; a clean end forgets
// the others.
//
// What is not seen: a crash on a thread of gRPC's own; and an end by the kernel for lack of memory.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/descriptor.hpp"

namespace spanring::agent {

class CrashJournal {
public:
    static constexpr std::chrono::hours kCrashMemory{1};

    // Reads what earlier agents left. Lines that make no sense are passed over: a torn one counts as none. Where the
    // file cannot be made or opened, nothing is noted, and the log says so.
    explicit CrashJournal(std::string file);
    ~CrashJournal();  // disarms
    CrashJournal(const CrashJournal&) = delete;
    CrashJournal& operator=(const CrashJournal&) = delete;

    // Installs the handlers: once the process has one journal, and before a FaultGuard, which passes on what is not
    // its.
    void arm();

    struct Crash {
        int signal = 0;
        int64_t unix_seconds = 0;
        std::string place;  // a segment's path, or as CrashScope says it of an exporter
    };
    const std::vector<Crash>& crashes() const { return crashes_; }  // of earlier agents, oldest first

    // Why a segment must not be read; empty: it may.
    std::string reason_to_quarantine(const std::string& segment) const;

    // The agent ends in good order: forgets the crashes of segments that are not quarantined.
    void forget();

private:
    void open();
    bool is_quarantined(const std::string& segment) const;
    template <class Wanted>
    void keep(Wanted&& wanted);
    void rewrite();

    const std::string file_;
    std::vector<Crash> crashes_;
    Descriptor appended_;
};

std::string signal_name(int signal);  // "SIGSEGV"

}  // namespace spanring::agent
