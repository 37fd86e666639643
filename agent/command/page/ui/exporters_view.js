// SPDX-License-Identifier: Apache-2.0
//
// Exporters: whether spans go out, how many a second, and what waits for them.

import { inert } from './inert.js';
import { draw, make } from './make.js';
import { notice, problemList, problemNotice, waiting } from './notice.js';
import { ask, poll } from './request.js';
import { ago, count, rate, share, shortCount, size } from './units.js';

const PERIOD = 1000;
const KEPT = 120; // looks, of a second each
const HEALTH = {
  delivering: ['good', 'delivering'],
  idle: ['', 'idle: nothing waits'],
  waiting: ['warn', 'waiting'],
  stalled: ['bad', 'stalled'],
};

export function showExporters({ main, signal }) {
  const results = make('div', { class: 'results' }, waiting());
  const history = new Map(); // name → its rates
  main.append(
    make(
      'div',
      { class: 'head' },
      make('h1', { text: 'Exporters' }),
      make('span', { class: 'badge good', text: 'live' }),
    ),
    results,
  );
  poll(PERIOD, signal, async () => {
    try {
      const answer = await ask('exporters', {}, signal);
      for (const one of answer.exporters) {
        if (!history.has(one.name)) history.set(one.name, []);
        const rates = history.get(one.name);
        if (one.exported_rate !== null) rates.push(one.exported_rate);
        if (rates.length > KEPT) rates.shift();
      }
      results.replaceChildren(
        problemList(answer.problems),
        answer.exporters.length === 0
          ? notice('No exporter is known', 'No agent runs, or none has served a process yet.')
          : make(
              'div',
              { class: 'exporters' },
              answer.exporters.map((one) => card(one, history.get(one.name), answer.now_unix_nano)),
            ),
      );
    } catch (problem) {
      if (problem.name !== 'AbortError') results.replaceChildren(problemNotice(problem));
    }
  });
  return undefined;
}

const STATES = {
  ok: ['good', 'ok'],
  paused: ['warn', 'paused'],
  retrying: ['warn', 'retrying'],
  refused: ['bad', 'refused'],
};

/** What an agent says of it. */
function report(one, several, now) {
  // The agent may be anybody's, and call its state "constructor".
  const [kind, text] = Object.hasOwn(STATES, one.state) ? STATES[one.state] : ['', inert(one.state, 40)];
  const fill = (used, limit) => (limit ? `${size(used)} of ${size(limit)}` : size(used));
  return make(
    'div',
    { class: 'report' },
    make(
      'p',
      {},
      make('span', { class: `badge ${kind}`, text }),
      make('span', {
        class: 'muted',
        text: ` since ${ago(one.since_unix_nano, now).replace(' ago', '')}${several ? `, says agent ${one.agent}` : ''} · queue: ${count(one.queued_spans)} spans, ${fill(one.queued_bytes, one.queue_limit)}${one.spool_limit ? ` · spool: ${fill(one.spool_bytes, one.spool_limit)}` : ''}`,
      }),
    ),
    one.queue_limit
      ? make('span', {
          class: 'ring',
          role: 'img',
          'aria-label': `queue ${share(one.queued_bytes, one.queue_limit)} full`,
          style: { '--share': `${Math.min(100, (100 * one.queued_bytes) / one.queue_limit)}%` },
        })
      : '',
    one.last_error_unix_nano
      ? make(
          'p',
          { class: one.state === 'ok' ? 'muted' : 'error-text' },
          `Last error, ${ago(one.last_error_unix_nano, now)}: `,
          make('span', { class: 'foreign', text: inert(one.last_error, 400) }),
        )
      : '',
  );
}

function curve(rates) {
  const width = 300,
    height = 56;
  const most = Math.max(...rates, 1);
  const points = rates.map(
    (value, index) =>
      `${(width - (width * (rates.length - 1 - index)) / (KEPT - 1)).toFixed(1)},${(height - 3 - ((height - 8) * value) / most).toFixed(1)}`,
  );
  return draw(
    'svg',
    {
      class: 'curve',
      viewBox: `0 0 ${width} ${height}`,
      preserveAspectRatio: 'none',
      role: 'img',
      'aria-label': `spans a second in the last two minutes, at most ${rate(most)}`,
    },
    points.length > 1 &&
      draw('polygon', {
        class: 'under',
        points: `${points[0].split(',')[0]},${height} ${points.join(' ')} ${width},${height}`,
      }),
    points.length > 1 && draw('polyline', { class: 'line', points: points.join(' ') }),
    draw('line', { class: 'base', x1: 0, x2: width, y1: height - 0.5, y2: height - 0.5 }),
  );
}

function card(one, rates, now) {
  const [kind, text] = HEALTH[one.health] ?? ['', inert(one.health, 40)];
  const dropped = Object.entries(one.dropped).filter(([, spans]) => spans > 0);
  const lost = dropped.reduce((sum, [, spans]) => sum + spans, 0) + one.rejected;
  const waitingSpans = one.pending_ring + one.pending_spool;
  const figure = (value, label, mark = '') =>
    make('div', {}, make('strong', { class: mark, text: value }), make('span', { class: 'muted', text: label }));
  return make(
    'section',
    { class: 'card pad exporter', 'aria-label': `Exporter ${inert(one.name, 80)}` },
    make(
      'div',
      { class: 'head' },
      make('h2', { class: 'foreign cut', text: inert(one.name, 80) }),
      make('span', { class: `badge ${kind}`, text }),
      make('span', { class: 'grow' }),
      one.since_unix_nano
        ? make('span', { class: 'muted', text: `since ${ago(one.since_unix_nano, now).replace(' ago', '')}` })
        : '',
    ),
    one.agents.map((each) => report(each, one.agents.length > 1, now)),
    curve(rates),
    make(
      'div',
      { class: 'figures' },
      figure(rate(one.exported_rate), 'delivered'),
      figure(shortCount(one.exported), 'in all'),
      figure(shortCount(waitingSpans), 'waiting', waitingSpans && one.health === 'stalled' ? 'error-text' : ''),
      figure(shortCount(lost), 'lost', lost ? 'error-text' : ''),
    ),
    make(
      'div',
      {
        class: 'queue',
        role: 'img',
        'aria-label': `${count(one.pending_ring)} wait in rings and queues, ${count(one.pending_spool)} in the spool`,
      },
      make('span', { class: 'in-ring', style: { flex: String(one.pending_ring) } }),
      make('span', { class: 'in-spool', style: { flex: String(one.pending_spool) } }),
    ),
    make('p', {
      class: 'muted',
      text: `${count(one.pending_ring)} in rings and queues · ${count(one.pending_spool)} in the spool${one.filtered ? ` · ${count(one.filtered)} filtered` : ''}`,
    }),
    lost > 0 &&
      make('p', {
        class: 'error-text',
        text: [
          one.rejected && `rejected ${count(one.rejected)}`,
          ...dropped.map(([cause, spans]) => `${cause} ${count(spans)}`),
          one.lost_rate > 0 && `now ${rate(one.lost_rate)}`,
        ]
          .filter(Boolean)
          .join(' · '),
      }),
  );
}
