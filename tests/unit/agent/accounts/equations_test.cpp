// SPDX-License-Identifier: Apache-2.0
#include "accounts/equations.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/memory_ledger.hpp"

namespace spanring::agent {
namespace {

using ring::Counter;
using spanring::test::MemoryLedger;

void set(WriterTotals& writer, Counter counter, uint64_t value) { writer[static_cast<size_t>(counter)] = value; }

// 100 started: 90 ended, 3 of them dropped as the ring was full; 10 open.
ProcessAccount process() {
    ProcessAccount account;
    set(account.writer, Counter::kStarted, 100);
    set(account.writer, Counter::kEnded, 90);
    set(account.writer, Counter::kDroppedFull, 3);
    account.open = 10;
    return account;
}

ring::ExporterTotals row(const char* name) {
    ring::ExporterTotals totals{};
    totals.exporter = exporter_hash(name);
    return totals;
}

// By the exporter "store" alone.
ring::Totals exported(uint64_t acknowledged, uint64_t exported) {
    ring::Totals totals{};
    totals.acknowledged = acknowledged;
    totals.exporters[0] = row("store");
    totals.exporters[0].exported = exported;
    return totals;
}

// Of what is pending: what the ledger says of a moment ago explains no more than that.
TEST(EquationsTest, HaveATermForWhatIsUndecided) {
    ProcessAccount served = process();
    fill_exporters(served, exported(80, 80), nullptr);
    served.undecided.ring_spans = 1;
    served.undecided.slot_spans = 1;
    served.undecided.filed_spans = 3;
    EXPECT_EQ(equations_of(served)[1].text(),
              "ended 90 = exported 80 + rejected 0 + dropped{full} 3 + undecided 5 + pending 2");
    EXPECT_EQ(equations_of(total_of({served, served}))[1].text(),
              "ended 180 = exported 160 + rejected 0 + dropped{full} 6 + undecided 10 + pending 4");
    served.undecided.filed_spans = 30;
    EXPECT_EQ(equations_of(served)[1].text(),
              "ended 90 = exported 80 + rejected 0 + dropped{full} 3 + undecided 7 + pending 0");
    EXPECT_EQ(equations_of(served)[1].verdict, Judgement::kOk);
}

TEST(EquationsTest, OfASenderBeginWithWhatWasReceived) {
    ProcessAccount sender;
    set(sender.writer, Counter::kEnded, 10);
    fill_exporters(sender, exported(8, 8), nullptr);
    sender.writer = {};
    sender.state = ProcessState::kSender;
    sender.received = 10;
    const auto equations = equations_of(sender);
    ASSERT_EQ(equations.size(), 1u);
    EXPECT_EQ(equations[0].text(), "received 10 = exported 8 + rejected 0 + dropped 0 + pending 2");
    EXPECT_EQ(equations[0].verdict, Judgement::kOk);

    ProcessAccount served = process();
    fill_exporters(served, exported(87, 87), nullptr);
    const auto totals = equations_of(total_of({served, sender}));
    ASSERT_EQ(totals.size(), 2u);
    EXPECT_EQ(totals[0].text(), "started 100 = ended 90 + open 10");
    EXPECT_EQ(totals[1].text(), "ended 90 + received 10 = exported 95 + rejected 0 + dropped{full} 3 + pending 2");
    EXPECT_EQ(totals[1].verdict, Judgement::kOk);
}

TEST(EquationsTest, HoldWhereEverySpanIsSomewhere) {
    MemoryLedger ledger;
    ledger.book_spool({}, "otlp_grpc", {4, 1, 2});
    ring::Totals totals{};
    totals.acknowledged = 80;
    totals.exporters[0] = row("otlp_grpc");
    totals.exporters[0].exported = 50;
    totals.exporters[0].rejected = 5;
    totals.exporters[0].spooled = 12;
    totals.exporters[0].filtered = 6;
    totals.exporters[0].sampled_out = 4;
    totals.exporters[0].dropped_invalid = 3;
    ProcessAccount account = process();
    fill_exporters(account, totals, &ledger);
    ASSERT_EQ(account.exporters.size(), 1u);
    EXPECT_EQ(account.exporters[0].name, "otlp_grpc");
    EXPECT_EQ(account.exporters[0].exported, 54u);
    EXPECT_EQ(account.exporters[0].pending_ring, 7u);
    EXPECT_EQ(account.exporters[0].pending_spool, 5u);
    const auto equations = equations_of(account);
    ASSERT_EQ(equations.size(), 2u);
    EXPECT_EQ(equations[0].text(), "started 100 = ended 90 + open 10");
    EXPECT_EQ(equations[0].verdict, Judgement::kOk);
    EXPECT_EQ(equations[1].text(),
              "ended 90 = exported 54 + rejected 6 + filtered 6 + sampled_out 4 + dropped{full} 3 + "
              "dropped{invalid} 3 + dropped{spool} 2 + pending 12");
    EXPECT_EQ(equations[1].verdict, Judgement::kOk);
}

// Beside `store`, one that came later: of it the rules say too much.
TEST(EquationsTest, NameTheRulesThatSampledOut) {
    ring::Totals totals = exported(87, 70);
    totals.exporters[0].sampled_out = 17;
    totals.exporters[1] = row("debug");
    totals.exporters[1].exported = 30;
    totals.exporters[1].sampled_out = 7;
    totals.exporters[1].elsewhere = 50;
    const ring::RuleTotals rules[] = {{21, 10, 2}, {22, 0, 0}, {ring::kOtherRules, 7, 0}};
    ProcessAccount account = process();
    fill_exporters(account, totals, nullptr);
    fill_rules(account, rules, nullptr);
    const auto equations = equations_of(account);
    ASSERT_EQ(equations.size(), 3u);
    EXPECT_EQ(equations[1].text(), "ended 90 = exported 70 + rejected 0 + sampled_out{rule 21} 10 + "
                                   "sampled_out{(other)} 7 + dropped{full} 3 + pending 0");
    EXPECT_EQ(equations[1].verdict, Judgement::kOk);
    EXPECT_EQ(equations[2].text(),
              "ended 90 = exported 30 + rejected 0 + sampled_out 7 + dropped{full} 3 + pending 0 + elsewhere 50");
    EXPECT_EQ(equations[2].verdict, Judgement::kOk);

    const auto total = equations_of(total_of({account, account}));
    EXPECT_EQ(total[1].text(), "ended 180 = exported 140 + rejected 0 + sampled_out{rule 21} 20 + "
                               "sampled_out{(other)} 14 + dropped{full} 6 + pending 0");
}

// By an agent that did not count them by rule; and more by rules than at all, which cannot be.
TEST(EquationsTest, RulesHaveNoMoreThanWasSampledOut) {
    ring::Totals totals = exported(87, 70);
    totals.exporters[0].sampled_out = 17;
    ProcessAccount account = process();
    fill_exporters(account, totals, nullptr);
    const ring::RuleTotals some[] = {{21, 10, 0}};
    fill_rules(account, some, nullptr);
    Equation equation = equations_of(account)[1];
    EXPECT_EQ(equation.text(), "ended 90 = exported 70 + rejected 0 + sampled_out{rule 21} 10 + sampled_out 7 + "
                               "dropped{full} 3 + pending 0");
    EXPECT_EQ(equation.verdict, Judgement::kOk);
    const ring::RuleTotals many[] = {{21, 18, 0}};
    fill_rules(account, many, nullptr);
    equation = equations_of(account)[1];
    EXPECT_EQ(equation.verdict, Judgement::kMismatch);
    EXPECT_EQ(equation.difference(), "1 too many");
}

TEST(EquationsTest, CountUnfinishedSpansOfTheDeadOnce) {
    ring::Totals totals = exported(87, 97);
    totals.unfinished = 10;
    ProcessAccount account = process();
    account.open = 0;
    fill_exporters(account, totals, nullptr);
    const auto equations = equations_of(account);
    EXPECT_EQ(equations[0].text(), "started 100 = ended 90 + open 0 + unfinished 10");
    EXPECT_EQ(equations[1].text(), "ended 90 + unfinished 10 = exported 97 + rejected 0 + dropped{full} 3 + pending 0");
    EXPECT_EQ(equations[0].verdict, Judgement::kOk);
    EXPECT_EQ(equations[1].verdict, Judgement::kOk);
}

TEST(EquationsTest, ALostSpanIsAMismatchUnlessTheNumbersAreOfSeveralInstants) {
    ring::Totals totals = exported(87, 86);  // one was acknowledged, and is nowhere
    ProcessAccount account = process();
    account.open = 9;
    fill_exporters(account, totals, nullptr);
    const auto quiet = equations_of(account);
    EXPECT_EQ(quiet[0].verdict, Judgement::kMismatch);
    EXPECT_EQ(quiet[1].verdict, Judgement::kMismatch);
    EXPECT_EQ(quiet[1].left_sum(), 90u);
    EXPECT_EQ(quiet[1].right_sum(), 89u);
    EXPECT_EQ(quiet[1].difference(), "1 missing");
    account.moving = true;
    EXPECT_EQ(equations_of(account)[1].verdict, Judgement::kBusy);
    account.state = ProcessState::kQuarantined;
    EXPECT_EQ(equations_of(account)[1].verdict, Judgement::kUntrusted);
}

TEST(EquationsTest, ASpanThatIsDeliveredTwiceIsAMismatch) {
    ring::Totals totals = exported(87, 88);
    ProcessAccount account = process();
    fill_exporters(account, totals, nullptr);
    EXPECT_EQ(equations_of(account)[1].verdict, Judgement::kMismatch);
    EXPECT_EQ(equations_of(account)[1].difference(), "1 too many");
}

TEST(EquationsTest, AnExporterOfALaterAgentDoesNotAnswerForWhatWasBefore) {
    ring::Totals totals = exported(87, 50);
    totals.exporters[0].elsewhere = 37;
    totals.exporters[1] = row("otlp_grpc");
    totals.exporters[1].exported = 37;
    totals.exporters[1].elsewhere = 50;
    ProcessAccount account = process();
    fill_exporters(account, totals, nullptr);
    const auto equations = equations_of(account);
    ASSERT_EQ(equations.size(), 3u);
    EXPECT_EQ(equations[1].text(), "ended 90 = exported 50 + rejected 0 + dropped{full} 3 + pending 0 + elsewhere 37");
    EXPECT_EQ(equations[1].verdict, Judgement::kOk);
    EXPECT_EQ(equations[2].verdict, Judgement::kOk);
}

TEST(EquationsTest, AnExporterIsNotExcusedByWhatAnotherHasAnsweredFor) {
    ring::Totals totals = exported(87, 77);  // ten were acknowledged, and are nowhere
    totals.exporters[1] = row("otlp_grpc");
    totals.exporters[1].exported = 87;
    ProcessAccount account = process();
    fill_exporters(account, totals, nullptr);
    const auto equations = equations_of(account);
    ASSERT_EQ(equations.size(), 3u);
    EXPECT_EQ(equations[1].exporter, "store");
    EXPECT_EQ(equations[1].verdict, Judgement::kMismatch);
    EXPECT_EQ(equations[1].difference(), "10 missing");
    EXPECT_EQ(equations[2].verdict, Judgement::kOk);
}

TEST(EquationsTest, WhereOnlyBestEffortExportersRanNothingIsPending) {
    ring::Totals totals{};
    totals.acknowledged = 87;
    ProcessAccount account = process();
    fill_exporters(account, totals, nullptr);
    const auto equations = equations_of(account);
    ASSERT_EQ(equations.size(), 2u);
    EXPECT_EQ(equations[1].exporter, kBestEffort);
    EXPECT_EQ(equations[1].verdict, Judgement::kOk);
}

TEST(EquationsTest, ASpoolMayAnswerBeforeTheDrainHasBooked) {
    MemoryLedger ledger;
    ledger.book_spool({}, "otlp_grpc", {87, 0, 0});
    ring::Totals totals{};
    totals.acknowledged = 80;
    totals.exporters[0] = row("otlp_grpc");
    totals.exporters[0].spooled = 80;
    ProcessAccount account = process();
    fill_exporters(account, totals, &ledger);
    EXPECT_EQ(equations_of(account)[1].verdict, Judgement::kBusy) << "seven wait to be booked, and are delivered";
    totals.acknowledged = 87;
    totals.exporters[0].exported = 7;  // booked as sent at once: then they were delivered twice
    ProcessAccount twice = process();
    fill_exporters(twice, totals, &ledger);
    EXPECT_EQ(equations_of(twice)[1].verdict, Judgement::kMismatch);
    EXPECT_EQ(equations_of(twice)[1].difference(), "7 too many");
    twice.untold = true;  // that an agent died while it served it the ledger may say with the next look
    EXPECT_EQ(equations_of(twice)[1].verdict, Judgement::kBusy);
}

TEST(EquationsTest, WhatTheSpoolOfAKilledAgentDeliveredIsSentAgainAndNothingElseIsExcused) {
    MemoryLedger ledger;
    ledger.book_spool({}, "otlp_grpc",
                      {87, 0, 0});  // seven of them were in the spool and not booked when the agent was killed
    ring::Totals totals{};
    totals.acknowledged = 87;
    totals.exporters[0] = row("otlp_grpc");
    totals.exporters[0].spooled = 80;
    totals.exporters[0].exported = 7;
    ProcessAccount account = process();
    account.agent_died = true;
    fill_exporters(account, totals, &ledger);
    Equation exporter = equations_of(account)[1];
    EXPECT_EQ(exporter.text(), "ended 90 + redelivered 7 = exported 94 + rejected 0 + dropped{full} 3 + pending 0");
    EXPECT_EQ(exporter.verdict, Judgement::kOk);
    const auto totals_of_two = equations_of(total_of({account, account}));
    EXPECT_EQ(totals_of_two[1].verdict, Judgement::kOk) << totals_of_two[1].text();

    totals.exporters[0].exported = 5;  // two were acknowledged in the ring, and are nowhere
    ProcessAccount lost = process();
    lost.agent_died = true;
    fill_exporters(lost, totals, &ledger);
    exporter = equations_of(lost)[1];
    EXPECT_EQ(exporter.verdict, Judgement::kMismatch);
    EXPECT_EQ(exporter.difference(), "2 missing");

    totals.exporters[0].exported = 8;  // one more than the spool explains
    ProcessAccount doubled = process();
    doubled.agent_died = true;
    fill_exporters(doubled, totals, &ledger);
    EXPECT_EQ(equations_of(doubled)[1].difference(), "1 too many");
}

TEST(EquationsTest, WhatWasOnlyInASegmentThatIsGoneIsMissing) {
    ProcessAccount account = process();
    account.state = ProcessState::kGone;
    ring::Totals totals = exported(80, 80);
    fill_exporters(account, totals, nullptr);
    const auto equations = equations_of(account);
    EXPECT_EQ(equations[0].difference(), "10 missing");
    EXPECT_EQ(equations[1].difference(), "7 missing");
    EXPECT_EQ(equations[0].verdict, Judgement::kMismatch);
    EXPECT_EQ(equations[1].verdict, Judgement::kMismatch);
}

TEST(EquationsTest, WithoutAnAgentEverythingIsPending) {
    ProcessAccount account = process();
    fill_exporters(account, ring::Totals{}, nullptr);
    const auto equations = equations_of(account);
    ASSERT_EQ(equations.size(), 2u);
    EXPECT_EQ(equations[1].text(), "ended 90 = exported 0 + rejected 0 + dropped{full} 3 + pending 87");
    EXPECT_EQ(equations[1].verdict, Judgement::kOk);
}

TEST(EquationsTest, TotalsAddUp) {
    ring::Totals totals = exported(87, 87);
    ProcessAccount one = process();
    fill_exporters(one, totals, nullptr);
    ProcessAccount fresh = process();  // no agent has answered for anything of it
    fill_exporters(fresh, ring::Totals{}, nullptr);
    const auto equations = equations_of(total_of({one, one, fresh}));
    EXPECT_EQ(equations[0].text(), "started 300 = ended 270 + open 30");
    ASSERT_EQ(equations.size(), 2u);
    EXPECT_EQ(equations[1].text(), "ended 270 = exported 174 + rejected 0 + dropped{full} 9 + pending 87");
    EXPECT_EQ(equations[0].verdict, Judgement::kOk);
    EXPECT_EQ(equations[1].verdict, Judgement::kOk);

    ProcessAccount other = process();  // of an agent that exported elsewhere
    totals.exporters[0] = row("otlp_grpc");
    totals.exporters[0].exported = 87;
    fill_exporters(other, totals, nullptr);
    const auto mixed = equations_of(total_of({one, other}));
    ASSERT_EQ(mixed.size(), 3u);
    EXPECT_EQ(mixed[1].text(), "ended 180 = exported 87 + rejected 0 + dropped{full} 6 + pending 0 + elsewhere 87");
    EXPECT_EQ(mixed[2].verdict, Judgement::kOk);
}

TEST(EquationsTest, TellWhatAQuarantinedSegmentKeeps) {
    ProcessAccount account = process();
    account.state = ProcessState::kQuarantined;
    fill_exporters(account, exported(80, 80), nullptr);
    const auto equations = equations_of(account);
    ASSERT_EQ(equations.size(), 2u);
    EXPECT_EQ(equations[0].verdict, Judgement::kUntrusted);
    EXPECT_EQ(equations[0].difference(), "10 missing") << "open, and nobody will see their end";
    EXPECT_EQ(equations[1].verdict, Judgement::kUntrusted);
    EXPECT_EQ(equations[1].difference(), "7 missing") << "committed, and not read";
}

}  // namespace
}  // namespace spanring::agent
