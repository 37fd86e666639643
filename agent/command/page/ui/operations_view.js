// SPDX-License-Identifier: Apache-2.0
//
// Operations: a service and a span's name; how often, how many errors, how long. All spans count that the agent took in; with
// words, those of the store.

import { inert, serviceName, spanName } from './inert.js';
import { key, keysOfView } from './keys.js';
import { make } from './make.js';
import { notice, problemNotice, tell, waiting } from './notice.js';
import { go, link, stay } from './place.js';
import { ask } from './request.js';
import { scaleOf, sparkHistogram } from './histogram.js';
import { SearchField } from './search_field.js';
import { colourOf } from './service_colours.js';
import { SortedTable } from './table.js';
import { timeRange } from './time_range.js';
import { count, duration, rate, share } from './units.js';

const MOST = 500;
const SORTS = ['service', 'name', 'spans', 'rate', 'errors', 'p50', 'p95', 'p99', 'total'];

export function showOperations({ main, place, signal }) {
  let now = place;
  let asking;
  const set = (changes) => go(link('operations', { ...Object.fromEntries(now.query), ...changes }));
  const field = new SearchField({
    value: now.query.get('q'),
    label: 'Only of spans in the store that are so',
    placeholder: 'all spans; with words: those of the store that are so',
    submit: (q) => set({ q }),
  });
  const bar = make('div', { class: 'search-bar' });
  const results = make('div', { class: 'results' });
  let scale = [1, 10];

  const columns = [
    {
      title: 'Service',
      first: true,
      sort: (row) => row.service ?? '',
      cell: (row) =>
        make(
          'span',
          { class: `service ${colourOf(row.service)}` },
          make('span', { class: 'foreign cut', text: serviceName(row.service) }),
        ),
    },
    {
      title: 'Operation',
      rest: true,
      sort: (row) => row.name ?? '',
      cell: (row) =>
        make('a', {
          class: 'foreign cut operation',
          title: spanName(row.name),
          href: link('operation', { service: row.service, name: row.name, since: now.query.get('since') }),
          text: spanName(row.name),
        }),
    },
    { title: 'Spans', number: true, sort: (row) => row.spans, cell: (row) => count(row.spans) },
    { title: 'Rate', number: true, sort: (row) => row.rate, cell: (row) => rate(row.rate) },
    {
      title: 'Errors',
      number: true,
      sort: (row) => row.errors,
      cell: (row) =>
        row.errors
          ? make('span', {
              class: 'error-text',
              title: count(row.errors),
              text: `${count(row.errors)} · ${share(row.errors, row.spans)}`,
            })
          : make('span', { class: 'muted', text: '–' }),
    },
    { title: 'p50', number: true, sort: (row) => row.p50_nano, cell: (row) => duration(row.p50_nano) },
    { title: 'p95', number: true, sort: (row) => row.p95_nano, cell: (row) => duration(row.p95_nano) },
    { title: 'p99', number: true, sort: (row) => row.p99_nano, cell: (row) => duration(row.p99_nano) },
    { title: 'Time', number: true, sort: (row) => row.duration_nano, cell: (row) => duration(row.duration_nano) },
    {
      title: 'Durations',
      cell: (row) =>
        sparkHistogram(
          row.histogram,
          scale,
          `from ${duration(row.p50_nano)} at the median to ${duration(row.p99_nano)} at p99`,
        ),
    },
  ];
  const [sorted, order] = (now.query.get('sort') ?? 'spans').split('.');
  const table = new SortedTable({
    caption: 'Operations',
    columns,
    sorted: Math.max(0, SORTS.indexOf(sorted)),
    falling: order !== 'up',
    rowOf: (cells) => make('tr', { class: 'link' }, cells),
    onSort: (index, falling) => {
      const query = { ...Object.fromEntries(now.query), sort: `${SORTS[index]}${falling ? '' : '.up'}` };
      stay(link('operations', query));
      now = { ...now, query: new URLSearchParams(query) };
    },
  });

  async function look() {
    asking?.abort();
    asking = new AbortController();
    const mine = asking;
    signal.addEventListener('abort', () => mine.abort(), { signal: mine.signal });
    if (!results.firstChild) results.replaceChildren(waiting());
    try {
      const { q, since, service, name } = Object.fromEntries(now.query);
      const answer = await ask('operations', { q, since, service, name, limit: MOST }, mine.signal);
      if (answer.operations.length === 0) {
        results.replaceChildren(
          notice(
            'Nothing was measured',
            q ? 'No span of the store is so.' : 'As soon as spans end, their operations are here.',
          ),
        );
        return;
      }
      scale = scaleOf(answer.operations.map((row) => row.histogram));
      table.show(answer.operations);
      const text = `${answer.source === 'agent' ? `Of all ${count(answer.spans)} spans that the agent took in` : `Of the ${count(answer.spans)} spans in the store that are so`}, within ${duration(answer.end_unix_nano - answer.begin_unix_nano)}. Histograms from ${duration(scale[0])} to ${duration(scale[1])}, on a logarithmic scale.${answer.folded ? ' There were more operations than are told apart: the rest is “(others)”.' : ''}`;
      tell(`${answer.operations.length} operations`);
      results.replaceChildren(
        make('p', { class: 'muted', text }),
        table.element,
        answer.all > answer.operations.length
          ? make('p', {
              class: 'muted',
              text: `${count(answer.operations.length)} of ${count(answer.all)} operations: those with the most spans.`,
            })
          : '',
      );
    } catch (problem) {
      if (problem.name !== 'AbortError') results.replaceChildren(problemNotice(problem));
    }
  }

  function drawBar() {
    field.input.value = now.query.get('q') ?? '';
    bar.replaceChildren(...timeRange(now.query.get('since') ?? '', 'Within the last', (since) => set({ since })));
  }

  keysOfView(
    [
      key(['r'], 'look again', () => look()),
      key(['j', 'k'], 'next operation, the one before', (event) => {
        const list = [...results.querySelectorAll('a.operation')];
        const at = list.indexOf(document.activeElement);
        list[Math.max(0, Math.min(list.length - 1, at + (event.key === 'j' ? 1 : -1)))]?.focus();
      }),
    ],
    signal,
  );
  main.append(
    make(
      'div',
      { class: 'head' },
      make('h1', { text: 'Operations' }),
      now.query.get('service') &&
        make('button', {
          type: 'button',
          class: 'chip',
          text: `service: ${inert(now.query.get('service'), 80)} ×`,
          on: { click: () => set({ service: '' }) },
        }),
    ),
    make('div', { class: 'search-line' }, field.element),
    bar,
    results,
  );
  drawBar();
  look();
  return (next) => {
    const service = next.query.get('service') !== now.query.get('service');
    now = next;
    if (service) return false;
    drawBar();
    look();
    return true;
  };
}
