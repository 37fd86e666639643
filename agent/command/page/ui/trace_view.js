// SPDX-License-Identifier: Apache-2.0
//
// One trace: what it is, its waterfall or its flame view, and one of its spans in detail.

import { inert, serviceName, spanName } from './inert.js';
import { Flame } from './flame.js';
import { key, keysOfView } from './keys.js';
import { make } from './make.js';
import { notice, problemNotice, tell, waiting } from './notice.js';
import { overview } from './overview.js';
import { go, link, stay } from './place.js';
import { ask } from './request.js';
import { colourOf } from './service_colours.js';
import { spanDetails } from './span_details.js';
import { TimeWindow } from './time_window.js';
import { CRITICAL, Trace, UNFINISHED } from './trace.js';
import { count, duration, moment, share } from './units.js';
import { Waterfall } from './waterfall.js';

export function showTrace({ main, place, signal }) {
  const state = {
    view: place.query.get('view') === 'flame' ? 'flame' : 'waterfall',
    critical: place.query.get('critical') === '1',
  };
  const progress = waiting();
  main.append(make('h1', { class: 'unseen', text: 'Trace' }), progress);
  let shown;
  if (!place.id) {
    progress.replaceWith(notice('Which trace?', 'The address has no id.'));
    return undefined;
  }
  ask('trace', { id: place.id }, signal)
    .then((answer) => {
      main.replaceChildren();
      if (answer.spans.length === 0) main.append(notice('This trace is not in the store', inert(place.id, 64)));
      else
        shown = new ShownTrace(new Trace(answer), {
          main,
          signal,
          state,
          asked: place.id,
          span: place.query.get('span'),
        });
    })
    .catch((problem) => {
      if (problem.name === 'AbortError') return;
      if (!(problem.status >= 0)) console.error(problem);
      main.replaceChildren(
        make('h1', { text: 'Trace' }),
        problemNotice(problem),
        make('p', {}, make('a', { href: link('traces'), text: 'All traces' })),
      );
    });
  return (next) => {
    if (next.id !== place.id || !shown) return next.id === place.id;
    shown.arrive(next.query);
    return true;
  };
}

class ShownTrace {
  constructor(trace, { main, signal, state, asked, span }) {
    Object.assign(this, { trace, signal, asked }, state);
    this.time = new TimeWindow(trace.from, trace.to);
    this.waterfall = new Waterfall(trace, this.time, { choose: (one) => this.choose(one), signal });
    this.matches = [];
    this.main = make('div', { class: 'card trace-main' });
    this.body = make('div', { class: 'trace-body' }, this.main);
    this.critics = make('div', { class: 'critical-list', hidden: true });
    const top = trace.spans[0];
    document.title = `${spanName(top.name)} · spanring`;
    main.append(this.head(), this.tools(), this.critics, this.body);
    this.switchTo(this.view);
    this.showCritical(this.critical);
    this.keys();
    if (span && trace.byId.has(span)) this.waterfall.select(trace.byId.get(span).row);
    else if (this.view === 'waterfall') this.waterfall.select(0, { tell: false });
    this.waterfall.body.focus({ preventScroll: true });
    performance.mark('trace-shown');
  }

  head() {
    const { trace } = this;
    const top = trace.spans[0];
    const rootless = top.parent < 0 && top.flags & 8;
    return make(
      'div',
      { class: 'trace-head' },
      make(
        'h1',
        {},
        make('span', { class: 'foreign', text: rootless ? `(${spanName(top.name)})` : spanName(top.name) }),
      ),
      make(
        'p',
        { class: 'facts' },
        make('span', {}, make('strong', { text: duration(trace.duration) })),
        make('span', { text: moment(trace.start) }),
        make('span', { text: `${count(trace.spans.length)} ${trace.spans.length === 1 ? 'span' : 'spans'}` }),
        trace.services
          .slice(0, 8)
          .map((service) =>
            make(
              'span',
              { class: `service ${colourOf(service)}` },
              make('span', { class: 'foreign cut', text: serviceName(service) }),
            ),
          ),
        trace.services.length > 8 && make('span', { text: `+${trace.services.length - 8} services` }),
        trace.errors > 0 &&
          make('span', {
            class: 'badge bad',
            text: `${count(trace.errors)} ${trace.errors === 1 ? 'error' : 'errors'}`,
          }),
        trace.unfinished > 0 &&
          make('span', {
            class: 'badge warn',
            title: 'their process died before they ended',
            text: `${count(trace.unfinished)} unfinished`,
          }),
        trace.duplicates > 0 && make('span', { text: `${count(trace.duplicates)} arrived twice, shown once` }),
        trace.leftOut > 0 && make('span', { class: 'warn-text', text: `${count(trace.leftOut)} spans left out` }),
        make('span', { class: 'mono', text: trace.id }),
      ),
    );
  }

  tools() {
    this.views = ['waterfall', 'flame'].map((view) =>
      make('button', {
        type: 'button',
        text: view === 'flame' ? 'Flame' : 'Waterfall',
        on: { click: () => this.goTo({ view }) },
      }),
    );
    this.criticalButton = make('button', {
      type: 'button',
      text: 'Critical path',
      title: 'What the trace waited for (c)',
      on: { click: () => this.showCritical(!this.critical) },
    });
    this.find = make('input', {
      type: 'search',
      placeholder: 'Find in trace',
      'aria-label': 'Find spans by name or service',
      on: {
        input: () => this.search(),
        keydown: (event) => {
          if (event.key === 'Enter') this.nextFound(event.shiftKey ? -1 : 1);
        },
      },
    });
    this.findCount = make('span', { class: 'muted', role: 'status' });
    this.closer = [
      make('button', {
        type: 'button',
        text: 'Collapse',
        title: 'Collapse all (x)',
        on: { click: () => this.waterfall.collapseAll(true) },
      }),
      make('button', {
        type: 'button',
        text: 'Expand',
        title: 'Expand all (Shift+x)',
        on: { click: () => this.waterfall.collapseAll(false) },
      }),
    ];
    this.zoomReset = make('button', {
      type: 'button',
      text: 'Whole time',
      hidden: true,
      title: '0',
      on: { click: () => this.time.reset() },
    });
    this.time.addEventListener(
      'change',
      () => {
        this.zoomReset.hidden = this.time.isWhole;
      },
      { signal: this.signal },
    );
    return make(
      'div',
      { class: 'trace-tools' },
      make('div', { class: 'choices', role: 'group', 'aria-label': 'How it is shown' }, this.views),
      this.criticalButton,
      make('span', { class: 'grow' }),
      this.zoomReset,
      this.closer,
      this.findCount,
      this.find,
    );
  }

  address(changes = {}) {
    const { view, critical, span } = { view: this.view, critical: this.critical, span: this.span?.id, ...changes };
    return link('trace', { view: view === 'flame' ? view : '', critical: critical ? 1 : '', span }, this.asked);
  }

  goTo(changes) {
    if (changes.view !== this.view) go(this.address(changes));
  }

  /** The address changed: by the back button, a link, or goTo(). */
  arrive(query) {
    const view = query.get('view') === 'flame' ? 'flame' : 'waterfall';
    const critical = query.get('critical') === '1';
    // Before the rest: what changes the address from now on says it too.
    if (critical !== this.critical) this.showCritical(critical, false);
    if (view !== this.view) this.switchTo(view);
    const span = this.trace.byId.get(query.get('span'));
    if (span && span !== this.span) {
      this.waterfall.select(span.row);
    } else if (!span && this.span) {
      this.closeDetails(false);
    }
  }

  switchTo(view) {
    this.view = view;
    this.views.forEach((button, index) =>
      button.setAttribute('aria-pressed', String((index === 1) === (view === 'flame'))),
    );
    for (const one of [...this.closer, this.find, this.findCount, this.criticalButton]) one.hidden = view === 'flame';
    this.critics.hidden = view === 'flame' || !this.critical;
    if (view === 'flame') {
      this.flame ??= new Flame(this.trace, { choose: (span) => this.choose(span), signal: this.signal });
      this.zoomReset.hidden = true;
      this.main.replaceChildren(this.flame.line, this.flame.element);
      this.flame.place();
      this.flame.element.focus({ preventScroll: true });
    } else {
      this.strip ??= overview(this.trace, this.time, this.signal);
      this.zoomReset.hidden = this.time.isWhole;
      this.main.replaceChildren(this.strip, this.waterfall.element);
      this.waterfall.redraw();
    }
  }

  showCritical(on, addressed = true) {
    this.critical = on;
    this.criticalButton.setAttribute('aria-pressed', String(on));
    this.waterfall.element.classList.toggle('show-critical', on);
    this.critics.hidden = !on || this.view === 'flame';
    if (addressed) stay(this.address());
    if (!on || this.critics.firstChild) return;
    const list = this.trace.waitedFor(5);
    this.critics.append(
      make('span', { text: list.length ? 'It waited longest for' : 'Nothing is on a critical path.' }),
      ...list.map((sum) =>
        make(
          'button',
          {
            type: 'button',
            class: colourOf(sum.service),
            on: {
              click: () => {
                this.waterfall.select(sum.first.row);
                this.waterfall.body.focus();
              },
            },
          },
          make(
            'span',
            { class: 'service cut' },
            make('span', {
              class: 'foreign cut',
              text: `${spanName(sum.name)}${sum.spans > 1 ? ` ×${sum.spans}` : ''}`,
            }),
          ),
          make('strong', { text: duration(sum.waited) }),
          make('span', { class: 'muted', text: share(sum.waited, this.trace.duration) }),
        ),
      ),
    );
  }

  choose(span) {
    if (this.span === span) return;
    this.span = span;
    stay(this.address());
    this.asking?.abort();
    this.asking = new AbortController();
    const { asking } = this;
    this.signal.addEventListener('abort', () => asking.abort(), { signal: asking.signal });
    this.details?.remove();
    this.details = spanDetails(this.trace, span, { close: () => this.closeDetails(), signal: this.asking.signal });
    this.body.classList.add('detailed');
    this.body.append(this.details);
  }

  closeDetails(addressed = true) {
    this.asking?.abort();
    this.details?.remove();
    this.details = undefined;
    this.span = undefined;
    this.body.classList.remove('detailed');
    if (addressed) stay(this.address());
    (this.view === 'flame' ? this.flame.element : this.waterfall.body).focus({ preventScroll: true });
  }

  search() {
    const text = this.find.value.trim();
    this.matches = this.waterfall.search(text);
    this.waterfall.mark(new Set(this.matches));
    this.findCount.textContent = text ? `${count(this.matches.length)} found` : '';
    if (this.matches.length) this.waterfall.select(this.matches[0], { tell: false });
  }

  nextIn(rows, by) {
    if (rows.length === 0) return;
    const here = this.waterfall.chosen;
    const next =
      by > 0 ? (rows.find((row) => row > here) ?? rows[0]) : (rows.findLast((row) => row < here) ?? rows.at(-1));
    this.waterfall.select(next);
  }

  nextFound(by) {
    this.nextIn(this.matches, by);
  }

  keys() {
    const { waterfall, time } = this;
    const errors = this.trace.spans.filter((span) => span.error || span.flags & UNFINISHED).map((span) => span.row);
    const critical = this.trace.spans.filter((span) => span.flags & CRITICAL).map((span) => span.row);
    const inWaterfall = (run) => (event) => {
      if (this.view === 'waterfall') run(event);
    };
    keysOfView(
      [
        key(
          ['ArrowDown', 'j'],
          'next span',
          inWaterfall(() => waterfall.step(1)),
        ),
        key(
          ['ArrowUp', 'k'],
          'span before',
          inWaterfall(() => waterfall.step(-1)),
        ),
        key(
          ['ArrowRight', 'ArrowLeft'],
          'open, or go to its first child; close, or go to its parent',
          inWaterfall((event) => {
            waterfall.body.focus();
            waterfall.press(event);
          }),
        ),
        key(
          ['Enter'],
          'details of the span; in the flame view, zoom in',
          inWaterfall(() => this.choose(this.trace.spans[Math.max(waterfall.chosen, 0)])),
        ),
        key(['Escape'], 'close the details', () => {
          if (this.details) this.closeDetails();
        }),
        key(
          ['e', 'E'],
          'next error or unfinished span, the one before',
          inWaterfall((event) => {
            this.nextIn(errors, event.key === 'e' ? 1 : -1);
            if (!errors.length) tell('no errors');
          }),
        ),
        key(
          ['c'],
          'critical path',
          inWaterfall(() => this.showCritical(!this.critical)),
        ),
        key(
          ['C'],
          'next span of the critical path',
          inWaterfall(() => this.nextIn(critical, 1)),
        ),
        key(
          ['x', 'X'],
          'collapse all, expand all',
          inWaterfall((event) => waterfall.collapseAll(event.key === 'x')),
        ),
        key(
          ['+', '-'],
          'closer, further',
          inWaterfall((event) => {
            const span = this.trace.spans[waterfall.chosen];
            time.zoom(event.key === '+' ? 0.5 : 2, span && event.key === '+' ? (span.start + span.end) / 2 : undefined);
          }),
        ),
        key(
          ['[', ']'],
          'earlier, later',
          inWaterfall((event) => time.move(event.key === ']' ? 0.25 : -0.25)),
        ),
        key(['0'], 'the whole time', () => (this.view === 'flame' ? this.flame.zoom(this.flame.top) : time.reset())),
        key(
          ['s'],
          'as long as the span',
          inWaterfall(() => {
            const span = this.trace.spans[waterfall.chosen];
            if (span) time.set(span.start - span.duration * 0.05, span.end + span.duration * 0.05);
          }),
        ),
        key(
          ['n', 'N'],
          'next found, found before',
          inWaterfall((event) => this.nextFound(event.key === 'n' ? 1 : -1)),
        ),
        key(['f'], 'flame view or waterfall', () => this.goTo({ view: this.view === 'flame' ? 'waterfall' : 'flame' })),
      ],
      this.signal,
    );
  }
}
