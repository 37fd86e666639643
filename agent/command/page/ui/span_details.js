// SPDX-License-Identifier: Apache-2.0
//
// All of one span: attributes, events, links, resource. A span may have 10,000 attributes; a hundred are drawn, the rest when asked for.

import { inert, serviceName, spanName } from './inert.js';
import { make } from './make.js';
import { problemNotice, waiting } from './notice.js';
import { link, word } from './place.js';
import { ask } from './request.js';
import { colourOf } from './service_colours.js';
import { ORPHAN } from './trace.js';
import { count, duration, moment } from './units.js';
import { learnAttributes } from './vocabulary.js';

const PAGE = 100;

function valueText(value) {
  if (typeof value === 'string') return value;
  return JSON.stringify(value);
}

/** So many at a time, and a button for more. */
function paged(list, container, row) {
  const more = make('button', { type: 'button', class: 'more' });
  let drawn = 0;
  const next = () => {
    container.append(...list.slice(drawn, drawn + PAGE).flatMap(row));
    drawn = Math.min(list.length, drawn + PAGE);
    more.hidden = drawn >= list.length;
    more.textContent = `Show ${count(Math.min(PAGE, list.length - drawn))} more of ${count(list.length - drawn)}`;
  };
  more.addEventListener('click', next);
  next();
  return [container, more];
}

function pairs(object) {
  return paged(Object.entries(object), make('dl', { class: 'pairs' }), ([key, value]) => [
    make('dt', { class: 'foreign', text: inert(key, 200) }),
    make('dd', { class: 'mono foreign', text: inert(valueText(value)) }),
  ]);
}

function section(title, size, dropped, ...content) {
  if (!size && !dropped) return '';
  return make(
    'section',
    {},
    make(
      'h3',
      {},
      title,
      make('span', { class: 'muted', text: count(size) }),
      dropped > 0 && make('span', { class: 'badge warn', text: `${count(dropped)} dropped` }),
    ),
    content,
  );
}

function fact(term, ...value) {
  return [make('dt', { text: term }), make('dd', { class: 'foreign' }, value)];
}

/** row: the same span in its trace, which knows what is above it. */
function drawSpan(span, row, traceId) {
  learnAttributes(span.attributes);
  const resource = span.resource ?? {};
  const facts = make(
    'dl',
    { class: 'pairs' },
    fact('duration', make('strong', { text: duration(span.duration_nano) })),
    fact('started', moment(span.start_unix_nano)),
    fact('kind', inert(span.kind)),
    fact('status', inert(span.status)),
    fact('span', make('span', { class: 'mono', text: span.span_id })),
    span.parent_span_id &&
      fact(
        'parent',
        make('span', {
          class: 'mono',
          text: `${span.parent_span_id}${row.flags & ORPHAN ? ' (not in the store)' : ''}`,
        }),
      ),
    (span.scope?.name || span.scope?.version) && fact('scope', inert(`${span.scope.name} ${span.scope.version}`)),
    span.trace_state && fact('trace state', make('span', { class: 'mono', text: inert(span.trace_state) })),
  );
  const attributes = Object.keys(span.attributes).length;
  return [
    span.unfinished &&
      make('p', {
        class: 'message warn',
        text: 'Unfinished: its process died before this span ended. The bar ends where the process did.',
      }),
    span.partial &&
      make('p', { class: 'message warn', text: 'It goes on: this is what it was when the agent last sent it.' }),
    span.status_message &&
      make('p', {
        class: `message foreign ${span.status === 'Error' ? '' : 'warn'}`,
        text: inert(span.status_message),
      }),
    make('section', {}, facts),
    section('Attributes', attributes, span.dropped?.attributes, pairs(span.attributes)),
    section(
      'Events',
      span.events.length,
      span.dropped?.events,
      paged(span.events, make('div'), (event) => [
        make(
          'div',
          { class: 'event' },
          make(
            'div',
            { class: 'event-head' },
            make('strong', { class: 'foreign', text: inert(event.name, 400) || '(no name)' }),
            make('span', {
              class: 'muted',
              text: event.after_nano < 0 ? duration(event.after_nano) : `+${duration(event.after_nano)}`,
            }),
          ),
          Object.keys(event.attributes).length ? pairs(event.attributes) : '',
        ),
      ]),
    ),
    section(
      'Links',
      span.links.length,
      span.dropped?.links,
      paged(span.links, make('div'), (one) => [
        make(
          'div',
          { class: 'event' },
          make('a', {
            class: 'mono',
            href: link('trace', { span: one.span_id }, one.trace_id),
            text: `${one.trace_id.slice(0, 16)}… / ${one.span_id}`,
          }),
          Object.keys(one.attributes).length ? pairs(one.attributes) : '',
        ),
      ]),
    ),
    section('Resource', Object.keys(resource).length, 0, pairs(resource)),
    make(
      'section',
      {},
      make('h3', { text: 'Elsewhere' }),
      make(
        'p',
        {},
        make('a', {
          href: link('traces', {
            q: `${word('service', '=', span.service)} ${word('name', '=', span.name)}`,
          }),
          text: 'Traces with this operation',
        }),
      ),
      make(
        'p',
        {},
        make('a', {
          href: link('operation', { service: span.service, name: span.name }),
          text: 'This operation over time',
        }),
      ),
      make('p', {}, make('a', { href: link('trace', { span: span.span_id }, traceId), text: 'Link to this span' })),
    ),
  ];
}

export function spanDetails(trace, span, { close, signal }) {
  const body = make(
    'div',
    { class: 'details-body', tabindex: 0, role: 'region', 'aria-label': 'Attributes, events, links, resource' },
    waiting(),
  );
  const box = make(
    'aside',
    { class: 'card details', 'aria-label': 'Span' },
    make(
      'header',
      {},
      make(
        'div',
        { class: 'grow' },
        make('h2', { class: 'foreign', text: spanName(span.name) }),
        make(
          'span',
          { class: `service ${colourOf(span.process.service)}` },
          make('span', {
            class: 'foreign muted cut',
            text: `${serviceName(span.process.service)}${span.process.pid ? ` · pid ${inert(span.process.pid, 20)}` : ''}${span.process.host ? ` · ${inert(span.process.host, 60)}` : ''}`,
          }),
        ),
      ),
      make('button', {
        type: 'button',
        class: 'quiet',
        'aria-label': 'Close the details (Esc)',
        title: 'Close (Esc)',
        text: '✕',
        on: { click: close },
      }),
    ),
    body,
  );
  ask('span', { trace: trace.id, span: span.id }, signal).then(
    (answer) => body.replaceChildren(...drawSpan(answer, span, trace.id).filter(Boolean)),
    (problem) => problem.name !== 'AbortError' && body.replaceChildren(problemNotice(problem)),
  );
  return box;
}
