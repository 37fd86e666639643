// SPDX-License-Identifier: Apache-2.0
//
// What processes are doing right now: their open spans, the oldest first, each below its parent. Looked at once a second.

import { inert, serviceName, spanName } from './inert.js';
import { key, keysOfView } from './keys.js';
import { make } from './make.js';
import { notice, problemList, problemNotice, waiting } from './notice.js';
import { link, stay } from './place.js';
import { poll, ask } from './request.js';
import { colourOf } from './service_colours.js';
import { count, duration } from './units.js';
import { learnAttributes } from './vocabulary.js';

const PERIOD = 1000;
const MOST = 200;

export function showOpen({ main, place, signal }) {
  let paused = false;
  let refused = false; // what was asked is wrong, and stays so until it is changed
  const filters = Object.fromEntries(place.query);
  const results = make('div', { class: 'results' }, waiting());
  const state = make('span', { class: 'badge good', text: 'live' });
  const pause = make('button', {
    type: 'button',
    text: 'Pause',
    'aria-pressed': 'false',
    on: { click: () => setPaused(!paused) },
  });
  const sum = make('span', { class: 'muted', text: '' });

  const field = (name, label, placeholder) =>
    make(
      'label',
      { class: 'field' },
      label,
      make('input', {
        type: name === 'name' ? 'search' : 'text',
        value: filters[name] ?? '',
        placeholder,
        on: {
          change: (event) => {
            filters[name] = event.target.value.trim();
            refused = false;
            stay(link('open', filters));
            again();
          },
        },
      }),
    );

  function setPaused(on) {
    paused = on;
    pause.textContent = on ? 'Go on' : 'Pause';
    pause.setAttribute('aria-pressed', String(on));
    state.textContent = on ? 'paused' : 'live';
    state.className = on ? 'badge' : 'badge good';
    if (!on) again();
  }

  function line(span) {
    const keys = Object.entries(span.attributes);
    return make(
      'li',
      { class: 'open-row' },
      make('span', { class: 'age number', text: duration(span.age_nano) }),
      make(
        'span',
        { class: 'what', style: { '--depth': Math.min(span.depth, 12) } },
        span.depth > 0 && make('span', { class: 'muted', 'aria-hidden': 'true', text: '└' }),
        make('a', {
          class: 'foreign cut',
          href: link('trace', { span: span.span_id }, span.trace_id),
          title: `${spanName(span.name)}: what of its trace has ended`,
          text: spanName(span.name),
        }),
        span.status === 'Error' && make('span', { class: 'badge bad', text: 'error' }),
      ),
      make(
        'span',
        { class: `service ${colourOf(span.service)}` },
        make('span', { class: 'foreign cut', text: serviceName(span.service) }),
        make('span', { class: 'muted nowrap', text: `${span.pid} / ${span.thread}` }),
      ),
      make('span', {
        class: 'attributes mono muted foreign cut',
        title: keys
          .slice(0, 40)
          .map(
            ([name, value]) =>
              `${inert(name, 80)} = ${inert(typeof value === 'string' ? value : JSON.stringify(value), 120)}`,
          )
          .join('\n'),
        text:
          keys
            .slice(0, 6)
            .map(
              ([name, value]) =>
                `${inert(name, 60)}=${inert(typeof value === 'string' ? value : JSON.stringify(value), 60)}`,
            )
            .join('  ') + (keys.length > 6 ? `  +${keys.length - 6}` : ''),
      }),
    );
  }

  async function look() {
    try {
      const answer = await ask(
        'open',
        { service: filters.service, name: filters.name, stuck: filters.stuck, pid: filters.pid, limit: MOST },
        signal,
      );
      answer.spans.slice(0, 20).forEach((span) => learnAttributes(span.attributes));
      sum.textContent = `${count(answer.matching)} of ${count(answer.open)} open spans, in ${count(answer.processes)} ${answer.processes === 1 ? 'process' : 'processes'}${answer.changed ? `; ${count(answer.changed)} changed while they were read` : ''}`;
      // Somebody is at a link here: the rows stay until the focus has gone.
      if (results.contains(document.activeElement) && document.activeElement.matches('a')) return;
      if (answer.spans.length === 0) {
        results.replaceChildren(
          problemList(answer.problems),
          notice(
            'Nothing is open',
            answer.open ? 'Nothing that is so: remove a filter above.' : 'No process has a span open at this moment.',
          ),
        );
        return;
      }
      results.replaceChildren(
        problemList(answer.problems),
        make('ol', { class: 'card open-list', 'aria-label': 'Open spans, the oldest first' }, answer.spans.map(line)),
        answer.matching > answer.spans.length
          ? make('p', { class: 'muted', text: `The oldest ${count(answer.spans.length)} are shown.` })
          : '',
      );
    } catch (problem) {
      if (problem.name === 'AbortError') return;
      refused = problem.status === 400;
      results.replaceChildren(problemNotice(problem));
    }
  }

  keysOfView([key([' '], 'pause, go on', () => setPaused(!paused))], signal);
  main.append(
    make('div', { class: 'head' }, make('h1', { text: 'Open now' }), state, sum),
    make(
      'div',
      { class: 'search-bar' },
      field('service', 'Service', 'any'),
      field('name', 'Name contains', 'any'),
      field('stuck', 'Longer than', 'e.g. 3s'),
      pause,
    ),
    results,
  );
  const again = poll(PERIOD, signal, look, () => paused || refused);
  return undefined;
}
