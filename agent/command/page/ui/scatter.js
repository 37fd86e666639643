// SPDX-License-Identifier: Apache-2.0
//
// The traces found as points: when, and how long on a logarithmic scale. What is slow or failed is seen before a line is read.

import { draw, make, whenSized } from './make.js';
import { go, link } from './place.js';
import { clock, durationStep } from './units.js';

const HEIGHT = 132;
const LEFT = 64,
  RIGHT = 14,
  TOP = 12,
  BOTTOM = 22;

export function scatter(traces, signal) {
  const box = make('div', { class: 'card scatter' });
  if (traces.length < 2) {
    box.hidden = true;
    return box;
  }
  const starts = traces.map((trace) => trace.start_unix_nano);
  const from = Math.min(...starts),
    to = Math.max(...starts);
  const lasting = traces.map((trace) => Math.max(trace.duration_nano, 1));
  const low = 10 ** Math.floor(Math.log10(Math.min(...lasting))),
    high = 10 ** Math.ceil(Math.log10(Math.max(...lasting) * 1.05));
  whenSized(box, signal, (width) => {
    const x = (at) => LEFT + ((width - LEFT - RIGHT) * (at - from)) / Math.max(to - from, 1);
    const y = (nano) =>
      HEIGHT -
      BOTTOM -
      ((HEIGHT - TOP - BOTTOM) * (Math.log10(nano) - Math.log10(low))) / (Math.log10(high) - Math.log10(low));
    const lines = [];
    const decades = Math.round(Math.log10(high / low));
    const every = Math.ceil(decades / 4);
    for (let i = 0; i <= decades; i += every) {
      const nano = low * 10 ** i;
      lines.push(
        draw('line', { class: 'grid', x1: LEFT, x2: width - RIGHT, y1: y(nano), y2: y(nano) }),
        draw('text', { class: 'tick', x: LEFT - 8, y: y(nano) + 4, 'text-anchor': 'end' }, durationStep(nano)),
      );
    }
    for (const [at, anchor] of [
      [from, 'start'],
      [(from + to) / 2, 'middle'],
      [to, 'end'],
    ]) {
      lines.push(
        draw(
          'text',
          { class: 'tick', x: x(at), y: HEIGHT - 6, 'text-anchor': anchor },
          clock(at, to - from < 10e9 ? 3 : 0),
        ),
      );
    }
    const points = traces.map((trace, index) =>
      draw('circle', {
        class: trace.unfinished ? 'point unfinished' : trace.errors ? 'point bad' : 'point',
        cx: x(starts[index]),
        cy: y(lasting[index]),
        r: Math.min(9, 3.5 + Math.log10(Math.max(trace.spans, 1)) * 1.6),
        on: { click: () => go(link('trace', {}, trace.trace_id)) },
      }),
    );
    box.replaceChildren(draw('svg', { width, height: HEIGHT, 'aria-hidden': 'true' }, lines, points));
  });
  return box;
}
