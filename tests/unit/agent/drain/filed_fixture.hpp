// SPDX-License-Identifier: Apache-2.0
//
// A drain whose undecided spans go into files at once, and what tests do to these.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <utility>
#include <vector>

#include <sys/stat.h>

#include "decide/undecided_files.hpp"
#include "unit/agent/drain/decided_fixture.hpp"

namespace spanring::agent {

namespace fs = std::filesystem;

inline constexpr uint64_t kTrace = 7;

class FiledTest : public DecidedDrainTest {
protected:
    FiledTest() {
        state_directory_ = state_.path();
        sampling_.ring_linger = milliseconds(2);  // of a trace that is over, the decision comes first
    }
    ~FiledTest() override { drainer.reset(); }

    std::string folder() const { return state_.path() + "/undecided"; }
    std::vector<fs::path> files() const {
        std::vector<fs::path> files;
        if (!fs::exists(folder())) return files;
        for (const auto& entry : fs::directory_iterator(folder())) {
            if (entry.path().extension() == UndecidedFiles::kEnding) files.push_back(entry.path());
        }
        return files;
    }
    // So many ended spans of an open trace.
    void append_open(FileImage& image, uint64_t spans, uint8_t status = 0) {
        image->claim(kChunk);
        image->open_slot(3, started(kTrace, 1000, "root"));
        for (uint64_t i = 0; i < spans; ++i) append(image, ended(kTrace, i, "work", status));
    }
    void close(FileImage& image) { image->set_slot_state(3, SlotState::kFree); }
    void pass_until_filed(uint64_t spans) {
        pass_until([&] { return counters_->filed_spans.get() == spans; });
    }
    // As if the agent had been killed; the next one.
    void restart(std::vector<PolicyOptions> policies) {
        drainer.reset();
        start_with(std::move(policies));
    }
    // The next one knows nothing of what was decided.
    void forget() {
        drainer.reset();
        fs::remove(state_.path() + "/decisions");
    }
    // Another agent's, between two.
    template <class Change>
    void change_files(FileImage& image, Change&& change) {
        UndecidedFiles files({folder()});
        struct stat status {};
        ASSERT_EQ(::stat(image.path().c_str(), &status), 0);
        ProcessIdentity identity;
        identity.instance = image.instance();
        identity.uid = status.st_uid;
        identity.device = status.st_dev;
        identity.inode = status.st_ino;
        change(files, identity.account());
    }
    ring::Totals totals(FileImage& image) const { return ledger.of(image.instance()).agent; }
    void damage(size_t from_the_end) {
        ASSERT_EQ(files().size(), 1u);
        const auto size = fs::file_size(files()[0]);
        std::fstream file(files()[0], std::ios::in | std::ios::out | std::ios::binary);
        file.seekg(static_cast<std::streamoff>(size - from_the_end));
        const char byte = static_cast<char>(file.get());
        file.seekp(static_cast<std::streamoff>(size - from_the_end));
        file.put(static_cast<char>(byte ^ 0x55));
    }

    TemporaryDirectory state_;
};

}  // namespace spanring::agent
