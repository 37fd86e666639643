# SPDX-License-Identifier: Apache-2.0
"""spanring page from outside: what is shown of what is there."""

import json

import harness
import receiving
from open_test import OpenSpans
from page_server import PageCase, span


class Answers(PageCase):
    """What is shown."""

    def test_of_processes_that_run(self):
        agent = self.workspace.agent()
        front, back = OpenSpans(self.workspace, "front"), OpenSpans(self.workspace, "back")
        for name in ("checkout", "refund"):
            parent = front.start(name)
            back.start(f"query-{name}", parent)
            back.end()
            front.end()
        open_parent = front.start("still-open")
        self.page()
        self.enter()
        harness.wait_until(lambda: self.get("/api/status")["stored_spans"] == 4, "they are stored")
        status = self.get("/api/status")
        self.assertEqual([known["pid"] for known in status["agents"]], [agent.pid])
        self.assertEqual(status["store"], f"{self.workspace.state}/spans.db")

        self.assertEqual([trace["root"] for trace in self.get("/api/search")["traces"]], ["refund", "checkout"])
        search = self.get("/api/search", q='service=back name="query-check*"')["traces"]
        self.assertEqual([trace["root"] for trace in search], ["checkout"])
        written = json.loads(self.workspace.command("traces", "--json", "service=back", "name=query-check*"))
        self.assertEqual(search, written["traces"], "as the command says it")
        self.assertEqual(self.get("/api/search", q="error")["traces"], [])
        self.assertEqual(len(self.get("/api/search", limit=1, order="arrival")["traces"]), 1)
        self.assertIn("is not a duration", self.get("/api/search", 400, q="duration>soon")["error"])
        self.assertIn("not closed", self.get("/api/search", 400, q='"a')["error"])

        trace = self.get("/api/trace", id=search[0]["trace_id"][:12])
        rows = [dict(zip(trace["columns"], row)) for row in trace["spans"]]
        self.assertEqual([(trace["names"][row["name"]], trace["processes"][row["process"]]["service"], row["parent"], row["depth"])
                          for row in rows], [("checkout", "front", -1, 0), ("query-checkout", "back", 0, 1)])
        self.assertEqual(sum(row["critical_nano"] for row in rows), trace["duration_nano"])
        self.assertEqual([row["flags"] & 1 for row in rows], [1, 1])
        self.assertEqual({process["pid"] for process in trace["processes"]}, {str(front.pid), str(back.pid)})
        self.assertEqual(self.get("/api/trace", id="last")["names"][0], "refund")
        self.assertEqual(self.get("/api/trace", 404, id="ffffffffff00")["error"].count("ffffffffff00"), 1)
        one = self.get("/api/span", trace=trace["trace_id"], span=rows[1]["id"])
        whole = json.loads(self.workspace.command("trace", trace["trace_id"], "--json"))["spans"][1]
        self.assertEqual({key: one[key] for key in ("name", "attributes", "resource", "start_unix_nano", "events", "kind")},
                         {key: whole[key] for key in ("name", "attributes", "resource", "start_unix_nano", "events", "kind")})
        self.get("/api/span", 404, trace=trace["trace_id"], span="00" * 8)
        self.get("/api/span", 400, trace="xyz", span="00" * 8)

        harness.wait_until(lambda: self.get("/api/operations")["spans"] == 4, "all are measured")
        operations = self.get("/api/operations", service="back")["operations"]
        self.assertEqual({row["name"]: row["spans"] for row in operations}, {"query-checkout": 1, "query-refund": 1})
        self.assertEqual(self.get("/api/operations", q="service=front")["source"], "store")
        slices = self.get("/api/operation", service="front", name="checkout")["slices"]
        self.assertEqual(sum(piece["spans"] for piece in slices), 1)
        self.assertEqual(sum(piece["spans"] for piece in self.get("/api/operation", any=1)["slices"]), 4)
        service_map = self.get("/api/map")
        self.assertEqual([(edge["from"], edge["to"], edge["calls"], edge["errors"]) for edge in service_map["edges"]],
                         [("front", "back", 2, 0)])
        self.assertTrue(service_map["whole"])

        look = self.get("/api/open")
        self.assertEqual([(one["name"], one["pid"]) for one in look["spans"]], [("still-open", front.pid)])
        self.assertIn(look["spans"][0]["span_id"], open_parent)
        self.assertEqual(self.get("/api/open", stuck="1h")["spans"], [])
        processes = self.get("/api/processes")
        self.assertEqual({one["pid"] for one in processes["processes"]}, {front.pid, back.pid})
        for one in processes["processes"]:
            self.assertEqual({equation["verdict"] for equation in one["equations"]}, {"OK"})
        exporter = harness.wait_until(lambda: [one for one in self.get("/api/exporters")["exporters"] if one["exported"] == 4],
                                      "the exporter's sum")[0]
        self.assertEqual((exporter["name"], exporter["pending_ring"]), ("store", 0))
        self.assertEqual(self.get("/api/losses"), {"lost": 0, "causes": [], "problems": []})

        front.kill()
        harness.wait_until(lambda: self.get("/api/search", error=1)["traces"], "its unfinished span is stored")
        trace = self.get("/api/trace", id=open_parent.split("-")[1])
        self.assertEqual([row[trace["columns"].index("flags")] & 2 for row in trace["spans"]], [2])
        back.end_input()
        agent.stop()
        # The agent has ended, and what it kept is there.
        self.assertEqual(self.get("/api/status")["agents"], [])
        self.assertEqual(len(self.get("/api/search")["traces"]), 3)
        self.assertEqual(len(self.get("/api/processes", all=1)["processes"]), 2)

    def test_without_a_store_it_says_so(self):
        self.page()
        self.enter()
        for path in ("/api/search", "/api/trace?id=last", "/api/operations", "/api/operation", "/api/map"):
            answer = self.ask(path, Cookie=self.cookie)
            self.assertEqual((answer.status, json.loads(answer.body)["store"]), (404, "missing"), path)
        self.assertIsNone(self.get("/api/status")["stored_spans"])
        self.assertEqual(self.get("/api/open")["spans"], [])

    def test_hostile_names_stay_text(self):
        names = ["</script><script>alert(1)</script>", "\u202egnp.exe", "\x1b]0;x\x07", "a\nb", '"\'\\', "x" * 4000, "\U0001f4a9", ""]
        attributes = [{"key": f"key {number} \u202e", "value": {"stringValue": "<img src=x>"}} for number in range(10_000)]
        self.page(store=self.stored(*[span(number + 1, name=name, attributes=attributes if number == 0 else [])
                                      for number, name in enumerate(names)], service="<b>\u200bshop</b>"))
        self.enter()
        answer = self.ask("/api/search?limit=100", Cookie=self.cookie)
        for text in ("\u202e", "\u200b", "\x1b", "\n"):
            self.assertNotIn(text, answer.body.decode())
        traces = json.loads(answer.body)["traces"]
        self.assertEqual({trace["root"] for trace in traces}, set(names))
        self.assertEqual({trace["service"] for trace in traces}, {"<b>\u200bshop</b>"})
        first = self.get("/api/trace", id=f"{1:032x}")
        self.assertEqual(first["names"], [names[0]])
        one = self.get("/api/span", trace=f"{1:032x}", span=f"{1:016x}")
        self.assertEqual(len(one["attributes"]), 10_000)
        self.assertEqual(self.get("/api/search", q=f'"~{names[0]}"')["traces"][0]["root"], names[0])

    def test_as_many_operations_and_spans_as_somebody_likes(self):
        store = self.stored(span(2))
        for begin in range(0, 100_000, 25_000):
            self.add_to(store, *({**span(1, name=f"operation {number}"), "spanId": f"{number + 1:016x}",
                                  **({"parentSpanId": f"{max(number // 2, 1):016x}"} if number else {})}
                                 for number in range(begin, begin + 25_000)))
        self.page(store=store)
        self.enter()
        trace = self.get("/api/trace", id=f"{1:032x}")
        self.assertEqual((len(trace["spans"]), len(trace["names"]), trace["left_out"]), (100_000, 100_000, 0))
        rows = trace["spans"]
        self.assertTrue(all(row[1] < place for place, row in enumerate(rows)), "a parent is before its children")
        few = self.get("/api/trace", id=f"{1:032x}", limit=10)
        self.assertEqual((len(few["spans"]), few["left_out"]), (10, 99_990))
        operations = self.get("/api/operations", q="duration>0ns", limit=7)
        self.assertEqual((operations["all"], len(operations["operations"])), (50_001, 7), "and what is beyond is one")
        self.assertEqual((operations["spans"], operations["folded"]), (100_001, True))
        self.assertEqual(self.get("/api/map", spans=1000)["whole"], False)


class Senders(PageCase):
    def test_a_span_of_a_hundred_thousand_attributes(self):
        number = 1234567890123456789
        many = [{"key": f"key {i}", "value": {"intValue": str(i)}} for i in range(100_000)]
        inner = [{"key": f"key {i}", "value": {"intValue": str(-number)}} for i in range(100_000)]
        self.page(store=self.stored(span(1, attributes=[*many, {"key": "id", "value": {"intValue": str(number)}}, {"key": "key 7", "value": {}},
                                                        {"key": "inner", "value": {"kvlistValue": {"values": inner}}}],
                                         events=[{"name": "event", "timeUnixNano": "1700000000000000001"}])))
        self.enter()
        found = self.get("/api/span", trace=f"{1:032x}", span=f"{1:016x}")
        attributes = found["attributes"]
        self.assertEqual(len(attributes), 100_002)
        self.assertEqual(list(attributes)[:3], ["key 0", "key 1", "key 2"])
        self.assertEqual((attributes["key 99999"], attributes["key 7"]), (99999, None))
        # A browser has 53 bits for a number.
        self.assertEqual((attributes["id"], attributes["inner"]["key 5"]), (str(number), str(-number)))
        self.assertEqual([event["after_nano"] for event in found["events"]], [1])

    def test_senders_are_shown_like_processes(self):
        agent = receiving.StoreAgent(self.workspace)
        agent.take(receiving.request("by-otlp", range(20)))
        self.page()
        self.enter()
        harness.wait_until(lambda: self.get("/api/status")["stored_spans"] == 20, "they are stored")
        self.assertEqual(len(self.get("/api/search", service="by-otlp", q="name=span*")["traces"]), 20)
        self.assertEqual(self.get("/api/trace", id="last")["processes"][0]["service"], "by-otlp")
        harness.wait_until(lambda: sum(row["spans"] for row in self.get("/api/operations", service="by-otlp")["operations"]) == 20,
                           "they are measured")
        self.assertEqual([(service["name"], service["spans"]) for service in self.get("/api/map")["services"]], [("by-otlp", 20)])
        senders = harness.wait_until(lambda: self.get("/api/processes")["senders"], "the sender has an account")
        self.assertEqual([(sender["service"], sender["received"]) for sender in senders], [("by-otlp", 20)])
        agent.process.stop()


if __name__ == "__main__":
    harness.main()
