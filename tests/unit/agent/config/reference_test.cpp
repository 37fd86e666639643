// SPDX-License-Identifier: Apache-2.0
#include "config/reference.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace spanring::agent {
namespace {

using testing::Contains;
using testing::HasSubstr;

const ReferenceTable& table(const std::vector<ReferenceTable>& tables, const std::string& title) {
    for (const ReferenceTable& table : tables) {
        if (table.title == title) return table;
    }
    throw std::out_of_range(title);
}

TEST(ReferenceTest, SaysValuesDefaultAndMeaning) {
    const auto tables = reference();
    EXPECT_THAT(
        table(tables, "exporters.store").rows,
        Contains(ReferenceRow{"max_age", "duration, at least 1m", "`72h`", "what is older is removed, and counted"}));
    EXPECT_THAT(table(tables, "exporters.otlp_grpc").rows, Contains(testing::Field(&ReferenceRow::key, "zero_copy")));
}

TEST(ReferenceTest, SaysOnceWhatTwoExportersHaveInCommon) {
    const auto tables = reference();
    const auto has = [&](const std::string& title, const std::string& key) {
        for (const ReferenceRow& row : table(tables, title).rows) {
            if (row.key == key) return true;
        }
        return false;
    };
    EXPECT_TRUE(has("exporters.otlp_grpc, exporters.otlp_http", "spool.fsync"));
    EXPECT_FALSE(has("exporters.otlp_grpc", "spool.fsync"));
    EXPECT_FALSE(has("exporters.otlp_http", "spool.fsync"));
    EXPECT_TRUE(has("exporters.otlp_grpc", "compression")) << "its values differ";
    EXPECT_TRUE(has("exporters.otlp_http", "compression"));
}

TEST(ReferenceTest, EveryKeyHasAMeaningAndStandsOnce) {
    for (const ReferenceTable& table : reference()) {
        std::set<std::string> seen;
        for (const ReferenceRow& row : table.rows) {
            EXPECT_TRUE(seen.insert(row.key).second) << table.title << ": " << row.key;
            EXPECT_FALSE(row.help.empty()) << table.title << ": " << row.key;
            EXPECT_EQ((row.help + row.values + row.otherwise).find_first_of("|\n"), std::string::npos) << row.key;
        }
        EXPECT_FALSE(table.rows.empty()) << table.title;
    }
}

TEST(ReferenceTest, IsPrintedAsTables) {
    EXPECT_EQ(print_reference({{"a.b", {{"key", "text", "`x`", "what it is"}}}}),
              "#### `a.b`\n\n"
              "| key   | values | default | meaning    |\n"
              "|-------|--------|---------|------------|\n"
              "| `key` | text   | `x`     | what it is |\n");
}

}  // namespace
}  // namespace spanring::agent
