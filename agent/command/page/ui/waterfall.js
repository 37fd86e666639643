// SPDX-License-Identifier: Apache-2.0
//
// The spans of a trace as rows below each other, their bars on one time axis. Only rows in sight are in the document, so a trace
// of 100,000 spans scrolls like one of ten. The box has the focus; the chosen row is its active descendant.

import { inert, serviceName, spanName } from './inert.js';
import { make } from './make.js';
import { colourOf } from './service_colours.js';
import { CRITICAL, KINDS, ORPHAN, PARTIAL, UNFINISHED } from './trace.js';
import { duration, durationStep, steps } from './units.js';

const ROW = 28; // pixels, as in trace.css
const BEYOND = 12; // rows above and below those in sight
const INDENT = 14;
const DEEPEST = 18; // levels that are indented; deeper ones stand below each other

export class Waterfall {
  constructor(trace, time, { choose, signal }) {
    this.trace = trace;
    this.time = time;
    this.choose = choose;
    this.collapsed = new Set();
    this.chosen = -1;
    this.found = new Set();
    this.lines = make('div', { class: 'rows', role: 'presentation' });
    this.axis = make('div', { class: 'axis', 'aria-hidden': 'true' });
    this.body = make(
      'div',
      {
        class: 'scroll',
        tabindex: 0,
        role: 'treegrid',
        'aria-label': 'Spans',
        'aria-colcount': 2,
        'aria-readonly': 'true',
        on: {
          scroll: () => this.draw(),
          keydown: (event) => this.press(event),
          click: (event) => this.click(event),
          wheel: (event) => this.wheel(event),
        },
      },
      this.lines,
    );
    this.element = make(
      'div',
      { class: 'waterfall' },
      make('div', { class: 'head-row', 'aria-hidden': 'true' }, make('div', { text: 'Span' }), this.axis),
      this.body,
    );
    time.addEventListener('change', () => this.redraw(), { signal });
    const observer = new ResizeObserver(() => {
      if (this.size !== this.sizeNow()) this.redraw();
    });
    observer.observe(this.body);
    signal.addEventListener('abort', () => observer.disconnect());
    this.list();
  }

  /** What is to be seen has changed. */
  list() {
    this.seen = this.trace.seen(this.collapsed);
    this.place = new Map(this.seen.map((span, index) => [span.row, index]));
    this.lines.style.height = `${this.seen.length * ROW}px`;
    this.body.setAttribute('aria-rowcount', this.seen.length);
    this.redraw();
  }

  sizeNow() {
    return `${this.body.clientWidth} ${this.body.clientHeight}`;
  }

  redraw() {
    if (!this.body.isConnected) return; // drawn as soon as it is shown
    this.size = this.sizeNow();
    this.drawn = undefined;
    this.drawAxis();
    this.draw();
  }

  drawAxis() {
    const width = this.axis.clientWidth || 600;
    const { from, to } = this.time;
    this.axis.replaceChildren(
      ...steps(from, to, Math.max(2, Math.floor(width / 90))).map((at) => {
        const percent = this.time.percent(at);
        return make('span', {
          class: percent > 92 ? 'tick last' : 'tick',
          style: { left: `${percent}%` },
          text: durationStep(at),
        });
      }),
    );
  }

  draw() {
    const first = Math.max(0, Math.floor(this.body.scrollTop / ROW) - BEYOND);
    const last = Math.min(
      this.seen.length,
      Math.ceil((this.body.scrollTop + (this.body.clientHeight || 600)) / ROW) + BEYOND,
    );
    if (this.drawn && this.drawn[0] === first && this.drawn[1] === last) return;
    this.drawn = [first, last];
    const { from, to } = this.time;
    this.grid ??= make('div', { class: 'grid-lines', 'aria-hidden': 'true' });
    const grid = steps(from, to, Math.max(2, Math.floor((this.axis.clientWidth || 600) / 90))).map((at) =>
      make('i', { style: { left: `${this.time.percent(at)}%` } }),
    );
    this.grid.replaceChildren(...grid);
    this.lines.replaceChildren(
      this.grid,
      ...this.seen.slice(first, last).map((span, index) => this.line(span, first + index)),
    );
    this.point();
  }

  line(span, index) {
    const collapsed = this.collapsed.has(span.row);
    const { flags } = span;
    const name = spanName(span.name);
    const service = serviceName(span.process.service);
    const notes = [
      span.error && 'error',
      flags & UNFINISHED && 'unfinished: its process died',
      flags & PARTIAL && 'goes on',
      flags & CRITICAL && 'on the critical path',
      flags & ORPHAN && 'its parent is not in the store',
    ].filter(Boolean);
    const level = Math.min(span.depth, DEEPEST);
    const classes = [
      'row',
      span.error && 'bad',
      flags & CRITICAL && 'critical',
      this.found.has(span.row) && 'found',
      span.row === this.chosen && 'chosen',
    ].filter(Boolean);
    const left = this.time.percent(span.start),
      width = (100 * span.duration) / this.time.span;
    const outside = left > 100 || left + width < 0;
    const shownLeft = Math.max(left, 0),
      shownWidth = Math.max(0, Math.min(left + width, 100) - shownLeft);
    const bar =
      !outside &&
      make('i', {
        class: ['bar', flags & UNFINISHED && 'unfinished', flags & PARTIAL && 'partial', flags & CRITICAL && 'critical']
          .filter(Boolean)
          .join(' '),
        style: { left: `${shownLeft}%`, width: `${shownWidth}%` },
      });
    const ends = shownLeft + shownWidth;
    const text =
      !outside &&
      make('span', {
        class: ends > 84 ? (shownLeft > 16 ? 'long before' : 'long inside') : 'long',
        style:
          ends > 84 ? (shownLeft > 16 ? { right: `${100 - shownLeft}%` } : { right: '4px' }) : { left: `${ends}%` },
        text: duration(span.duration),
      });
    return make(
      'div',
      {
        class: classes.join(' '),
        role: 'row',
        id: `row-${span.row}`,
        'aria-rowindex': index + 1,
        'aria-level': span.depth + 1,
        'data-row': span.row,
        'aria-expanded': span.children ? String(!collapsed) : undefined,
        'aria-selected': String(span.row === this.chosen),
        style: { top: `${index * ROW}px` },
      },
      make(
        'div',
        { class: 'name', role: 'gridcell' },
        make('span', { class: 'indent', style: { width: `${level * INDENT}px` } }),
        make('span', {
          class: span.children ? 'twisty' : 'twisty none',
          'aria-hidden': 'true',
          text: span.children ? (collapsed ? '▸' : '▾') : '',
        }),
        make('span', { class: `service-mark ${colourOf(span.process.service)}`, 'aria-hidden': 'true' }),
        span.error && make('span', { class: 'sign error-text', 'aria-hidden': 'true', text: '✗' }),
        flags & UNFINISHED ? make('span', { class: 'sign warn-text', 'aria-hidden': 'true', text: '◌' }) : '',
        flags & PARTIAL ? make('span', { class: 'sign muted', 'aria-hidden': 'true', text: '◔' }) : '',
        flags & ORPHAN ? make('span', { class: 'sign muted', 'aria-hidden': 'true', text: '⇠' }) : '',
        make('span', {
          class: 'span-name foreign cut',
          title: `${name} · ${service} · ${KINDS[span.kind] ?? ''}`,
          text: name,
        }),
        collapsed && make('span', { class: 'badge below', text: `+${span.after - span.row - 1}` }),
        make('span', { class: 'of foreign cut muted', text: service }),
      ),
      make(
        'div',
        { class: `time ${colourOf(span.process.service)}`, role: 'gridcell' },
        bar,
        text,
        make('span', {
          class: 'unseen',
          text: `${outside ? duration(span.duration) : ''} ${notes.join(', ')}`,
        }),
      ),
    );
  }

  markChosen() {
    for (const line of this.lines.querySelectorAll('.row.chosen')) this.setChosen(line, false);
    const line = document.getElementById(`row-${this.chosen}`);
    if (line) this.setChosen(line, true);
    this.point();
  }

  setChosen(line, chosen) {
    line.classList.toggle('chosen', chosen);
    line.setAttribute('aria-selected', String(chosen));
  }

  point() {
    const row = document.getElementById(`row-${this.chosen}`);
    if (row && this.lines.contains(row)) this.body.setAttribute('aria-activedescendant', row.id);
    else this.body.removeAttribute('aria-activedescendant');
  }

  /** Chooses a row, opens what is above it, and brings it into sight. */
  select(row, { scroll = true, tell = true } = {}) {
    const span = this.trace.spans[row];
    if (!span) return;
    let hidden = false;
    for (let above = span.parent; above >= 0; above = this.trace.spans[above].parent)
      hidden = this.collapsed.delete(above) || hidden;
    this.chosen = row;
    if (hidden) this.list();
    if (scroll) {
      const top = this.place.get(row) * ROW;
      if (top < this.body.scrollTop + ROW) this.body.scrollTop = Math.max(0, top - ROW * 2);
      else if (top + 3 * ROW > this.body.scrollTop + this.body.clientHeight)
        this.body.scrollTop = top + 3 * ROW - this.body.clientHeight;
    }
    this.draw();
    this.markChosen();
    if (tell) this.choose(span);
  }

  toggle(row, collapse = !this.collapsed.has(row)) {
    const span = this.trace.spans[row];
    if (!span?.children) return;
    if (collapse) this.collapsed.add(row);
    else this.collapsed.delete(row);
    this.list();
  }

  collapseAll(all) {
    this.collapsed = new Set(
      all ? this.trace.spans.filter((span) => span.children && span.depth > 0).map((span) => span.row) : [],
    );
    for (let above = this.trace.spans[this.chosen]?.parent ?? -1; above >= 0; above = this.trace.spans[above].parent)
      this.collapsed.delete(above);
    this.list();
  }

  mark(rows) {
    this.found = rows;
    this.redraw();
  }

  click(event) {
    const row = event.target.closest('.row');
    if (!row) return;
    const number = Number(row.dataset.row);
    if (event.target.closest('.twisty:not(.none)')) this.toggle(number);
    else this.select(number, { scroll: false });
  }

  wheel(event) {
    if (!event.ctrlKey && !event.shiftKey) return;
    event.preventDefault();
    if (event.shiftKey) {
      this.time.move(Math.sign(event.deltaY || event.deltaX) * 0.1);
    } else {
      const box = this.axis.getBoundingClientRect();
      const at = this.time.from + (this.time.span * (event.clientX - box.left)) / box.width;
      this.time.zoom(event.deltaY < 0 ? 0.8 : 1.25, at);
    }
  }

  step(by) {
    const at = this.place.get(this.chosen);
    const to = at === undefined ? 0 : Math.max(0, Math.min(this.seen.length - 1, at + by));
    this.select(this.seen[to].row);
  }

  press(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const span = this.trace.spans[this.chosen];
    const page = Math.max(1, Math.floor(this.body.clientHeight / ROW) - 2);
    const moves = {
      ArrowDown: 1,
      j: 1,
      ArrowUp: -1,
      k: -1,
      PageDown: page,
      PageUp: -page,
      Home: -Infinity,
      End: Infinity,
    };
    if (event.key in moves) {
      this.step(moves[event.key]);
    } else if (event.key === 'ArrowRight' && span) {
      if (this.collapsed.has(span.row)) this.toggle(span.row, false);
      else if (span.children) this.select(span.row + 1);
    } else if (event.key === 'ArrowLeft' && span) {
      if (span.children && !this.collapsed.has(span.row)) this.toggle(span.row, true);
      else if (span.parent >= 0) this.select(span.parent);
    } else if (event.key === ' ' && span) {
      this.toggle(span.row);
    } else {
      return;
    }
    event.preventDefault();
  }

  /** Rows whose name or service contains a text. */
  search(text) {
    const wanted = text.toLowerCase();
    const names = new Map();
    const has = (value) => {
      let known = names.get(value);
      if (known === undefined) names.set(value, (known = inert(value).toLowerCase().includes(wanted)));
      return known;
    };
    return wanted
      ? this.trace.spans
          .filter((span) => has(span.name) || has(span.process.service) || span.id.startsWith(wanted))
          .map((span) => span.row)
      : [];
  }
}
