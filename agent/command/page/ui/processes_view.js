// SPDX-License-Identifier: Apache-2.0
//
// Processes that write spans, and senders by OTLP: what each started, and where every span of it is, as equations.

import { inert, serviceName } from './inert.js';
import { make } from './make.js';
import { notice, problemList, problemNotice, waiting } from './notice.js';
import { go, link } from './place.js';
import { ask, poll } from './request.js';
import { colourOf } from './service_colours.js';
import { ago, count, share } from './units.js';

const PERIOD = 3000;
const STATES = { live: 'good', unattached: 'warn', dead: 'warn', finished: '', gone: 'warn', quarantined: 'bad' };
const VERDICTS = { OK: 'good', busy: 'warn', untrusted: 'warn', MISMATCH: 'bad' };

const sum = (object) => Object.values(object ?? {}).reduce((all, one) => all + one, 0);

export function showProcesses({ main, place, signal }) {
  const all = place.query.get('all') === '1';
  const opened = new Set();
  const results = make('div', { class: 'results' }, waiting());

  function row(one, id, cells, columns) {
    const open = opened.has(id);
    const button = make('button', {
      type: 'button',
      class: 'quiet twist',
      'aria-expanded': String(open),
      'aria-label': `Account of ${serviceName(one.service)} ${one.pid ?? ''}`,
      'data-id': id,
      text: open ? '▾' : '▸',
      on: {
        click: () => {
          if (opened.has(id)) opened.delete(id);
          else opened.add(id);
          show(latest);
        },
      },
    });
    return [
      make('tr', { class: 'link' }, make('td', { class: 'twist-cell' }, button), cells),
      open && make('tr', { class: 'account' }, make('td', { colspan: columns + 1 }, account(one, id))),
    ];
  }

  let latest;
  function show(answer) {
    latest = answer;
    const focused = results.contains(document.activeElement) ? document.activeElement.dataset.id : undefined;
    const scrolled = [...results.querySelectorAll('.table-box')].map((box) => [box.dataset.id, box.scrollLeft]);
    const find = (id) => results.querySelector(`[data-id="${CSS.escape(id)}"]`);
    const { processes, senders } = answer;
    results.replaceChildren(
      ...[
        problemList(answer.problems),
        processes.length || senders.length
          ? ''
          : notice(
              all ? 'No process has written spans' : 'No process writes spans now',
              all ? '' : 'Those that have finished are shown too if you ask for all.',
            ),
        processes.length ? processTable(processes, row) : '',
        senders.length ? senderTable(senders, row) : '',
        answer.left_out ? make('p', { class: 'muted', text: `${count(answer.left_out)} more are left out.` }) : '',
      ].flat(),
    );
    // Whoever was somewhere in it is there still.
    for (const [id, left] of scrolled) find(id)?.scrollTo({ left, behavior: 'instant' });
    if (focused) find(focused)?.focus({ preventScroll: true });
  }

  main.append(
    make(
      'div',
      { class: 'head' },
      make('h1', { text: 'Processes' }),
      make('span', { class: 'grow' }),
      make(
        'div',
        { class: 'choices', role: 'group', 'aria-label': 'Which' },
        [
          [false, 'Live'],
          [true, 'All'],
        ].map(([value, text]) =>
          make('button', {
            type: 'button',
            text,
            'aria-pressed': String(value === all),
            on: { click: () => go(link('processes', { all: value ? 1 : '' })) },
          }),
        ),
      ),
    ),
    results,
  );
  poll(PERIOD, signal, async () => {
    try {
      show(await ask('processes', { all: all ? 1 : '' }, signal));
    } catch (problem) {
      if (problem.name !== 'AbortError') results.replaceChildren(problemNotice(problem));
    }
  });
  return undefined;
}

function verdictOf(one) {
  const verdicts = (one.equations ?? []).map((each) => each.verdict);
  const worst =
    ['MISMATCH', 'untrusted', 'busy'].find((verdict) => verdicts.includes(verdict)) ?? (verdicts.length ? 'OK' : '');
  return worst ? make('span', { class: `badge ${VERDICTS[worst]}`, text: worst === 'OK' ? 'adds up' : worst }) : '';
}

const behind = (one) =>
  (one.exporters ?? []).reduce(
    (furthest, each) => (!furthest || each.pending > furthest.pending ? each : furthest),
    undefined,
  );
const lostOf = (one) =>
  sum(one.dropped) + (one.exporters ?? []).reduce((most, each) => Math.max(most, sum(each.dropped) + each.rejected), 0);

function table(caption, titles, rows) {
  return make(
    'div',
    { class: 'card table-box', tabindex: 0, role: 'region', 'aria-label': caption, 'data-id': caption },
    make(
      'table',
      {},
      make('caption', { class: 'unseen', text: caption }),
      make(
        'thead',
        {},
        make(
          'tr',
          {},
          make('td', { class: 'twist-cell' }),
          titles.map(([title, number]) => make('th', { scope: 'col', class: number ? 'number' : '', text: title })),
        ),
      ),
      make('tbody', {}, rows),
    ),
  );
}

const service = (one) =>
  make(
    'th',
    { scope: 'row' },
    make(
      'span',
      { class: `service ${colourOf(one.service)}` },
      make('span', { class: 'foreign cut', text: serviceName(one.service) }),
    ),
  );
const number = (value, kind = '') =>
  make('td', { class: 'number' }, make('span', { class: value ? kind : 'muted', text: value ? count(value) : '0' }));

function processTable(processes, row) {
  const now = Date.now() * 1e6;
  const titles = [
    ['Service'],
    ['Program'],
    ['PID', 1],
    ['State'],
    ['Since'],
    ['Started', 1],
    ['Ended', 1],
    ['Open', 1],
    ['Pending', 1],
    ['Lost', 1],
    ['Ring', 1],
    ['Account'],
  ];
  return table(
    'Processes',
    titles,
    processes.map((one) =>
      row(
        one,
        one.instance,
        [
          service(one),
          make('td', {}, make('span', { class: 'foreign cut', text: inert(one.program, 80) })),
          make('td', { class: 'number', text: String(one.pid) }),
          make('td', {}, make('span', { class: `badge ${STATES[one.state] ?? ''}`, text: inert(one.state, 20) })),
          make('td', {
            class: 'muted nowrap',
            text: one.since_unix_nano ? ago(one.since_unix_nano, now) : '–',
          }),
          number(one.started),
          number(one.ended),
          number((one.open ?? 0) + (one.unfinished ?? 0), one.unfinished ? 'warn-text' : ''),
          number(behind(one)?.pending ?? 0),
          number(lostOf(one), 'error-text'),
          make(
            'td',
            { class: 'number' },
            one.state === 'live' || one.state === 'dead'
              ? make('span', {
                  class: 'ring',
                  role: 'img',
                  'aria-label': `${Math.round(one.ring_fill * 100)} % full`,
                  style: { '--share': `${Math.min(100, one.ring_fill * 100)}%` },
                })
              : make('span', { class: 'muted', text: '–' }),
          ),
          make('td', {}, verdictOf(one)),
        ],
        titles.length,
      ),
    ),
  );
}

function senderTable(senders, row) {
  const titles = [['Service'], ['Instance'], ['Since'], ['Received', 1], ['Pending', 1], ['Lost', 1], ['Account']];
  const now = Date.now() * 1e6;
  return [
    make('h2', { text: 'Senders by OTLP' }),
    table(
      'Senders by OTLP',
      titles,
      senders.map((one) =>
        row(
          one,
          one.account,
          [
            service(one),
            make('td', {}, make('span', { class: 'foreign cut', text: inert(one.instance, 80) })),
            make('td', {
              class: 'muted nowrap',
              text: one.since_unix_nano ? ago(one.since_unix_nano, now) : '–',
            }),
            number(one.received),
            number(behind(one)?.pending ?? 0),
            number(lostOf(one), 'error-text'),
            make('td', {}, verdictOf(one)),
          ],
          titles.length,
        ),
      ),
    ),
  ];
}

/** Where every span is. */
function account(one, id) {
  const causes = (object) =>
    Object.entries(object ?? {})
      .filter(([, spans]) => spans > 0)
      .map(([cause, spans]) => `${cause} ${count(spans)}`)
      .join(', ');
  return make(
    'div',
    { class: 'account-box' },
    one.quarantine && make('p', { class: 'message', text: `Quarantined: ${inert(one.quarantine, 400)}` }),
    make(
      'div',
      { class: 'equations' },
      (one.equations ?? []).map((each) =>
        make(
          'p',
          { class: 'equation' },
          make('span', {
            class: 'muted foreign',
            text: each.exporter ? inert(each.exporter, 60) : 'process',
          }),
          make('code', { text: inert(each.equation, 300) }),
          make('span', { class: `badge ${VERDICTS[each.verdict] ?? ''}`, text: inert(each.verdict, 20) }),
          each.difference && make('span', { class: 'error-text', text: inert(each.difference, 80) }),
        ),
      ),
    ),
    (one.exporters ?? []).map((each) =>
      make(
        'p',
        { class: 'muted' },
        make('span', { class: 'foreign', text: inert(each.name, 60) }),
        `: ${count(each.exported)} exported, ${count(each.pending_ring)} wait in the ring, ${count(each.pending_spool)} in the spool`,
        each.rejected ? `, ${count(each.rejected)} rejected` : '',
        each.filtered ? `, ${count(each.filtered)} filtered` : '',
        causes(each.dropped) && `, dropped: ${causes(each.dropped)}`,
      ),
    ),
    one.dropped &&
      causes(one.dropped) &&
      make('p', { class: 'error-text', text: `Dropped by the process: ${causes(one.dropped)}` }),
    one.removed?.segments > 0 &&
      make('p', {
        class: one.removed.spans ? 'error-text' : 'muted',
        text: `Removed to make room for it: ${count(one.removed.segments)} ${one.removed.segments === 1 ? 'segment' : 'segments'} of dead processes, with ${count(one.removed.spans)} ${one.removed.spans === 1 ? 'span' : 'spans'} that no agent had taken`,
      }),
    one.not_started &&
      causes(one.not_started) &&
      make('p', { class: 'muted', text: `Not started: ${causes(one.not_started)}` }),
    one.unsampled
      ? make('p', {
          class: 'muted',
          text: `${count(one.unsampled)} not sampled (${share(one.unsampled, one.unsampled + one.started)})`,
        })
      : '',
    one.agent_died &&
      make('p', {
        class: 'muted',
        text: 'An agent died while it served it: what that had not acknowledged may have been exported twice.',
      }),
    (one.not_understood ?? []).map((text) =>
      make('p', { class: 'warn-text foreign', text: `Not understood: ${inert(text, 300)}` }),
    ),
    make(
      'p',
      { class: 'muted' },
      make('a', {
        href: link('traces', { service: one.service }),
        text: 'Traces',
        'data-id': `${id} traces`,
      }),
      ' · ',
      make('a', { href: link('open', { service: one.service }), text: 'Open now', 'data-id': `${id} open` }),
      one.segment && make('span', { class: 'mono foreign', text: ` · ${inert(one.segment, 200)}` }),
    ),
  );
}
