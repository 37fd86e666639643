// SPDX-License-Identifier: Apache-2.0
//
// Where the time of a trace went: spans with the same service and name below the same parent are one frame, as wide as they took
// together (or as what is below took together, where that ran side by side). The waterfall shows when, this shows how much.

import { serviceName, spanName } from './inert.js';
import { make } from './make.js';
import { colourOf } from './service_colours.js';
import { UNFINISHED } from './trace.js';
import { count, duration, share } from './units.js';

const ROW = 24;
const THIN = 2; // pixels; what is narrower is not drawn

export function flameOf(trace) {
  const top = {
    children: [],
    by: new Map(),
    depth: -1,
    total: 0,
    self: 0,
    spans: 0,
    errors: 0,
    unfinished: 0,
    parent: undefined,
  };
  const frames = [];
  const frameOf = [];
  for (const span of trace.spans) {
    const above = span.parent >= 0 ? frameOf[span.parent] : top;
    const key = `${span.process.service}\u0000${span.name}`;
    let frame = above.by.get(key);
    if (!frame) {
      frame = {
        service: span.process.service,
        name: span.name,
        parent: above,
        depth: above.depth + 1,
        children: [],
        by: new Map(),
        total: 0,
        spans: 0,
        errors: 0,
        unfinished: 0,
        first: span,
      };
      above.by.set(key, frame);
      above.children.push(frame);
      frames.push(frame);
    }
    frame.total += span.duration;
    ++frame.spans;
    if (span.error) ++frame.errors;
    if (span.flags & UNFINISHED) ++frame.unfinished;
    if (span.duration > frame.first.duration) frame.first = span;
    frameOf.push(frame);
  }
  // Children were made after their parents, so from behind all that is below a frame is known.
  for (const frame of [...frames].reverse().concat(top)) {
    const below = frame.children.reduce((sum, child) => sum + child.wide, 0);
    frame.self = Math.max(0, frame.total - below);
    frame.wide = Math.max(frame.total, below, frame === top ? 1 : 0);
    frame.children.sort((a, b) => b.wide - a.wide);
  }
  return { top, frames };
}

export class Flame {
  constructor(trace, { choose, signal }) {
    this.choose = choose;
    const { top, frames } = flameOf(trace);
    this.top = top;
    this.focus = top;
    this.chosen = frames[0];
    this.whole = top.wide;
    this.line = make('div', { class: 'flame-line' });
    this.box = make('div', { class: 'flame-box', role: 'presentation' });
    this.element = make(
      'div',
      {
        class: 'flame',
        tabindex: 0,
        role: 'tree',
        'aria-label': 'Flame view: spans of a kind together, as wide as they took',
        on: {
          keydown: (event) => this.press(event),
          click: (event) => this.click(event),
          dblclick: () => this.zoom(this.top),
          scroll: () => this.draw(),
        },
      },
      this.box,
    );
    const observer = new ResizeObserver(() => this.place());
    observer.observe(this.element);
    signal.addEventListener('abort', () => observer.disconnect());
    this.say();
  }

  /** Where each frame is, in shares of the width. Only what is as wide as to be seen. */
  place() {
    const width = this.element.clientWidth || 800;
    this.placed = [];
    this.at = new Map();
    const put = (frame, left, right, above) => {
      this.at.set(frame, this.placed.length);
      this.placed.push({ frame, left, right, above });
    };
    const above = [];
    for (let frame = this.focus; frame && frame !== this.top; frame = frame.parent) above.push(frame);
    for (const frame of above.reverse()) put(frame, 0, 1, frame !== this.focus);
    const todo = [{ frame: this.focus, left: 0, scale: 1 / this.focus.wide }];
    while (todo.length) {
      const { frame, left, scale } = todo.pop();
      let from = left;
      for (const child of frame.children) {
        const wide = child.wide * scale;
        if (wide * width < THIN) break; // the widest come first
        put(child, from, from + wide, false);
        if (child.children.length) todo.push({ frame: child, left: from, scale });
        from += wide;
      }
    }
    const deepest = this.placed.reduce((depth, one) => Math.max(depth, one.frame.depth), 0);
    this.box.style.height = `${(deepest + 1) * ROW + 12}px`;
    this.draw();
  }

  draw() {
    const width = this.element.clientWidth || 800;
    const from = this.element.scrollTop - 3 * ROW,
      to = this.element.scrollTop + (this.element.clientHeight || 600) + 3 * ROW;
    this.box.replaceChildren(
      ...(this.placed ?? [])
        .filter(({ frame }) => frame.depth * ROW > from && frame.depth * ROW < to)
        .map(({ frame, left, right, above }) => {
          const thin = (right - left) * width < 28;
          const text = `${spanName(frame.name)}${frame.spans > 1 ? ` ×${count(frame.spans)}` : ''}`;
          return make(
            'div',
            {
              class: [
                'frame foreign',
                colourOf(frame.service),
                thin && 'thin',
                frame.errors && 'bad',
                above && 'above',
                frame === this.chosen && 'chosen',
              ]
                .filter(Boolean)
                .join(' '),
              role: 'treeitem',
              id: `frame-${this.at.get(frame)}`,
              'data-frame': this.at.get(frame),
              'aria-level': frame.depth + 1,
              'aria-selected': String(frame === this.chosen),
              'aria-label': thin ? `${text} · ${duration(frame.total)}` : undefined,
              title: `${text} · ${serviceName(frame.service)} · ${duration(frame.total)}`,
              style: {
                left: `calc(${left * 100}% + 1px)`,
                width: `calc(${(right - left) * 100}% - 1px)`,
                top: `${frame.depth * ROW + 6}px`,
              },
            },
            thin ? '' : `${text} · ${duration(frame.total)}`,
          );
        }),
    );
    const here = this.at?.get(this.chosen);
    if (here !== undefined && document.getElementById(`frame-${here}`))
      this.element.setAttribute('aria-activedescendant', `frame-${here}`);
    else this.element.removeAttribute('aria-activedescendant');
  }

  say() {
    const frame = this.chosen;
    if (!frame) return;
    this.line.replaceChildren(
      make(
        'strong',
        { class: `service ${colourOf(frame.service)}` },
        make('span', { class: 'foreign cut', text: spanName(frame.name) }),
      ),
      make('span', { class: 'muted foreign', text: serviceName(frame.service) }),
      make('span', { text: `${duration(frame.total)} together, ${share(frame.total, this.whole)} of the trace` }),
      make('span', { class: 'muted', text: `itself ${duration(frame.self)}` }),
      make('span', { class: 'muted', text: `${count(frame.spans)} ${frame.spans === 1 ? 'span' : 'spans'}` }),
      frame.errors ? make('span', { class: 'error-text', text: `${count(frame.errors)} with an error` }) : '',
      frame.unfinished ? make('span', { class: 'warn-text', text: `${count(frame.unfinished)} unfinished` }) : '',
    );
  }

  select(frame) {
    if (!frame || frame === this.top) return;
    this.chosen = frame;
    this.say();
    const top = frame.depth * ROW;
    if (top < this.element.scrollTop) this.element.scrollTop = top;
    else if (top + 2 * ROW > this.element.scrollTop + this.element.clientHeight)
      this.element.scrollTop = top + 2 * ROW - this.element.clientHeight;
    this.draw();
  }

  zoom(frame) {
    this.focus = frame;
    this.place();
  }

  click(event) {
    const box = event.target.closest('.frame');
    if (!box) return;
    const { frame } = this.placed[Number(box.dataset.frame)];
    this.select(frame);
    this.zoom(frame);
    this.choose(frame.first);
  }

  press(event) {
    const frame = this.chosen;
    if (!frame || event.ctrlKey || event.altKey || event.metaKey) return;
    const beside = frame.parent.children;
    const at = beside.indexOf(frame);
    const moves = {
      ArrowUp: frame.parent,
      ArrowDown: frame.children[0],
      ArrowLeft: beside[at - 1],
      ArrowRight: beside[at + 1],
    };
    if (event.key in moves) {
      const next = moves[event.key];
      if (next && this.at.has(next)) this.select(next);
    } else if (event.key === 'Enter') {
      this.zoom(frame);
      this.choose(frame.first);
    } else if (event.key === '0' || event.key === 'Escape') {
      if (event.key === 'Escape' && this.focus === this.top) return;
      this.zoom(this.top);
    } else {
      return;
    }
    event.preventDefault();
  }
}
