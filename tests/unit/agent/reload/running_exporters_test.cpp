// SPDX-License-Identifier: Apache-2.0
#include "reload/running_exporters.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "batch/acknowledgements.hpp"
#include "support/fake_exporter.hpp"
#include "support/temporary_directory.hpp"

namespace spanring::agent {
namespace {

using test::FakeExporter;

// Who submits: this test, by the plan that it was told last.
class RunningExportersTest : public testing::Test {
protected:
    static ExporterConfig file(const std::string& id, const std::string& path = "/dev/null") {
        ExporterConfig config;
        config.id = id;
        config.type = ExporterType::kFile;
        config.file.path = path;
        return config;
    }

    std::unique_ptr<Exporter> make(const ExporterConfig& config, uint32_t index) {
        if (impossible.contains(config.file.path)) throw std::runtime_error(config.file.path + " is taken");
        auto exporter = std::make_unique<FakeExporter>(index, true, config.id);
        exporter->answers = !silent.contains(config.id);
        living[config.id] = exporter.get();
        made.push_back(config.id + " " + config.file.path);
        return exporter;
    }

    RunningExporters::Change change(const std::vector<ExporterConfig>& configs) {
        return exporters.change(
            configs, limits, [this](const auto& plan) { told.push_back(plan); }, std::chrono::seconds(1));
    }
    void start(const std::vector<ExporterConfig>& configs) { told.push_back(exporters.start(configs, limits)); }

    std::shared_ptr<Batch> submit() {
        auto batch = std::make_shared<Batch>();
        batch->spans = 1;
        batch->acknowledgements = &acknowledgements;
        batch->plan = told.back();
        batch->open.store(static_cast<uint32_t>(told.back()->required.size()));
        for (Exporter* const exporter : told.back()->exporters) exporter->submit(batch);
        return batch;
    }

    uint32_t index_of(const std::string& id) {
        uint32_t index = 99;
        exporters.visit([&](const Exporter& exporter) {
            if (exporter.name() == id) index = exporter.index();
        });
        return index;
    }
    std::vector<std::string> names() {
        std::vector<std::string> names;
        exporters.visit([&](const Exporter& exporter) { names.push_back(exporter.name()); });
        return names;
    }

    using Names = std::vector<std::string>;
    const BatchLimits limits;
    std::set<std::string> impossible, silent;
    std::map<std::string, FakeExporter*> living;
    Names made;
    Acknowledgements acknowledgements;
    std::vector<std::shared_ptr<const ExportPlan>> told;
    RunningExporters exporters{[this](const ExporterConfig& config, uint32_t index) { return make(config, index); }};
};

TEST_F(RunningExportersTest, LeavesAloneWhatIsAsItWas) {
    start({file("file/a"), file("file/b")});
    const FakeExporter* const before = living["file/a"];
    const auto done = change({file("file/c"), file("file/a")});
    EXPECT_EQ(done.problem, "");
    EXPECT_EQ(done.added, Names{"file/c"});
    EXPECT_EQ(done.removed, Names{"file/b"});
    EXPECT_EQ(done.changed, Names{});
    EXPECT_EQ(living["file/a"], before);
    EXPECT_EQ(names(), (Names{"file/c", "file/a"})) << "in the order of the configuration";
    EXPECT_EQ(made.size(), 3u);
}

TEST_F(RunningExportersTest, TheSuccessorGetsWhatItsPredecessorLeaves) {
    silent = {"file/a"};
    start({file("file/a", "/one")});
    const auto first = submit(), second = submit();
    EXPECT_EQ(change({file("file/a", "/two")}).changed, Names{"file/a"});
    ASSERT_EQ(living["file/a"]->waiting.size(), 2u);
    EXPECT_EQ(living["file/a"]->waiting[0], first) << "in their order";
    living["file/a"]->answer(1);
    living["file/a"]->answer(0);
    EXPECT_EQ(acknowledgements.take().size(), 2u) << "each once";
    EXPECT_EQ(second->resolutions[0].outcome, Outcome::kExported);
}

TEST_F(RunningExportersTest, WhatComesMeanwhileWaitsForTheSuccessor) {
    start({file("file/a", "/one")});
    std::shared_ptr<Batch> between;
    const auto follow = [&](const std::shared_ptr<const ExportPlan>& plan) {
        told.push_back(plan);
        if (between == nullptr) between = submit();
    };
    exporters.change({file("file/a", "/two")}, limits, follow, {});
    EXPECT_EQ(living["file/a"]->sizes.size(), 1u);
    EXPECT_EQ(between->resolutions[0].outcome, Outcome::kExported);
}

TEST_F(RunningExportersTest, WhatOneThatGoesLeavesIsNobodys) {
    silent = {"file/a"};
    start({file("file/a"), file("file/b")});
    const auto batch = submit();
    change({file("file/b")});
    ASSERT_EQ(acknowledgements.take().size(), 1u) << "nothing waits for it any more";
    EXPECT_EQ(batch->resolutions[0].outcome, Outcome::kPending);
    EXPECT_EQ(batch->resolutions[1].outcome, Outcome::kExported);
}

TEST_F(RunningExportersTest, AnIndexIsItsOwnersWhileABatchOfItLives) {
    silent = {"file/b"};
    start({file("file/a"), file("file/b")});
    auto batch = submit();
    const uint32_t of_a = index_of("file/a");
    change({file("file/b")});
    told.erase(told.begin(), told.end() - 1);  // nobody follows those any more
    ASSERT_EQ(told.back()->required.size(), 1u);
    EXPECT_EQ(told.back()->rows.size(), 2u) << "the answer of the one that went is booked with the batch";
    change({file("file/b"), file("file/c")});
    EXPECT_NE(index_of("file/c"), of_a);
    change({file("file/b"), file("file/c"), file("file/a")});
    EXPECT_EQ(index_of("file/a"), of_a) << "its own";
    change({file("file/b")});
    living["file/b"]->answer(0);
    acknowledgements.take();
    batch.reset();
    told.erase(told.begin(), told.end() - 1);
    change({file("file/b"), file("file/d")});
    EXPECT_EQ(index_of("file/d"), of_a);
    told.erase(told.begin(), told.end() - 1);
    change({file("file/b"), file("file/d")});
    EXPECT_EQ(told.back()->rows.size(), 2u);
}

TEST_F(RunningExportersTest, ANewOneThatCannotBeMadeChangesNothing) {
    start({file("file/a", "/one")});
    impossible = {"/taken"};
    EXPECT_EQ(change({file("file/a", "/two"), file("file/b", "/taken")}).problem, "/taken is taken");
    EXPECT_EQ(names(), Names{"file/a"});
    EXPECT_EQ(made, Names{"file/a /one"});
    EXPECT_EQ(told.size(), 1u);
}

TEST_F(RunningExportersTest, ASuccessorThatCannotBeMadeGivesWayAndSoDoAllOthers) {
    start({file("file/a", "/one"), file("file/b", "/one"), file("file/c", "/one")});
    impossible = {"/taken"};
    const auto refused = change({file("file/a", "/two"), file("file/b", "/taken"), file("file/d")});
    EXPECT_EQ(refused.problem, "/taken is taken");
    EXPECT_EQ(names(), (Names{"file/a", "file/b", "file/c"}));
    EXPECT_EQ(made[made.size() - 2], "file/a /one");
    EXPECT_EQ(made.back(), "file/b /one");
    const auto batch = submit();
    for (uint32_t index = 0; index < 3; ++index) EXPECT_EQ(batch->resolutions[index].outcome, Outcome::kExported);
    EXPECT_EQ(told.back()->exporters.size(), 3u);
    EXPECT_EQ(change({file("file/a", "/one"), file("file/b", "/one"), file("file/c", "/one")}).changed, Names{});
}

TEST_F(RunningExportersTest, OneThatCanBeMadeInNoWayEndsTheAgent) {
    start({file("file/a", "/one")});
    impossible = {"/one", "/two"};
    EXPECT_THROW(change({file("file/a", "/two")}), std::runtime_error);
    impossible.clear();
    const auto batch = submit();
    told.back()->exporters.front()->shutdown({});
    EXPECT_EQ(batch->resolutions[0].outcome, Outcome::kLeftBehind) << "for the next agent";
}

TEST_F(RunningExportersTest, MoreThanThereAreRowsAreRefused) {
    std::vector<ExporterConfig> most;
    for (uint32_t i = 0; i < ring::kExporterRows; ++i) most.push_back(file("file/" + std::to_string(i)));
    start(most);
    most.push_back(file("file/more"));
    EXPECT_NE(change(most).problem, "");
    EXPECT_EQ(names().size(), size_t{ring::kExporterRows});
}

TEST_F(RunningExportersTest, FollowPauses) {
    const spanring::test::TemporaryDirectory directory;
    PausedExporters{{"a", "gone"}}.write(directory.path());
    start({file("a"), file("b")});
    exporters.follow_pauses(directory.path());
    EXPECT_TRUE(living.at("a")->paused);
    EXPECT_FALSE(living.at("b")->paused);
    PausedExporters{{"b"}}.write(directory.path());
    exporters.follow_pauses(directory.path());
    EXPECT_FALSE(living.at("a")->paused);
    EXPECT_TRUE(living.at("b")->paused);
    std::ofstream(directory.file(PausedExporters::kName)) << "{";
    exporters.follow_pauses(directory.path());
    EXPECT_TRUE(living.at("b")->paused) << "what is damaged says nothing";
    std::filesystem::remove(directory.file(PausedExporters::kName));
    exporters.follow_pauses(directory.path());
    EXPECT_FALSE(living.at("b")->paused);
}

}  // namespace
}  // namespace spanring::agent
