// SPDX-License-Identifier: Apache-2.0
#include "export/debug_exporter.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <thread>

#include "support/batches.hpp"

namespace spanring::agent::test {
namespace {

using testing::HasSubstr;
using testing::Not;

class DebugExporterTest : public testing::Test {
protected:
    DebugExporterTest() : out_(::open_memstream(&text_, &size_)) {}
    ~DebugExporterTest() override {
        std::fclose(out_);
        std::free(text_);
    }

    std::string print(DebugOptions::Verbosity verbosity, std::shared_ptr<Batch> batch, bool required = false) {
        DebugOptions options;
        options.verbosity = verbosity;
        DebugExporter exporter("debug", 0, required, options, out_);
        exporter.submit(std::move(batch));
        EXPECT_TRUE(exporter.flush(watchdog()));
        std::fflush(out_);
        return {text_, size_};
    }

    static std::chrono::steady_clock::time_point watchdog() {
        return std::chrono::steady_clock::now() + std::chrono::seconds(60);
    }

    static std::shared_ptr<Batch> one(const std::string& span) {
        auto batch = std::make_shared<Batch>();
        add_run(*batch, producer(1, "shop"), scope("lib"), bytes(2, span), 1);
        return batch;
    }

    char* text_ = nullptr;
    size_t size_ = 0;
    std::FILE* const out_;
};

TEST_F(DebugExporterTest, BasicIsALineForEachBatch) {
    EXPECT_EQ(print(DebugOptions::Verbosity::kBasic, batch_of(0, 3)), "Traces: 3 spans of 1 process, 598 bytes\n");
}

TEST_F(DebugExporterTest, NormalIsALineForEachSpan) {
    const std::string text = print(DebugOptions::Verbosity::kNormal, one(full_span()));
    EXPECT_THAT(text, HasSubstr("shop  GET /api/orders/{id}  Server  500.0us  trace=0000000000000000"));
    EXPECT_THAT(text, HasSubstr("parent=0200000000000000"));
    EXPECT_THAT(text, HasSubstr("status=Error"));
    EXPECT_THAT(text, HasSubstr(R"("http.response.status_code":200)"));
}

TEST_F(DebugExporterTest, DetailedIsEverything) {
    const std::string text = print(DebugOptions::Verbosity::kDetailed, one(full_span()));
    for (const char* part : {"-> service.name: Str(shop)", "InstrumentationScope lib",
                             "ID             : 0100000000000000", "Start time     : 2023-11-14T22:13:20.000000000Z",
                             "End time       : 2023-11-14T22:13:20.000500000Z (500.0us)", "Status code    : Error",
                             "Status message : it broke", "TraceState     : vendor=1,other=2", "Flags          : 0x101",
                             "1 attributes, 3 events, 5 links", "-> double: Double(1.5)",
                             "-> map: Map({\"inner\":[\"a\",7,null],\"none\":null})", "SpanEvent #0",
                             "-> Name: exception", "SpanLink #0", "-> link: Str(yes)"}) {
        EXPECT_THAT(text, HasSubstr(part));
    }
}

TEST_F(DebugExporterTest, SteersNoTerminal) {
    const std::string text = print(DebugOptions::Verbosity::kDetailed, one(bare_span() + bytes(5, "evil\x1b[2Jname")));
    EXPECT_THAT(text, Not(HasSubstr("\x1b")));
    const std::string turned =
        print(DebugOptions::Verbosity::kDetailed, one(bare_span() + bytes(5, "a\xe2\x80\xae\xc2\x9b z")));
    EXPECT_THAT(turned, HasSubstr("a?? z")) << "neither U+202E nor U+009B";
    EXPECT_THAT(text, HasSubstr("evil?[2Jname"));
}

TEST_F(DebugExporterTest, NeverDelaysAnAcknowledgementUnlessItIsRequired) {
    Acknowledgements acknowledgements;
    auto free = batch_of(0, 1, &acknowledgements);
    print(DebugOptions::Verbosity::kBasic, free);
    EXPECT_EQ(free->open.load(), 1u) << "does not touch it";
    auto required = batch_of(1, 1, &acknowledgements);
    print(DebugOptions::Verbosity::kBasic, required, true);
    EXPECT_EQ(acknowledgements.take().size(), 1u);
    EXPECT_EQ(required->resolutions[0].outcome, Outcome::kExported);
}

TEST_F(DebugExporterTest, AStuckTerminalCostsSpansNotTime) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    std::FILE* const stuck = ::fdopen(ends[1], "w");
    {
        DebugOptions options;
        options.verbosity = DebugOptions::Verbosity::kDetailed;
        options.queue_bytes = 200'000;
        DebugExporter exporter("debug", 0, false, options, stuck);
        for (int i = 0; i < 50; ++i) exporter.submit(batch_of(0, 500));
        EXPECT_GT(exporter.status().dropped, 0u);
        std::thread reader([&] {
            char buffer[65536];
            while (::read(ends[0], buffer, sizeof buffer) > 0) {
            }
        });
        EXPECT_TRUE(exporter.flush(watchdog()));
        EXPECT_EQ(exporter.status().exported + exporter.status().dropped, 25'000u);
        exporter.shutdown(watchdog());
        std::fclose(stuck);
        reader.join();
    }
    ::close(ends[0]);
}

}  // namespace
}  // namespace spanring::agent::test
