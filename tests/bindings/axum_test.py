# SPDX-License-Identifier: Apache-2.0
"""A service on axum with tower-http's stock instrumentation, killed under load: with the layer of spanring, and with
tracing-opentelemetry over spanring's provider, no span is lost and none arrives twice; with the SDK and its exporter in its place
what was lost is said.

    axum_test.py SERVICE

It is tests/bindings/rust_axum.
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "integration"))
import harness  # noqa: E402
from killed_service import BEFORE_THE_KILL, THREADS, KilledService  # noqa: E402

SERVER = 2

SERVICE = None


class Axum(KilledService):
    def loses_nothing(self, exporter):
        self.account(self.run_until_killed(SERVICE, BEFORE_THE_KILL, exporter), THREADS)
        servers = [span.fields for span in self.received.spans if span.fields["name"] == "request"]
        self.assertTrue(servers)
        self.assertEqual({span["kind"] for span in servers}, {SERVER})
        children = {span.fields["name"] for span in self.received.spans if span.fields.get("parentSpanId")}
        self.assertEqual(children, {"find", "charge"})

    def test_a_kill_under_load_loses_no_span_and_repeats_none(self):
        self.loses_nothing("layer")

    def test_through_the_layer_of_opentelemetry_neither(self):
        self.loses_nothing("api")

    def test_what_the_sdk_loses(self):
        witness = self.run_until_killed(SERVICE, BEFORE_THE_KILL, self.collector.endpoint)
        begun, ended = self.begun_and_ended(witness)
        self.collector.stop()
        arrived = {span.identity for span in self.received.read()}
        self.assertTrue(arrived & ended, "it works")
        self.assertLessEqual(len(arrived - begun), THREADS)
        print(f"SDK: of {len(ended)} that had ended {len(ended - arrived)} did not arrive, "
              f"and of {len(begun - ended)} that were open {len(begun - ended - arrived)}")


if __name__ == "__main__":
    SERVICE = sys.argv[1]
    del sys.argv[1]
    harness.main()
