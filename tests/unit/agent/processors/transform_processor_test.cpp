// SPDX-License-Identifier: Apache-2.0
#include "processors/transform_processor.hpp"

#include "chain_kit.hpp"

namespace spanring::agent::test {
namespace {

ProcessorOptions transform(std::vector<Rename> renames) {
    ProcessorOptions processor;
    processor.type = ProcessorType::kTransform;
    processor.transform.span_names = std::move(renames);
    return processor;
}

std::string renamed(std::vector<Rename> renames, const std::string& name) {
    ChainKit kit({transform(std::move(renames))});
    return kit.take(a_span(name))->name();
}

TEST(TransformProcessorTest, ReplacesEachMatchInTheName) {
    EXPECT_EQ(renamed({{"/\\d+", "/{id}"}}, "GET /users/17/orders/4"), "GET /users/{id}/orders/{id}");
    EXPECT_EQ(renamed({{"/\\d+", "/{id}"}}, "GET /users"), "GET /users");
    EXPECT_EQ(renamed({{"^(\\w+) /api/(?P<what>\\w+)/.*", "${1} ${what}"}}, "GET /api/cart/9?x"), "GET cart");
    EXPECT_EQ(renamed({{".*", ""}}, "GET"), "GET") << "a span without a name is found by nobody";
}

TEST(TransformProcessorTest, GoesOneAfterTheOther) {
    EXPECT_EQ(renamed({{"[0-9a-f]{8}-[0-9a-f-]{27}", "{uuid}"}, {"/\\d+", "/{id}"}, {"\\{uuid\\}/\\{id\\}", "{both}"}},
                      "PUT /a/0af76519-16cd-43dd-8448-eb211c80319c/7"),
              "PUT /a/{both}");
}

TEST(TransformProcessorTest, LeavesAloneWhatDoesNotMatch) {
    ChainKit kit({transform({{"/\\d+", "/{id}"}})});
    for (int i = 0; i < 2; ++i) {
        kit.take(a_span("GET /users"));
        EXPECT_EQ(kit.outcome, Processed::kUntouched);
    }
    kit.take(a_span("GET /users/{id}"));
    EXPECT_EQ(kit.outcome, Processed::kUntouched);
    EXPECT_EQ(kit.chain.figures(0).changed, 0u);
    EXPECT_EQ(kit.take(a_span("GET /users/7"))->attributes_size(), a_span().attributes_size());
    EXPECT_EQ(kit.chain.figures(0).changed, 1u);
}

// However many there are, and however long: what is remembered of one is not said of another.
TEST(TransformProcessorTest, RemembersEachNameByItself) {
    ChainKit kit({transform({{"\\d+", "{id}"}, {"long", std::string(2000, 'l')}})});
    for (int round = 0; round < 3; ++round) {
        for (int i = 0; i < 2000; ++i) {
            const std::string beginning = i % 7 == 0 ? std::string(150, 'x') : i % 11 == 0 ? "long" : "GET /";
            const std::string shown = i % 7 != 0 && i % 11 == 0 ? std::string(2000, 'l') : beginning;
            const std::string middle(static_cast<size_t>(i % 50), 'y');
            ASSERT_EQ(kit.take(a_span(beginning + middle + std::to_string(i)))->name(), shown + middle + "{id}");
        }
    }
}

TEST(TransformProcessorTest, NeverLeavesHalfACharacter) { EXPECT_EQ(renamed({{"^\\C", ""}}, "über"), "über"); }

TEST(TransformProcessorTest, SaysWhatIsWrong) {
    EXPECT_EQ(wrong_rename({"a", "b"}), "");
    EXPECT_NE(wrong_rename({"", "b"}), "");
    EXPECT_NE(wrong_rename({"(", "b"}), "");
    EXPECT_NE(wrong_rename({"a", "${1}"}), "");
    EXPECT_NE(wrong_rename({"a", "\xff"}), "");
}

}  // namespace
}  // namespace spanring::agent::test
