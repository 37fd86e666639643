# SPDX-License-Identifier: Apache-2.0
"""In the place of spanring-tap: what the agent hands over goes to a file, and the next word of another file says what to do with it.
Without iceoryx, so that the agent's side is tested everywhere, and against what the real one never does."""

import fcntl
import os
import select
import struct
import sys
import time

ORDER = struct.Struct("=IIIIQQ")  # task, index, bytes, spans, unpublished, unsorted
WORD = struct.Struct("=IIQQQ")    # what, index, value, missed chunks, missed spans
NAME, INSTANCE, OFFER, BEGIN, PUBLISH = range(1, 6)
ALIVE, ALONE, ATTACHED, SUBSCRIBERS, PUBLISHED = range(1, 6)
NO_CHUNK = 1


def script(path, words, kept, most):
    """A program that does so: the agent gives it no arguments."""
    path.write_text(f"#!{sys.executable}\nimport sys\nsys.dont_write_bytecode = True\nsys.path.insert(0, {os.path.dirname(__file__)!r})\n"
                    f"import tap_program\ntap_program.main({str(words)!r}, {str(kept)!r}, {most})\n")
    path.chmod(0o755)
    return path


def say(what, index=0, value=0, missed_chunks=0, missed_spans=0):
    os.write(1, WORD.pack(what, index, value, missed_chunks, missed_spans))


def read(size):
    data = b""
    while len(data) != size:
        while not select.select([0], [], [], 0.3)[0]:
            say(ALIVE)
        piece = os.read(0, size - len(data))
        if not piece:
            sys.exit(0)
        data += piece
    return data


def next_word(path):
    with open(path, "r+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        word, *rest = file.read().split() or ["keep"]
        file.seek(0)
        file.truncate()
        file.write(" ".join(rest))
        return word


def main(words, kept, most):
    events = []
    while True:
        task, _, size, *_ = ORDER.unpack(read(ORDER.size))
        text = read(size).decode()
        if task == OFFER:
            events.append(text)
        if task == BEGIN:
            break
    say(ATTACHED, value=most)
    for index in range(len(events)):
        say(SUBSCRIBERS, index, 1)
    while True:
        task, index, size, spans, unpublished, unsorted = ORDER.unpack(read(ORDER.size))
        word = next_word(words)
        if word == "half":
            read(size // 2)
            os._exit(1)
        message = read(size)
        if word == "die":
            os._exit(1)
        elif word == "silent":
            time.sleep(3600)
        elif word == "rubbish":
            os.write(1, b"\xff" * WORD.size)
        elif word == "other":
            say(PUBLISHED, index + 7)
        elif word == "twice":
            say(PUBLISHED, index)
            say(PUBLISHED, index)
        elif word == "none":
            say(PUBLISHED, index, NO_CHUNK)
        else:
            with open(kept, "ab") as file:
                file.write(struct.pack(">IQQ", len(message), unpublished, unsorted) + message)
            say(PUBLISHED, index, 0, 1, spans)  # as if somebody had missed as many
