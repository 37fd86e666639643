// SPDX-License-Identifier: Apache-2.0
//
// Search: the words of `spanring traces`, and the traces that it finds, the newest first.

import { inert, serviceName, spanName } from './inert.js';
import { key, keysOfView } from './keys.js';
import { make } from './make.js';
import { notice, problemNotice, tell, waiting } from './notice.js';
import { go, link, stay } from './place.js';
import { ask } from './request.js';
import { scatter } from './scatter.js';
import { SearchField } from './search_field.js';
import { colourOf } from './service_colours.js';
import { timeRange } from './time_range.js';
import { ago, clock, count, day, duration } from './units.js';
import { learnTraces } from './vocabulary.js';

const FIRST = 50,
  MOST = 1000;
const PARAMETERS = [
  'q',
  'since',
  'until',
  'order',
  'error',
  'min_duration',
  'max_duration',
  'service',
  'name',
  'limit',
];

export function showTraces({ main, place, signal }) {
  let now = place;
  let asking;
  const results = make('div', { class: 'results' });
  const set = (changes) => go(link('traces', { ...Object.fromEntries(now.query), focus: '', limit: '', ...changes }));
  const field = new SearchField({
    value: now.query.get('q'),
    label: 'Search traces',
    placeholder: 'service=payment error duration>20ms http.route=/pay  or any text',
    submit: (q) => {
      if (q === (now.query.get('q') ?? '')) look();
      else set({ q });
    },
  });
  const bar = make('div', { class: 'search-bar' });
  const chips = make('div', { class: 'chips' });

  function drawBar() {
    const query = now.query;
    field.input.value = query.get('q') ?? '';
    bar.replaceChildren(
      ...timeRange(query.get('since') ?? '', 'Started within', (since) => set({ since })),
      make('button', {
        type: 'button',
        text: 'Errors',
        title: 'only with an error or an unfinished span',
        'aria-pressed': String(query.get('error') === '1'),
        on: { click: () => set({ error: query.get('error') === '1' ? '' : 1 }) },
      }),
      make(
        'label',
        { class: 'field' },
        'Order',
        make(
          'select',
          { on: { change: (event) => set({ order: event.target.value }) } },
          make('option', { value: '', text: 'newest start', selected: query.get('order') !== 'arrival' }),
          make('option', {
            value: 'arrival',
            text: 'newest arrival',
            selected: query.get('order') === 'arrival',
          }),
        ),
      ),
    );
    // What a link brought and no field above shows.
    const others = ['until', 'service', 'name', 'min_duration', 'max_duration'].filter((name) => query.get(name));
    chips.hidden = others.length === 0;
    chips.replaceChildren(
      ...others.map((name) =>
        make(
          'button',
          {
            type: 'button',
            class: 'chip',
            'aria-label': `Remove ${name}`,
            on: { click: () => set({ [name]: '' }) },
          },
          make('span', {
            class: 'foreign',
            text: `${name.replace('_', ' ')}: ${inert(query.get(name), 80)}`,
          }),
          ' ×',
        ),
      ),
    );
  }

  async function look() {
    asking?.abort();
    asking = new AbortController();
    const mine = asking;
    signal.addEventListener('abort', () => mine.abort(), { signal: mine.signal });
    results.setAttribute('aria-busy', 'true');
    if (!results.firstChild) results.append(waiting());
    const query = Object.fromEntries([...now.query].filter(([name]) => PARAMETERS.includes(name)));
    try {
      const answer = await ask('search', { limit: FIRST, ...query }, mine.signal);
      learnTraces(answer.traces);
      showFound(answer, Number(query.limit ?? FIRST));
    } catch (problem) {
      if (problem.name === 'AbortError') return;
      results.replaceChildren(problemNotice(problem));
    }
    results.removeAttribute('aria-busy');
  }

  function showFound(answer, limit) {
    const { traces } = answer;
    const took = `${traces.length === limit ? `The newest ${count(limit)}` : count(traces.length)} ${traces.length === 1 ? 'trace' : 'traces'}, of ${count(answer.stored_spans)} spans, in ${duration(answer.took_nano)}`;
    tell(took);
    if (traces.length === 0) {
      const searched = ['q', 'since', 'until', 'error', 'service', 'name', 'min_duration', 'max_duration'].some(
        (name) => now.query.get(name),
      );
      results.replaceChildren(
        searched
          ? notice(
              'No trace is so',
              'All words have to hold of one and the same span.',
              make('p', {}, make('a', { href: link('traces'), text: 'Show all traces' })),
            )
          : notice('The store is empty', 'As soon as a span ends, its trace is here.'),
      );
      return;
    }
    const longest = Math.max(...traces.map((trace) => trace.duration_nano), 1);
    results.replaceChildren(
      scatter(traces, signal),
      make('div', { class: 'head' }, make('h2', { text: 'Found' }), make('p', { class: 'muted', text: took })),
      make(
        'ol',
        { class: 'card trace-list', 'aria-label': 'Traces' },
        traces.map((trace) => traceRow(trace, longest, answer.now_unix_nano)),
      ),
      traces.length === limit && limit < MOST
        ? make('button', {
            type: 'button',
            text: 'Show more',
            on: {
              click: () => {
                stay(
                  link('traces', {
                    ...Object.fromEntries(now.query),
                    limit: Math.min(limit * 4, MOST),
                  }),
                );
                now = { ...now, query: new URLSearchParams(location.hash.split('?')[1]) };
                look();
              },
            },
          })
        : '',
    );
  }

  const rows = () => [...results.querySelectorAll('.trace-row')];
  const step = (by) => {
    const list = rows();
    const at = list.indexOf(document.activeElement);
    list[Math.max(0, Math.min(list.length - 1, at < 0 ? 0 : at + by))]?.focus();
  };
  keysOfView(
    [
      key(['j', 'ArrowDown'], 'next trace', () => step(1)),
      key(['k', 'ArrowUp'], 'trace before', () => step(-1)),
      key(['Enter'], 'look at the trace', () => document.activeElement?.click()),
      key(['r'], 'search again', () => look()),
    ],
    signal,
  );

  main.append(
    make('h1', { class: 'unseen', text: 'Traces' }),
    make(
      'search',
      {},
      make(
        'div',
        { class: 'search-line' },
        field.element,
        make('button', {
          type: 'button',
          class: 'main',
          text: 'Search',
          on: { click: () => field.submit(field.input.value.trim()) },
        }),
      ),
      bar,
      chips,
    ),
    results,
  );
  drawBar();
  look();
  if (now.query.get('focus')) field.input.focus();
  return (next) => {
    now = next;
    drawBar();
    look();
    return true;
  };
}

function traceRow(trace, longest, now) {
  const services = trace.services.slice(0, 6);
  const bar = make('span', {
    class: 'lasting',
    'aria-hidden': 'true',
    style: { '--share': `${Math.max(0.5, (100 * trace.duration_nano) / longest)}%` },
  });
  const today = day(trace.start_unix_nano) === day(now);
  return make(
    'li',
    {},
    make(
      'a',
      { class: 'trace-row', href: link('trace', {}, trace.trace_id) },
      make(
        'span',
        { class: 'when', title: day(trace.start_unix_nano) },
        make('span', {
          text: `${today ? '' : `${day(trace.start_unix_nano)} `}${clock(trace.start_unix_nano)}`,
        }),
        make('span', { class: 'muted', text: ago(trace.start_unix_nano, now) }),
      ),
      make(
        'span',
        { class: 'what' },
        make('span', {
          class: 'root foreign cut',
          title: spanName(trace.root),
          text: trace.has_root ? spanName(trace.root) : `(${spanName(trace.root)})`,
        }),
        make(
          'span',
          { class: 'services' },
          services.map((service) =>
            make(
              'span',
              { class: `service ${colourOf(service)}` },
              make('span', { class: 'foreign cut', text: serviceName(service) }),
            ),
          ),
          trace.services.length > services.length &&
            make('span', { class: 'muted', text: `+${trace.services.length - services.length}` }),
        ),
      ),
      make(
        'span',
        { class: 'marks' },
        trace.errors > 0 &&
          make('span', {
            class: 'badge bad',
            text: `${count(trace.errors)} ${trace.errors === 1 ? 'error' : 'errors'}`,
          }),
        trace.unfinished > 0 && make('span', { class: 'badge warn', text: `${count(trace.unfinished)} unfinished` }),
      ),
      make('span', {
        class: 'spans muted',
        text: `${count(trace.spans)} ${trace.spans === 1 ? 'span' : 'spans'}`,
      }),
      make('span', { class: 'took' }, make('span', { text: duration(trace.duration_nano) }), bar),
    ),
  );
}
