// SPDX-License-Identifier: Apache-2.0
//
// What was lost, by cause: who dropped it, why, and whose spans they were.

import { inert, serviceName } from './inert.js';
import { make } from './make.js';
import { problemList, problemNotice, waiting } from './notice.js';
import { ask, poll } from './request.js';
import { colourOf } from './service_colours.js';
import { count, share } from './units.js';

const PERIOD = 3000;

export function showLosses({ main, signal }) {
  const results = make('div', { class: 'results' }, waiting());
  main.append(make('div', { class: 'head' }, make('h1', { text: 'Losses' })), results);
  poll(PERIOD, signal, async () => {
    try {
      const answer = await ask('losses', {}, signal);
      const scrolled = scrollY;
      results.replaceChildren(
        problemList(answer.problems),
        ...(answer.lost === 0 && answer.causes.length === 0
          ? [nothing()]
          : [
              make(
                'p',
                { class: 'lead' },
                make('strong', { class: 'error-text', text: count(answer.lost) }),
                answer.lost === 1
                  ? ' span was lost, of which it is known why.'
                  : ' spans were lost, of each of which it is known why.',
              ),
              ...[...answer.causes].sort((a, b) => b.spans - a.spans).map((cause) => card(cause, answer.lost)),
            ]),
      );
      scrollTo(0, scrolled);
    } catch (problem) {
      if (problem.name !== 'AbortError') results.replaceChildren(problemNotice(problem));
    }
  });
  return undefined;
}

function nothing() {
  return make(
    'div',
    { class: 'card notice' },
    make('span', { class: 'badge good', text: '0 lost' }),
    make('h2', { text: 'Nothing was lost' }),
    make('p', { text: 'Of every process and sender that is known, each span was delivered, waits, or is open.' }),
  );
}

function card(cause, lost) {
  const whole = Math.max(cause.spans, 1);
  return make(
    'section',
    { class: 'card pad loss', 'aria-label': `Lost: ${inert(cause.cause, 60)}` },
    make(
      'div',
      { class: 'head' },
      make('h2', { class: 'foreign', text: inert(cause.cause, 60) }),
      make('strong', { class: 'error-text', text: count(cause.spans) }),
      make('span', { class: 'muted', text: share(cause.spans, lost) }),
      make('span', { class: 'grow' }),
      make('span', {
        class: 'badge foreign',
        text:
          cause.by === 'agent'
            ? `by the agent${cause.exporter ? `, at ${inert(cause.exporter, 60)}` : ''}`
            : 'in the process',
      }),
    ),
    make('p', { class: 'lead foreign', text: inert(cause.what, 400) }),
    make(
      'ul',
      { class: 'plain loss-list' },
      cause.of.map((one) =>
        make(
          'li',
          { style: { '--share': `${(100 * one.spans) / whole}%` } },
          make(
            'span',
            { class: `service ${colourOf(one.service)}` },
            make('span', { class: 'foreign cut', text: serviceName(one.service) }),
          ),
          make('span', {
            class: 'muted foreign cut',
            text: [inert(one.program, 60), one.pid && `pid ${one.pid}`, one.state].filter(Boolean).join(' · '),
          }),
          make('span', { class: 'number', text: count(one.spans) }),
          make('i', { class: 'share', 'aria-hidden': 'true' }),
        ),
      ),
    ),
    cause.of_left_out ? make('p', { class: 'muted', text: `and ${count(cause.of_left_out)} more` }) : '',
  );
}
