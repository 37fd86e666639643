// SPDX-License-Identifier: Apache-2.0
#include "export/file/exporter.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "otlp.pb.h"
#include "otlp/json.hpp"
#include "otlp/request.hpp"
#include "receive/json_request.hpp"
#include "support/batches.hpp"
#include "support/decompress.hpp"
#include "support/temporary_directory.hpp"

namespace spanring::agent::test {
namespace {

class FileExporterTest : public testing::Test {
protected:
    FileExporterTest() { options_.path = directory_.file("spans"); }

    static std::chrono::steady_clock::time_point watchdog() {
        return std::chrono::steady_clock::now() + std::chrono::seconds(60);
    }
    static std::string request_of(const Batch& batch) { return flatten(assemble(batch.runs)); }
    std::shared_ptr<Batch> full(uint64_t first, uint32_t count) {
        auto batch = batch_of(first, count, &acknowledgements_);
        add_run(*batch, producer(2, "bakery"), scope("lib", "https://schema"), bytes(2, full_span(first)), 1);
        return batch;
    }
    std::string written() const {
        std::stringstream text;
        text << std::ifstream(options_.path).rdbuf();
        return text.str();
    }
    // In one exporter's life, each written by itself.
    void write(const std::vector<std::shared_ptr<Batch>>& batches) {
        FileExporter exporter("file", 0, true, options_);
        for (const auto& batch : batches) {
            exporter.submit(batch);
            ASSERT_TRUE(exporter.flush(watchdog()));
            EXPECT_EQ(batch->resolutions[0].outcome, Outcome::kExported);
        }
        EXPECT_EQ(exporter.status().queued_bytes, 0u);
    }
    // By the receiver's own reader.
    static std::string protobuf_of(const std::string& json) {
        Body request;
        EXPECT_EQ(request_of_json(readable(json), request), "");
        return {reinterpret_cast<const char*>(request.bytes.get()), request.size};
    }
    // What it says, in an order of its own.
    static std::string parsed(const std::string& request) {
        otlp::Request message;
        EXPECT_TRUE(message.ParseFromString(request));
        return message.DebugString();
    }
    // As whoever reads the format: each message's bytes.
    static std::vector<std::string> messages(std::string_view text) {
        std::vector<std::string> found;
        while (text.size() >= 4) {
            size_t size = 0;
            for (int i = 0; i < 4; ++i) size = size << 8 | static_cast<uint8_t>(text[i]);
            text.remove_prefix(4);
            if (size > text.size()) return {};
            found.emplace_back(text.substr(0, size));
            text.remove_prefix(size);
        }
        return text.empty() ? found : std::vector<std::string>();
    }

    spanring::test::TemporaryDirectory directory_;
    FileOptions options_;
    Acknowledgements acknowledgements_;
};

TEST_F(FileExporterTest, EachBatchIsALineOfJson) {
    const auto one = full(0, 3), two = full(10, 1);
    write({one, two});
    std::istringstream lines(written());
    for (const auto& batch : {one, two}) {
        std::string line;
        ASSERT_TRUE(std::getline(lines, line));
        EXPECT_EQ(parsed(protobuf_of(line)), parsed(request_of(*batch)));
    }
    EXPECT_EQ(lines.peek(), EOF);
    EXPECT_EQ(acknowledgements_.take().size(), 2u);
}

TEST_F(FileExporterTest, OrItsProtobufWithItsLength) {
    options_.format = FileOptions::Format::kProto;
    const auto one = full(0, 300), two = full(500, 1);
    write({one, two});
    EXPECT_THAT(messages(written()), testing::ElementsAre(request_of(*one), request_of(*two)));
}

TEST_F(FileExporterTest, CompressedItIsOneStreamABatch) {
    options_.compression = FileOptions::Compression::kZstd;
    options_.format = FileOptions::Format::kProto;
    const auto one = full(0, 300), two = full(500, 2);
    write({one});
    EXPECT_LT(written().size(), request_of(*one).size() / 2);
    EXPECT_THAT(messages(unzstd(written()).value_or("")), testing::ElementsAre(request_of(*one)));
    write({two});
    EXPECT_THAT(messages(unzstd(written()).value_or("")), testing::ElementsAre(request_of(*two)))
        << "another agent begins a file of its own";
}

// The disk is full for a while: what comes then is dropped and counted, and the file has whole lines.
TEST_F(FileExporterTest, GoesOnWhenThereIsRoomAgain) {
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
    auto* const handler = ::signal(SIGXFSZ, SIG_IGN);
    FileExporter exporter("file", 0, true, options_);
    const auto one = full(0, 3), two = full(10, 3), three = full(20, 3);
    const auto put = [&](const std::shared_ptr<Batch>& batch) {
        exporter.submit(batch);
        ASSERT_TRUE(exporter.flush(watchdog()));
    };
    put(one);
    const rlimit low = {written().size() + 100, before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &low), 0);
    put(two);
    const bool healthy = exporter.status().healthy;
    ::setrlimit(RLIMIT_FSIZE, &before);
    ::signal(SIGXFSZ, handler);
    put(three);
    EXPECT_FALSE(healthy);
    const ExporterStatus status = exporter.status();
    EXPECT_TRUE(status.healthy);
    EXPECT_EQ(status.exported, 8u);
    EXPECT_EQ(status.dropped, 4u);
    EXPECT_EQ(two->resolutions[0].outcome, Outcome::kDroppedQueue);
    const std::string text = written();
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2);
}

// Of what is written together a part does not fit any more: what is in the file was exported.
TEST_F(FileExporterTest, OfAGroupThatDoesNotFitTheFirstOnesAreExported) {
    for (const bool durable : {false, true}) {
        options_.path = directory_.file(durable ? "durable" : "not");
        options_.fsync = durable;
        std::vector<std::shared_ptr<Batch>> batches;
        for (uint64_t i = 0; i < 40; ++i) batches.push_back(full(i * 100, 20));
        rlimit before{};
        ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
        auto* const handler = ::signal(SIGXFSZ, SIG_IGN);
        const rlimit low = {20 * otlp_json_of_request(readable(request_of(*batches[0]))).size(), before.rlim_max};
        ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &low), 0);
        FileExporter exporter("file", 0, true, options_);
        for (const auto& batch : batches) exporter.submit(batch);
        const bool flushed = exporter.flush(watchdog());
        ::setrlimit(RLIMIT_FSIZE, &before);
        ::signal(SIGXFSZ, handler);
        ASSERT_TRUE(flushed);
        const std::string text = written();
        const auto lines = std::count(text.begin(), text.end(), '\n');
        EXPECT_EQ(std::count_if(batches.begin(), batches.end(),
                                [](const auto& batch) { return batch->resolutions[0].outcome == Outcome::kExported; }),
                  lines);
        EXPECT_EQ(exporter.status().exported, static_cast<uint64_t>(lines) * 21);
        EXPECT_EQ(exporter.status().dropped, (batches.size() - static_cast<uint64_t>(lines)) * 21);
        EXPECT_EQ(exporter.status().queued_spans, 0u);
    }
}

TEST_F(FileExporterTest, APlaceThatCannotBeWrittenMayPass) {
    options_.path = directory_.file("later/spans");
    FileExporter exporter("file", 0, true, options_);
    EXPECT_FALSE(exporter.status().healthy);
    EXPECT_THAT(exporter.status().last_error, testing::HasSubstr("later/spans"));
    std::filesystem::create_directory(directory_.file("later"));
    exporter.submit(full(0, 1));
    ASSERT_TRUE(exporter.flush(watchdog()));
    EXPECT_TRUE(exporter.status().healthy);
    EXPECT_EQ(exporter.status().exported, 2u);
}

}  // namespace
}  // namespace spanring::agent::test
