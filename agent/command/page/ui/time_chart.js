// SPDX-License-Identifier: Apache-2.0
//
// Values over time: columns that stand on each other, or lines. A series: {name, mark, values}; null is a gap.

import { draw, make, whenSized } from './make.js';
import { clock, day, steps } from './units.js';

const HEIGHT = 170,
  LEFT = 62,
  RIGHT = 12,
  TOP = 12,
  BOTTOM = 24;

export function timeChart({ title, times, slice, series, stacked = false, unit, label }, signal) {
  const plot = make('div', { class: 'plot' });
  const told = make('span', { class: 'muted told' });
  const box = make(
    'figure',
    { class: 'card chart' },
    make(
      'figcaption',
      {},
      make('h2', { text: title }),
      make(
        'span',
        { class: 'keys' },
        series.map((one) => make('span', { class: `key ${one.mark}`, text: one.name })),
      ),
      told,
    ),
    plot,
  );
  const sums = times.map((_, index) => series.reduce((sum, one) => sum + (one.values[index] ?? 0), 0));
  const highest = Math.max(...(stacked ? sums : series.flatMap((one) => one.values.map((value) => value ?? 0))), 1e-9);
  whenSized(plot, signal, (width) => {
    const from = times[0],
      to = times.at(-1) + slice;
    const x = (at) => LEFT + ((width - LEFT - RIGHT) * (at - from)) / (to - from);
    const levels = steps(0, highest * 1.02, 4);
    const most = Math.max(levels.at(-1), highest);
    const y = (value) => HEIGHT - BOTTOM - ((HEIGHT - TOP - BOTTOM) * value) / most;
    const grid = levels.map((value) => [
      draw('line', { class: 'grid', x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value) }),
      draw('text', { class: 'tick', x: LEFT - 8, y: y(value) + 4, 'text-anchor': 'end' }, unit(value)),
    ]);
    const parts = Math.max(1, Math.min(Math.floor(width / 130), times.length));
    const dates = [];
    for (let i = 0; i <= parts; ++i) {
      const at = from + ((to - from) * i) / parts;
      dates.push(
        draw(
          'text',
          {
            class: 'tick',
            x: x(at),
            y: HEIGHT - 6,
            'text-anchor': i === 0 ? 'start' : i === parts ? 'end' : 'middle',
          },
          to - from > 86400e9 ? `${day(at).slice(5)} ${clock(at, 0).slice(0, 5)}` : clock(at, 0).slice(0, 5),
        ),
      );
    }
    const marks = [];
    const wide = Math.max(1.5, Math.min(40, x(from + slice) - x(from) - 1.5));
    if (stacked) {
      times.forEach((at, index) => {
        let base = 0;
        for (const one of series) {
          const value = one.values[index] ?? 0;
          if (value > 0)
            marks.push(
              draw('rect', {
                class: `fill ${one.mark}`,
                x: (x(at) + x(at + slice) - wide) / 2,
                width: wide,
                y: y(base + value),
                height: Math.max(1, y(base) - y(base + value)),
                rx: 1,
              }),
            );
          base += value;
        }
      });
    } else {
      for (const one of series) {
        let path = '',
          pen = false;
        one.values.forEach((value, index) => {
          if (value === null) {
            pen = false;
            return;
          }
          const at = `${x(times[index] + slice / 2).toFixed(1)},${y(value).toFixed(1)}`;
          path += pen ? `L${at}` : `M${at}`;
          pen = true;
          marks.push(
            draw('circle', {
              class: `dot ${one.mark}`,
              cx: x(times[index] + slice / 2),
              cy: y(value),
              r: times.length > 90 ? 1 : 2,
            }),
          );
        });
        marks.push(draw('path', { class: `line ${one.mark}`, d: path || 'M0,0' }));
      }
    }
    const cursor = draw('line', { class: 'cursor', y1: TOP, y2: HEIGHT - BOTTOM, x1: -10, x2: -10 });
    const svg = draw(
      'svg',
      {
        width,
        height: HEIGHT,
        role: 'img',
        'aria-label': label,
        on: {
          pointermove: (event) => {
            const at =
              from + ((to - from) * (event.clientX - svg.getBoundingClientRect().left - LEFT)) / (width - LEFT - RIGHT);
            const index = Math.max(0, Math.min(times.length - 1, Math.floor((at - from) / slice)));
            cursor.setAttribute('x1', x(times[index] + slice / 2));
            cursor.setAttribute('x2', x(times[index] + slice / 2));
            told.textContent = `${clock(times[index], 0).slice(0, 5)}  ${series.map((one) => `${one.name} ${one.values[index] === null ? '–' : unit(one.values[index])}`).join('  ')}`;
          },
          pointerleave: () => {
            told.textContent = '';
            cursor.setAttribute('x1', -10);
            cursor.setAttribute('x2', -10);
          },
        },
      },
      grid,
      dates,
      marks,
      cursor,
    );
    plot.replaceChildren(svg);
  });
  return box;
}
