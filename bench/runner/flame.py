# SPDX-License-Identifier: Apache-2.0
"""A flame graph as SVG out of folded stacks: {(outermost, ..., innermost): weight}. Plain, without scripts: the names of
narrow frames show when the pointer rests on them."""

import html
import re

WIDTH, ROW, LEAST = 1200, 17, 0.4  # pixels; narrower frames are left out
COLOURS = ("#f2b25c", "#f0a04b", "#eb8f45", "#f5c26b", "#e98a3d", "#f3b96a")


class Frame:
    def __init__(self):
        self.weight = 0
        self.inside = {}

    def add(self, stack, weight):
        self.weight += weight
        if stack:
            self.inside.setdefault(stack[0], Frame()).add(stack[1:], weight)

    def depth(self):
        return 1 + max((frame.depth() for frame in self.inside.values()), default=0)


def short(name):
    """Without arguments and template arguments."""
    while re.search(r"<[^<>]*>", name):
        name = re.sub(r"<[^<>]*>", "", name)
    while re.search(r"\([^()]*\)", name):
        name = re.sub(r"\([^()]*\)", "", name)
    return name.replace("::::", "::").replace("spanring::", "").replace("agent::", "").strip() or "?"


def draw(stacks, title, unit):
    root = Frame()
    for stack, weight in stacks.items():
        root.add(tuple(short(name) for name in stack), weight)
    height = 44 + ROW * root.depth()
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
             'font-family="ui-monospace, monospace" font-size="11" fill="#1f2328">',
             f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
             '<text x="8" y="22" font-size="14" font-family="system-ui, sans-serif" font-weight="600">'
             f'{html.escape(title)}</text>']

    def paint(name, frame, x, level):
        width = WIDTH * frame.weight / root.weight
        if width < LEAST:
            return
        y = height - 8 - ROW * (level + 1)
        told = html.escape(f"{name}: {frame.weight:,.0f} {unit}, {100 * frame.weight / root.weight:.1f} %")
        colour = COLOURS[sum(map(ord, name)) % len(COLOURS)]
        parts.append(f'<g><title>{told}</title><rect x="{x:.2f}" y="{y}" width="{max(width - 0.5, 0.3):.2f}" '
                     f'height="{ROW - 1}" fill="{colour}"/>')
        room = int((width - 6) / 6.7)
        if room >= 3:
            words = name if len(name) <= room else name[:room - 1] + "…"
            parts.append(f'<text x="{x + 3:.2f}" y="{y + 12}">{html.escape(words)}</text>')
        parts.append("</g>")
        for inner, inside in sorted(frame.inside.items()):
            paint(inner, inside, x, level + 1)
            x += WIDTH * inside.weight / root.weight

    paint("all", root, 0, 0)
    return "\n".join(parts) + "\n</svg>\n"
