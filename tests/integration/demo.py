# SPDX-License-Identifier: Apache-2.0
"""The shop, and what happens to it: run by tools/demo for people, by demo_test.py as a test. Everything said is checked.

A load generator sends checkouts through front (C++), stock (Go) and payment (Rust). Meanwhile stock is killed in the
middle of a request and started again, and so is the agent. Then: one trace across the three languages, the unfinished spans
of the killed process, and the accounting of every process, which must come out.
"""

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import harness

SHOP = harness.BUILD / "examples/shop"
PROGRAMS = {"front": SHOP / "front", "stock": SHOP / "stock", "loadgen": SHOP / "loadgen",
            "payment": harness.BUILD / "cargo/release/payment"}
SERVICES = ["shop-front", "shop-stock", "shop-payment"]
SPANS_OF_A_CHECKOUT = 7
KEPT = harness.BUILD / "demo"  # what is left of a demo, to be looked at
LISTENING = "listening on 127.0.0.1:"


class Failure(Exception):
    pass


def must(true, what):
    if not true:
        raise Failure(what)


def say(text=""):
    print(text, flush=True)


class Shop:
    def __init__(self, workspace, requests, rate):
        self.workspace = workspace
        self.requests, self.rate = requests, rate
        self.ended = []  # services that ended in peace, and what they counted

    def start_agent(self):
        self.agent = self.workspace.agent("--exporter", "store")

    def start_service(self, name, *arguments):
        env = harness.environment(SPANRING_DIR=self.workspace.segments)
        process = harness.Process(self.workspace, name, [PROGRAMS[name], *arguments], env=env)
        line = process.wait_for_line(LISTENING)
        process.url = f"http://{line.split()[-1]}"
        process.port = line.rsplit(":", 1)[1]
        return process

    def open(self):
        self.start_agent()
        self.payment = self.start_service("payment")
        self.stock = self.start_service("stock", "--payment", self.payment.url)
        self.front = self.start_service("front", "--stock", self.stock.url)

    def load(self, *arguments):
        return harness.Process(self.workspace, "loadgen", [PROGRAMS["loadgen"], "--url", self.front.url, *arguments])

    def answered(self, load):
        return load.stdout().count("\n")

    # ---- What happens -------------------------------------------------------------------------------------------

    def kill_stock(self):
        """In the middle of a request that it will never answer. Returns the trace and its open span."""
        held = self.load("--requests", 1, "--concurrency", 1, "--item", "slow")
        _, trace, span = self.stock.wait_for_line("holding ").split()
        self.stock.kill()
        killed, self.stock = self.stock, self.start_service("stock", "--payment", self.payment.url, "--port", self.stock.port)
        held.expect(0)  # front answered 502
        return killed, trace, span

    def kill_agent(self):
        self.agent.kill()
        return self.agent

    def close(self):
        """Ends the services in peace and takes down what each counted itself."""
        for process in (self.front, self.stock, self.payment):
            process.stop()
            counted = dict(re.findall(r"(\w+)=(\d+)", process.stdout().splitlines()[-1]))
            self.ended.append((process, {key: int(value) for key, value in counted.items()}))

    def run(self):
        self.open()
        load = self.load("--requests", self.requests, "--concurrency", 4, "--rate", self.rate, "--seconds", 60, "--verbose")
        harness.wait_until(lambda: self.answered(load) > self.requests // 4, "a quarter of the checkouts is answered")
        killed, trace, span = self.kill_stock()
        say(f"killed stock (Go, pid {killed.pid}) with SIGKILL in the middle of a request, and started it again")

        harness.wait_until(lambda: self.answered(load) > self.requests // 2, "half of the checkouts are answered")
        agent = self.kill_agent()
        before = self.answered(load)
        harness.wait_until(lambda: self.answered(load) > before + self.requests // 10, "the shop goes on without an agent")
        self.start_agent()
        say(f"killed the agent (pid {agent.pid}) with SIGKILL; {self.answered(load) - before} checkouts later started it again")

        load.expect(0)
        lines = load.stdout().splitlines()
        say(f"load generator: {lines[-1]}")
        self.close()
        harness.wait_until(lambda: not self.workspace.segment_files(), "every segment is drained and unlinked")
        self.agent.stop()
        return killed, trace, span, [line.split()[1] for line in lines if line.startswith("200 ")]

    # ---- What must have come of it ------------------------------------------------------------------------------

    def show_trace(self, traces):
        """The newest whole checkout: made by the second stock, drained by the second agent."""
        trace = json.loads(self.workspace.command("trace", traces[-1], "--json"))
        must(trace["services"] == SERVICES, f"trace {traces[-1]} crosses {trace['services']}, not {SERVICES}")
        must(len(trace["spans"]) == SPANS_OF_A_CHECKOUT,
             f"trace {traces[-1]} has {len(trace['spans'])} spans, not {SPANS_OF_A_CHECKOUT}")
        must(not any(span["unfinished"] or span["parent_missing"] for span in trace["spans"]), "a checkout is not whole")
        say(self.workspace.command("trace", traces[-1]))

    def check_traces(self, traces):
        """Every checkout that was answered with 200, whatever was killed meanwhile, is there and whole."""
        for identity in traces:
            trace = json.loads(self.workspace.command("trace", identity, "--json"))
            must(len(trace["spans"]) == SPANS_OF_A_CHECKOUT and trace["services"] == SERVICES,
                 f"trace {identity} has {len(trace['spans'])} spans of {trace['services']}")

    def show_unfinished(self, trace, span):
        spans = json.loads(self.workspace.command("trace", trace, "--json"))["spans"]
        unfinished = {one["name"]: one for one in spans if one["unfinished"]}
        must(sorted(unfinished) == ["POST /reserve", "look up"], f"unfinished in {trace}: {sorted(unfinished)}")
        must(unfinished["POST /reserve"]["span_id"] == span, "the unfinished span is not the one that was held")
        must(all(one["status"].lower() == "error" for one in unfinished.values()), "an unfinished span has no error status")
        must(len(spans) == 4, f"trace {trace} has {len(spans)} spans: two of front, two of stock are wanted")
        say(self.workspace.command("trace", trace))

    def show_accounting(self, killed):
        processes = {process["pid"]: process for process in self.workspace.accounting()}
        say(self.workspace.command("accounting"))
        must(len(processes) == len(self.ended) + 1, f"{len(processes)} processes are accounted for, not {len(self.ended) + 1}")
        for process, counted in self.ended:
            account = processes[process.pid]
            for key in ("started", "ended"):
                must(account[key] == counted[key],
                     f"{process.name} counted {counted[key]} spans as {key}, the agent {account[key]}")
            must(account["unfinished"] == 0, f"{process.name} ended in peace with unfinished spans")
        must(processes[killed.pid]["unfinished"] >= 2, "the killed service had two spans open at least")
        for account in processes.values():
            must(account["state"] == "finished", f"{account['service']} is {account['state']}")
            must(account["started"] > 0 and account["open"] == 0, f"{account['service']}: {account['open']} spans are open")
            for exporter in account["exporters"]:
                must(exporter["exported"] == account["ended"] + account["unfinished"],
                     f"{account['service']}: {account['ended']} ended, {account['unfinished']} unfinished, "
                     f"{exporter['exported']} exported")


def keep_store(shop):
    """A copy of the store, for whoever wants to look later. The agent has ended, so its files are at rest."""
    shutil.rmtree(KEPT, ignore_errors=True)
    KEPT.mkdir(parents=True)
    for file in shop.workspace.state.glob("spans.db*"):
        shutil.copy2(file, KEPT / file.name)


def show_page(trace, span):
    """Serves what was kept, and opens a browser where there is one, at the last spans of the killed process. Until Ctrl-C."""
    signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGINT))  # ends the server as well
    page = subprocess.Popen([harness.COMMAND, "--store", KEPT / "spans.db", "page"], stdout=subprocess.PIPE, text=True)
    try:
        link = f"{page.stdout.readline().strip()}#/trace/{trace}?span={span}"
        must(link.startswith("http"), "spanring page gave no link")
        say(f"\nThe last spans of the killed stock, in a browser; the link works once, Ctrl-C ends it:\n    {link}")
        opener = shutil.which("xdg-open")
        if opener and any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")):
            subprocess.run([opener, link], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        page.wait()
    except KeyboardInterrupt:
        pass
    finally:
        page.terminate()
        page.wait()


def run(requests=3000, rate=250, keep=False):
    """Returns the trace in whose middle stock was killed, and its open span. keep: what is stored stays, in KEPT."""
    begin = time.monotonic()
    workspace = harness.Workspace()
    try:
        shop = Shop(workspace, requests, rate)
        killed, trace, span, traces = shop.run()
        must(traces, "no checkout was answered with 200")
        say("\n-- one checkout, across three languages\n")
        shop.show_trace(traces)
        say("-- the request in whose middle stock was killed\n")
        shop.show_unfinished(trace, span)
        shop.check_traces(traces[::max(1, len(traces) // 150)])
        say("-- the accounting\n")
        shop.show_accounting(killed)
        say(f"It comes out: nothing was lost. {time.monotonic() - begin:.0f} s.")
        if keep:
            keep_store(shop)
        return trace, span
    except (Failure, AssertionError) as problem:
        for process in workspace.processes:
            said = process.stderr()[-2000:]
            if said:
                print(f"---- {process.name} {process.pid} said:\n{said}", file=sys.stderr)
        raise problem
    finally:
        workspace.close()


def main():
    parser = argparse.ArgumentParser(prog="tools/demo", description="A shop in three languages; a service and the agent are killed, and nothing is lost.")
    parser.add_argument("--open", action="store_true", help="then show the killed service's last spans in a browser, until Ctrl-C")
    options = parser.parse_args()
    try:
        trace, span = run(keep=True)
        if options.open:
            show_page(trace, span)
        else:
            store = (KEPT / "spans.db").relative_to(harness.SOURCE) if KEPT.is_relative_to(harness.SOURCE) else KEPT / "spans.db"
            say(f"\nTo see it in a browser: build/agent/spanring --store {store} page\n"
                f"and put #/trace/{trace}?span={span} after the link, for the last spans of the killed stock (tools/demo --open does so).")
    except (Failure, AssertionError) as problem:
        print(f"demo: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
