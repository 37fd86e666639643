// SPDX-License-Identifier: Apache-2.0
//
// How durations are spread, on a logarithmic scale: the server's buckets in columns of equal width.

import { draw } from './make.js';
import { count, duration, durationStep } from './units.js';

/** The scale that several histograms share: [shortest, longest]. */
export function scaleOf(histograms) {
  let low = Infinity,
    high = 0;
  for (const buckets of histograms) {
    if (!buckets.length) continue;
    low = Math.min(low, Math.max(1, buckets[0].to_nano > buckets[0].from_nano ? Math.max(buckets[0].from_nano, 1) : 1));
    high = Math.max(high, buckets.at(-1).to_nano);
  }
  return high ? [low, Math.max(high, low * 1.01)] : [1, 10];
}

export function columnsOf(buckets, [low, high], columns) {
  const counts = new Array(columns).fill(0);
  const width = Math.log(high / low);
  for (const bucket of buckets) {
    const middle = Math.sqrt(Math.max(bucket.from_nano, 1) * Math.max(bucket.to_nano, 1));
    const column = Math.floor((columns * Math.log(Math.max(middle / low, 1))) / width);
    counts[Math.max(0, Math.min(columns - 1, column))] += bucket.count;
  }
  return counts;
}

export function merged(histograms) {
  const sums = new Map();
  for (const buckets of histograms) {
    for (const bucket of buckets) {
      const sum = sums.get(bucket.to_nano);
      if (sum) sum.count += bucket.count;
      else sums.set(bucket.to_nano, { ...bucket });
    }
  }
  return [...sums.values()].sort((a, b) => a.to_nano - b.to_nano);
}

/** Small, for a row of a table. */
export function sparkHistogram(buckets, scale, label) {
  const counts = columnsOf(buckets, scale, 24);
  const most = Math.max(...counts, 1);
  return draw(
    'svg',
    { class: 'spark', width: 144, height: 26, role: 'img', 'aria-label': label },
    draw('line', { class: 'base', x1: 0, x2: 144, y1: 25.5, y2: 25.5 }),
    counts.map((value, index) =>
      value
        ? draw('rect', {
            class: 'column',
            x: index * 6,
            width: 5,
            y: 25 - Math.max(2, (22 * value) / most),
            height: Math.max(2, (22 * value) / most),
            rx: 1,
          })
        : '',
    ),
  );
}

/** Large, with an axis and marks at quantiles: [[name, nano]]. */
export function histogram(buckets, width, height, marks) {
  const scale = scaleOf([buckets]);
  const left = 22,
    bottom = 22,
    top = 26;
  // A column is as wide as a bucket at least: between narrower ones there would be gaps that mean nothing.
  const ratio = Math.max(1.01, ...buckets.slice(0, 1).map((one) => one.to_nano / Math.max(one.from_nano, 1)));
  const finest = Math.max(1, Math.ceil(Math.log(scale[1] / scale[0]) / Math.log(ratio) - 0.01));
  const columns = Math.min(finest, Math.min(80, Math.floor((width - 2 * left) / 12)));
  const counts = columnsOf(buckets, scale, columns);
  const most = Math.max(...counts, 1);
  const step = (width - 2 * left) / columns;
  const x = (nano) =>
    left + ((width - 2 * left) * Math.log(Math.max(nano, scale[0]) / scale[0])) / Math.log(scale[1] / scale[0]);
  const ticks = [];
  for (let power = Math.floor(Math.log10(scale[0])); power <= Math.log10(scale[1]); ++power) {
    for (const times of [1, 2, 5]) {
      const nano = times * 10 ** power;
      if (nano >= scale[0] && nano <= scale[1]) ticks.push(nano);
    }
  }
  const every = Math.ceil(ticks.length / Math.max(2, width / 80));
  let free = -Infinity;
  return draw(
    'svg',
    {
      width,
      height,
      role: 'img',
      'aria-label': `Durations from ${duration(scale[0])} to ${duration(scale[1])}, ${marks.map(([name, nano]) => `${name} ${duration(nano)}`).join(', ')}`,
    },
    draw('line', { class: 'base', x1: left, x2: width - left, y1: height - bottom, y2: height - bottom }),
    counts.map((value, index) => {
      const tall = value ? Math.max(2, ((height - bottom - top) * value) / most) : 0;
      return value
        ? draw(
            'rect',
            {
              class: 'column',
              x: left + index * step + 0.5,
              width: Math.max(1, step - 1.5),
              y: height - bottom - tall,
              height: tall,
              rx: 1.5,
            },
            draw('title', {}, count(value)),
          )
        : '';
    }),
    ticks
      .filter((_, index) => index % every === 0)
      .map((nano) =>
        draw('text', { class: 'tick', x: x(nano), y: height - 6, 'text-anchor': 'middle' }, durationStep(nano)),
      ),
    marks.map(([name, nano]) => {
      const at = x(nano);
      const text = `${name} ${duration(nano)}`;
      const shown = at - text.length * 3.4 > free;
      if (shown) free = at + text.length * 3.4;
      return [
        draw('line', { class: 'mark', x1: at, x2: at, y1: top - 8, y2: height - bottom }),
        shown &&
          draw(
            'text',
            {
              class: 'mark-text',
              x: Math.max(40, Math.min(width - 40, at)),
              y: 12,
              'text-anchor': 'middle',
            },
            text,
          ),
      ];
    }),
  );
}
