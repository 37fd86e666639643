# SPDX-License-Identifier: Apache-2.0
"""Plots as SVG, by hand: bars of one figure for several things, and lines of a figure that grows with another."""

import html
import math

INK, PALE, BACK = "#1f2328", "#d0d7de", "#ffffff"
COLOURS = ("#0969da", "#bc4c00", "#1a7f37", "#8250df")
OURS, FLOOR, OTHERS = "#0969da", "#8c959f", "#bc4c00"
WIDTH = 760


def svg(height, parts):
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
            f'font-family="system-ui, sans-serif" font-size="13" fill="{INK}">\n'
            f'<rect width="{WIDTH}" height="{height}" fill="{BACK}"/>\n' + "\n".join(parts) + "\n</svg>\n")


def text(x, y, words, anchor="start", size=13, **more):
    extra = "".join(f' {name}="{value}"' for name, value in more.items())
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}"{extra}>{html.escape(words)}</text>'


def line(x1, y1, x2, y2, colour=PALE, width=1):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" stroke-width="{width}"/>'


def number(value):
    for limit, unit in ((1e6, "M"), (1e3, "k")):
        if value >= limit:
            return f"{value / limit:.3g}{unit}"
    return f"{value:.3g}"


def bars(title, unit, rows):
    """rows: (name, value, colour), from the top; the scale starts at 0."""
    left, right, row = 250, 90, 30
    top, height = 44, 44 + row * len(rows) + 16
    scale = (WIDTH - left - right) / max(value for _, value, _ in rows)
    parts = [text(16, 24, f"{title}, {unit}", size=15, **{"font-weight": 600})]
    for i, (name, value, colour) in enumerate(rows):
        y = top + row * i
        length = max(1.5, value * scale)
        parts += [text(left - 10, y + 17, name, "end"),
                  f'<rect x="{left}" y="{y + 3}" width="{length:.1f}" height="{row - 10}" rx="2" fill="{colour}"/>',
                  text(left + length + 8, y + 17, f"{value:,.0f}" if value >= 100 else f"{value:.1f}")]
    return svg(height, parts)


class Scale:
    def __init__(self, values, low, high, logarithmic):
        self.low, self.high = low, high
        self.logarithmic = logarithmic
        if logarithmic:
            self.first, self.last = math.log10(min(values)), math.log10(max(values))
            self.ticks = sorted(set(values))
        else:
            step = 10 ** math.floor(math.log10(max(values)))
            step = next(part * step for part in (0.2, 0.5, 1, 2) if max(values) / (part * step) <= 6)
            self.ticks = [step * n for n in range(math.ceil(max(values) / step) + 1)]
            self.first, self.last = 0, self.ticks[-1]

    def place(self, value):
        value = math.log10(value) if self.logarithmic else value
        return self.low + (self.high - self.low) * (value - self.first) / ((self.last - self.first) or 1)


def lines(title, x_name, y_name, curves, logarithmic_x=False):
    """curves: (name, [(x, y), ...])."""
    height, left, right, top, bottom = 320, 76, 150, 56, 48
    x = Scale([point[0] for _, points in curves for point in points], left, WIDTH - right, logarithmic_x)
    y = Scale([point[1] for _, points in curves for point in points], height - bottom, top, False)
    parts = [text(16, 24, title, size=15, **{"font-weight": 600}), text(16, 44, y_name, size=12),
             text((left + WIDTH - right) / 2, height - 12, x_name, "middle", 12)]
    for tick in y.ticks:
        at = y.place(tick)
        parts += [line(left, at, WIDTH - right, at), text(left - 8, at + 4, number(tick), "end", 12)]
    for tick in x.ticks:
        parts.append(text(x.place(tick), height - bottom + 18, number(tick), "middle", 12))
    for (name, points), colour in zip(curves, COLOURS):
        places = [(x.place(one), y.place(other)) for one, other in points]
        parts.append(f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="'
                     + " ".join(f"{one:.1f},{other:.1f}" for one, other in places) + '"/>')
        parts += [f'<circle cx="{one:.1f}" cy="{other:.1f}" r="3.5" fill="{colour}"/>' for one, other in places]
        parts.append(text(places[-1][0] + 10, places[-1][1] + 4, name, fill=colour))
    return svg(height, parts)
