// SPDX-License-Identifier: Apache-2.0
//
// One operation over time: its rate with errors, its quantiles, how its durations are spread, and its slowest and newest traces.

import { serviceName, spanName } from './inert.js';
import { histogram, merged } from './histogram.js';
import { make, whenSized } from './make.js';
import { notice, problemNotice, waiting } from './notice.js';
import { go, link, word } from './place.js';
import { ask } from './request.js';
import { colourOf } from './service_colours.js';
import { timeChart } from './time_chart.js';
import { timeRange } from './time_range.js';
import { ago, count, duration, durationStep, rate, rateStep, share } from './units.js';

const RANGES = [
  ['15m', '15 min'],
  ['1h', '1 h'],
  ['6h', '6 h'],
  ['1d', '1 d'],
  ['7d', '7 d'],
];

export function showOperation({ main, place, signal }) {
  const { service = '', name = '', since = '1h' } = Object.fromEntries(place.query);
  const set = (changes) => go(link('operation', { service, name, since, ...changes }));
  const body = make('div', { class: 'results' }, waiting());
  main.append(
    make(
      'div',
      { class: 'head' },
      make('h1', { class: 'foreign', text: spanName(name) }),
      make(
        'span',
        { class: `service ${colourOf(service)}` },
        make('span', { class: 'foreign cut', text: serviceName(service) }),
      ),
    ),
    make(
      'div',
      { class: 'search-bar' },
      timeRange(since, 'Within the last', (value) => set({ since: value || '1h' }), RANGES),
    ),
    body,
  );
  const q = `${word('service', '=', service)} ${word('name', '=', name)}`;
  Promise.all([
    ask('operation', { service, name, since }, signal),
    ask('search', { q, since, limit: 200 }, signal).catch((problem) => {
      if (problem.name === 'AbortError') throw problem;
      return { traces: [], now_unix_nano: 0 };
    }),
  ]).then(
    ([answer, found]) => {
      if (answer.slices.length === 0) {
        body.replaceChildren(notice('Nothing was measured in this time', 'Choose a longer one above.'));
        return;
      }
      body.replaceChildren(...drawAll(answer, found, q, signal));
    },
    (problem) => problem.name !== 'AbortError' && body.replaceChildren(problemNotice(problem)),
  );
  return undefined;
}

function drawAll(answer, found, q, signal) {
  const { slices, slice_nano: slice } = answer;
  // Minutes in which it did nothing are not sent; drawn they are nothing, not a line between their neighbours.
  const by = new Map(slices.map((one) => [one.begin_unix_nano, one]));
  const first = slices[0].begin_unix_nano,
    last = slices.at(-1).begin_unix_nano;
  const every = slice * Math.max(1, Math.ceil((last - first) / slice / 400));
  const times = [];
  for (let at = first; at <= last; at += every) times.push(at);
  const near = (at) => slices.filter((one) => one.begin_unix_nano >= at && one.begin_unix_nano < at + every);
  const groups =
    every === slice
      ? times.map((at) =>
          [by.get(at) ?? slices.find((one) => Math.abs(one.begin_unix_nano - at) < slice / 2)].filter(Boolean),
        )
      : times.map(near);
  const per = (pick) => groups.map((group) => (group.reduce((sum, one) => sum + pick(one), 0) * 1e9) / every);
  const worst = (pick) => groups.map((group) => (group.length ? Math.max(...group.map(pick)) : null));
  const spans = slices.reduce((sum, one) => sum + one.spans, 0),
    errors = slices.reduce((sum, one) => sum + one.errors, 0);
  const buckets = merged(slices.map((one) => one.histogram));
  const marks = [
    ['p50', 0.5],
    ['p95', 0.95],
    ['p99', 0.99],
  ].map(([name, part]) => [name, quantile(buckets, part)]);
  const fact = (term, value, kind = '') =>
    make(
      'div',
      { class: 'card fact' },
      make('span', { class: 'muted', text: term }),
      make('strong', { class: kind, text: value }),
    );
  const large = make('div', { class: 'plot' });
  whenSized(large, signal, (width) => large.replaceChildren(histogram(buckets, width, 190, marks)));
  const slowest = [...found.traces].sort((a, b) => b.duration_nano - a.duration_nano).slice(0, 5);
  return [
    make(
      'div',
      { class: 'facts-row' },
      fact('spans', count(spans)),
      fact('rate', rate((spans * 1e9) / (answer.end_unix_nano - first))),
      fact('errors', `${count(errors)} · ${share(errors, spans)}`, errors ? 'error-text' : ''),
      ...marks.map(([name, nano]) => fact(name, duration(nano))),
    ),
    make(
      'div',
      { class: 'charts' },
      timeChart(
        {
          title: 'Rate',
          times,
          slice: every,
          stacked: true,
          unit: rateStep,
          label: `spans per second over time, ${count(spans)} in all, ${count(errors)} with an error`,
          series: [
            { name: 'fine', mark: 'fine', values: per((one) => one.spans - one.errors) },
            { name: 'errors', mark: 'bad', values: per((one) => one.errors) },
          ],
        },
        signal,
      ),
      timeChart(
        {
          title: 'Duration',
          times,
          slice: every,
          unit: durationStep,
          label: 'p50, p95 and p99 over time',
          series: [
            { name: 'p50', mark: 'p50', values: worst((one) => one.p50_nano) },
            { name: 'p95', mark: 'p95', values: worst((one) => one.p95_nano) },
            { name: 'p99', mark: 'p99', values: worst((one) => one.p99_nano) },
          ],
        },
        signal,
      ),
    ),
    make(
      'figure',
      { class: 'card chart' },
      make('figcaption', {}, make('h2', { text: 'Durations' }), make('span', { class: 'muted', text: 'logarithmic' })),
      large,
    ),
    slowest.length
      ? make(
          'section',
          { class: 'card pad' },
          make(
            'div',
            { class: 'head' },
            make('h2', { text: 'Slow traces with it' }),
            make('span', { class: 'grow' }),
            make('a', { href: link('traces', { q }), text: 'All traces with it' }),
          ),
          make(
            'ul',
            { class: 'plain' },
            slowest.map((trace) =>
              make(
                'li',
                {},
                make('a', {
                  class: 'foreign',
                  href: link('trace', {}, trace.trace_id),
                  text: `${duration(trace.duration_nano)} · ${spanName(trace.root)}`,
                }),
                make('span', {
                  class: 'muted',
                  text: ` ${ago(trace.start_unix_nano, found.now_unix_nano)}`,
                }),
                trace.errors > 0 && make('span', { class: 'error-text', text: ` ${count(trace.errors)} errors` }),
              ),
            ),
          ),
        )
      : '',
  ];
}

function quantile(buckets, part) {
  const all = buckets.reduce((sum, bucket) => sum + bucket.count, 0);
  let below = 0;
  for (const bucket of buckets) {
    below += bucket.count;
    if (below >= all * part) return Math.sqrt(Math.max(bucket.from_nano, 1) * Math.max(bucket.to_nano, 1));
  }
  return 0;
}
