# SPDX-License-Identifier: Apache-2.0
"""A terminal that a test types into and reads: a tmux server of its own, with one shell in it."""

import shlex
import subprocess

import harness

SHELL = "exec env PS1='$ ' ENV= sh -i"


class Terminal:
    """Goes with its workspace. The shell is in the foreground again when a command has ended: see ended()."""

    def __init__(self, workspace, columns=120, rows=30):
        self.socket = workspace.unique("tmux")
        self.commands = 0
        self.server = harness.Process(workspace, "tmux", [
            "tmux", "-S", self.socket, "-f", "/dev/null", "-D"], env=harness.environment(LC_ALL="C.UTF-8", SHELL="/bin/sh"))
        harness.wait_until(self.socket.exists, "tmux listens")
        self.tmux("new-session", "-d", "-x", str(columns), "-y", str(rows), SHELL)
        self.wait_for("$")

    def tmux(self, *arguments):
        done = subprocess.run(["tmux", "-S", self.socket, "-f", "/dev/null", *arguments], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, env=harness.environment(LC_ALL="C.UTF-8"),
                              timeout=harness.WATCHDOG)
        if done.returncode != 0:
            raise AssertionError(f"tmux {' '.join(arguments)}: {done.stderr}{self.server.stderr()}")
        return done.stdout

    def type(self, text):
        self.tmux("send-keys", "-l", "--", text)

    def press(self, *keys):
        """By tmux's names: Enter, Escape, C-c, Up."""
        self.tmux("send-keys", *keys)

    def run(self, *command):
        """A command of the shell's, which says how it ended."""
        self.commands += 1
        self.type(shlex.join(str(word) for word in command) + f"; echo ended {self.commands}: $?")
        self.press("Enter")

    def ended(self):
        """The exit code of the last command, once it has ended."""
        begin = f"ended {self.commands}: "

        def found():
            lines = [line for line in self.screen().splitlines() if line.startswith(begin)]
            return lines[-1:] if lines and lines[-1][len(begin):].isdigit() else None
        (line,) = harness.wait_until(found, f"command {self.commands} ends")
        return int(line[len(begin):])

    def screen(self):
        return self.tmux("capture-pane", "-p")

    def wait_for(self, text):
        """The screen once this is on it."""
        def found():
            screen = self.screen()
            return screen if text in screen else None
        try:
            return harness.wait_until(found, text)
        except AssertionError as error:
            raise AssertionError(f"{error}; the screen:\n{self.screen()}") from None

    def wait_until_gone(self, text):
        return harness.wait_until(lambda: text not in self.screen() and self.screen(), f"no more '{text}'")

    def state(self, name):
        """One of tmux's variables of the pane: alternate_on, cursor_flag, pane_pid."""
        return self.tmux("display-message", "-p", f"#{{{name}}}").strip()

    def settings(self):
        """What stty(1) says of the terminal, but for its size."""
        said = subprocess.run(["stty", "-a", "-F", self.state("pane_tty")], capture_output=True, text=True,
                              check=True).stdout
        return said.partition("\n")[2]

    def resize(self, columns, rows):
        self.tmux("resize-window", "-x", str(columns), "-y", str(rows))

    def foreground(self):
        """The process that has the terminal: the command, or the shell."""
        with open(f"/proc/{self.state('pane_pid')}/stat", encoding="utf-8") as file:
            return int(file.read().rpartition(")")[2].split()[5])
