# SPDX-License-Identifier: Apache-2.0
"""docs/envoy.md, followed: its configuration and its commands, as they stand there, in a shell. Ports are free ones, folders the test's
own; a command that looks is typed again until it sees what the page promises, as a reader would."""

import contextlib
import os
import re
import signal
import subprocess

from running_envoy import LATEST, harness, program

PAGE = harness.SOURCE / "docs/envoy.md"
# What a command that looks must have shown, in the order of the page.
SEEN = {"open": [r"ingress", r"router slow egress"], "traces": [r"ingress .* 1 +- +-$", r"ingress .* 2 +- +2$"],
        "audit": [r"OK"]}


def block(name, text):
    return re.search(rf"<!-- demo: {re.escape(name)} -->\n```\w+\n(.*?)```", text, re.DOTALL).group(1)


class Demo(harness.Case):
    def setUp(self):
        super().setUp()
        text = PAGE.read_text()
        ports = {"10000": str(harness.free_port()), "10001": str(harness.free_port())}

        def here(said):
            return re.sub(r"1000[01]", lambda port: ports[port.group()], said)
        self.configuration = here(block("envoy.yaml", text))
        self.commands = [here(line).replace("build/", f"{harness.BUILD}/").replace("try/bin/envoy", str(program(LATEST)))
                         for line in block("commands", text).splitlines()]
        folders = f"--state-dir {self.workspace.state} --directory {self.workspace.segments}"
        self.commands = [re.sub(r"agent/spanring ", f"agent/spanring {folders} ", command) for command in self.commands]
        self.workspace.agent()
        folder = self.workspace.folder / "demo"
        folder.mkdir()
        (folder / "envoy.yaml").write_text(self.configuration)
        self.shell = harness.Process(self.workspace, "shell", ["bash", "--norc"], env=harness.environment(SPANRING_DIR=self.workspace.segments), cwd=folder, stdin=subprocess.PIPE,
                                     start_new_session=True)
        self.addCleanup(self.end_all)
        self.typed = 0

    def end_all(self):
        """The shell and what it has in the background: a session of their own."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.shell.pid, signal.SIGKILL)

    def type(self, command):
        """What it printed; what goes on in the background may print later."""
        self.typed += 1
        before = len(self.shell.stdout())
        self.shell.popen.stdin.write(f"{command}\necho typed {self.typed}\n".encode())
        self.shell.popen.stdin.flush()
        self.shell.wait_for_line(f"typed {self.typed}")
        return self.shell.stdout()[before:]

    def test_it_is_as_the_page_says(self):
        looked = 0
        for command in self.commands:
            word = command.split()[-1]
            if word in SEEN:
                looked += 1
                harness.wait_until(lambda: all(re.search(seen, self.type(command), re.MULTILINE) for seen in SEEN[word]),
                                   f"`{command}` shows {SEEN[word]}")
            else:
                said = self.type(command)
                if "/quick" in command:
                    self.assertIn("here", said)
        self.assertEqual(looked, len(SEEN))
        self.workspace.accounting()


if __name__ == "__main__":
    harness.main()
