// SPDX-License-Identifier: Apache-2.0
//
// The whole trace in a strip: each span a line. Drawing over it chooses the time that the waterfall shows.

import { make, whenSized } from './make.js';
import { colourOf } from './service_colours.js';
import { UNFINISHED } from './trace.js';

const HEIGHT = 54;
const MOST_LINES = 20000;

/** Colours as the style sheet has them now, for a canvas. */
function colours(services, box) {
  const probe = make('span', { hidden: true });
  box.append(probe);
  const read = (value) => {
    probe.style.color = value;
    return getComputedStyle(probe).color;
  };
  const found = new Map(
    services.map((service) => {
      probe.className = colourOf(service);
      return [service, read('var(--hue)')];
    }),
  );
  found.error = read('var(--error)');
  probe.remove();
  return found;
}

export function overview(trace, time, signal) {
  const canvas = make('canvas', { 'aria-hidden': 'true' });
  const left = make('div', { class: 'veil' }),
    right = make('div', { class: 'veil right' });
  const box = make('div', { class: 'overview' }, canvas, left, right);
  let width = 0;

  function paint() {
    const ratio = devicePixelRatio || 1;
    canvas.width = width * ratio;
    canvas.height = HEIGHT * ratio;
    const pen = canvas.getContext('2d');
    pen.scale(ratio, ratio);
    const found = colours(trace.services.slice(0, 200), box);
    const rows = trace.spans.length;
    const height = Math.max(1, Math.min(4, (HEIGHT - 8) / rows));
    const every = Math.ceil(rows / MOST_LINES);
    for (let row = 0; row < rows; row += every) {
      const span = trace.spans[row];
      const x = (width * (span.start - trace.from)) / (trace.to - trace.from);
      const long = Math.max(1, (width * span.duration) / (trace.to - trace.from));
      pen.globalAlpha = span.flags & UNFINISHED ? 0.55 : 0.9;
      pen.fillStyle = span.error ? found.error : (found.get(span.process.service) ?? '#888');
      pen.fillRect(x, 4 + (row * (HEIGHT - 8)) / rows, long, height);
    }
  }

  function veil() {
    const [from, to] = time.whole;
    left.style.width = `${(100 * (time.from - from)) / (to - from)}%`;
    right.style.width = `${(100 * (to - time.to)) / (to - from)}%`;
  }

  let begun;
  const at = (event) =>
    trace.from + ((trace.to - trace.from) * (event.clientX - box.getBoundingClientRect().left)) / width;
  box.addEventListener('pointerdown', (event) => {
    if (event.button !== 0) return;
    begun = { at: at(event), x: event.clientX };
    box.setPointerCapture(event.pointerId);
  });
  box.addEventListener('pointermove', (event) => {
    if (begun && Math.abs(event.clientX - begun.x) > 4) time.set(begun.at, at(event));
  });
  box.addEventListener('pointerup', (event) => {
    if (begun && Math.abs(event.clientX - begun.x) <= 4) time.reset();
    begun = undefined;
  });
  box.addEventListener('pointercancel', () => {
    begun = undefined;
  });
  time.addEventListener('change', veil, { signal });
  addEventListener('theme', () => width && paint(), { signal });
  whenSized(box, signal, (size) => {
    width = size;
    paint();
  });
  veil();
  return box;
}
