# SPDX-License-Identifier: Apache-2.0
"""A program that takes frames (docs/frames.md) and misbehaves as it is told: with examples/frames, for frames_test.py.

Each line of the file of words is for one request, in the order in which they come, whichever process of this program gets
them; once they are used up each request is kept and accepted. Beside a request's bytes the file that is kept has nothing.
"""

import os
import pathlib
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent / "examples/frames"))
import frames  # noqa: E402


def next_word(words):
    with open(words, "r+") as file:
        lines = file.read().splitlines()
        file.seek(0)
        file.truncate()
        file.write("".join(f"{line}\n" for line in lines[1:]))
    return lines[0].split() if lines else ["keep"]


def keep(message, kept):
    with open(kept, "ab", buffering=0) as file:
        file.write(len(message).to_bytes(4, "big") + message)


def serve(stream_in, stream_out, words, kept):
    later = []
    for _, request, message in frames.requests(stream_in):
        word, *rest = next_word(words)
        if word == "die":  # before it is kept
            os.kill(os.getpid(), signal.SIGKILL)
        if word == "hang":
            time.sleep(3600)
        if word == "retry":
            frames.answer(stream_out, request, frames.RETRY, int(rest[0]), "later")
            continue
        if word == "reject":
            frames.answer(stream_out, request, frames.REJECTED, text="never")
            continue
        if word == "some":
            frames.answer(stream_out, request, frames.ACCEPTED, int(rest[0]), "some were odd")
            continue
        if word == "never":
            continue
        if word == "rubbish":
            stream_out.write(bytes(range(256)) * 1024)
            stream_out.flush()
            continue
        if word == "half":
            stream_out.write(b"\0\0\0\x14\1\0\0\0")
            stream_out.flush()
            os.kill(os.getpid(), signal.SIGKILL)
        keep(message, kept)
        if word == "die_kept":  # it is kept, and the agent does not know
            os.kill(os.getpid(), signal.SIGKILL)
        if word == "leave":
            sys.exit(3)
        if word == "slow":
            time.sleep(float(rest[0]))
        if word == "later":  # after the one after it
            later.append(request)
            continue
        frames.answer(stream_out, request)
        if word == "twice":
            frames.answer(stream_out, request)
            frames.answer(stream_out, request + 1000)
        while later:
            frames.answer(stream_out, later.pop())
