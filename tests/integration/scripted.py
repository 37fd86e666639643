# SPDX-License-Identifier: Apache-2.0
"""A process whose spans a test starts and ends (scripted.c)."""

import harness

SCRIPTED = harness.BUILD / "tests/integration/scripted"


class Scripted(harness.Process):
    """A process whose spans the test starts and ends."""

    def __init__(self, workspace, service, **variables):
        super().__init__(workspace, service, [SCRIPTED, service], stdin=harness.subprocess.PIPE,
                         env=harness.environment(SPANRING_DIR=workspace.segments, **variables))
        self.answers = 0

    def say(self, *words):
        self.popen.stdin.write((" ".join(str(word) for word in words) + "\n").encode())
        self.popen.stdin.flush()
        self.answers += 1

        def answered():
            lines = self.stdout().splitlines(keepends=True)
            whole = [line for line in lines if line.endswith("\n")]
            if len(whole) >= self.answers:
                return whole[self.answers - 1].rstrip("\n")
            if not self.running():
                raise AssertionError(f"{self.name} ended:\n{self.stderr()}")
            return None
        return harness.wait_until(answered, f"{self.name} has done: {words}")

    def say_all(self, lines):
        """Many at once."""
        self.popen.stdin.write("".join(line + "\n" for line in lines).encode())
        self.popen.stdin.flush()
        self.answers += len(lines)
        harness.wait_until(lambda: self.stdout().count("\n") >= self.answers or not self.running(),
                           f"{self.name} has done {len(lines)} lines")

    def span(self, name, parent="", error=False, number=0):
        """A whole one; its traceparent."""
        own = self.say("start", number, name, parent)
        if error:
            self.say("error", number)
        self.say("end", number)
        return own
