// SPDX-License-Identifier: Apache-2.0
//
// The keyboard. A view says which keys it has; `?` shows those of the page and of the view. Keys are left alone where
// somebody types, and where Ctrl, Alt or Meta is held.

import { make } from './make.js';

const everywhere = [];
let ofView = [];
let first = '';

/** keys: what is pressed ("g t" is two), what: a sentence, run(event). */
export const key = (keys, what, run) => ({ keys, what, run });

export function keysEverywhere(list) {
  everywhere.push(...list);
}

export function keysOfView(list, signal) {
  ofView = list;
  signal.addEventListener('abort', () => {
    if (ofView === list) ofView = [];
  });
}

const typing = (target) => target.matches?.('input:not([type=checkbox]), textarea, select, [contenteditable]');

/** What a browser does by itself where the focus is: follow the link, press the button. */
const pressing = ({ key, target }) =>
  (key === 'Enter' && target.matches?.('a[href], button')) || (key === ' ' && target.matches?.('button'));

export function startKeys() {
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented) return;
    if (event.key === 'Escape' && typing(event.target)) {
      event.target.blur();
      return;
    }
    if (typing(event.target) || pressing(event) || document.querySelector('dialog[open]')) return;
    const wanted = first ? `${first} ${event.key}` : event.key;
    const all = [...ofView, ...everywhere];
    const found = all.find((one) => one.keys.includes(wanted));
    first = '';
    if (found) {
      event.preventDefault();
      found.run(event);
    } else if (all.some((one) => one.keys.some((keys) => keys.startsWith(`${event.key} `)))) {
      first = event.key;
    }
  });
}

const SHOWN = { ArrowUp: '↑', ArrowDown: '↓', ArrowLeft: '←', ArrowRight: '→', Escape: 'Esc' };

function rows(list) {
  return make(
    'dl',
    {},
    list.map((one) => [
      make(
        'dt',
        {},
        one.keys.slice(0, 2).map((keys) => keys.split(' ').map((sign) => make('kbd', { text: SHOWN[sign] ?? sign }))),
      ),
      make('dd', { text: one.what }),
    ]),
  );
}

export function showKeys() {
  const dialog = document.getElementById('help');
  dialog.replaceChildren(
    make(
      'div',
      { class: 'head' },
      make('h2', { id: 'help-title', text: 'Keys' }),
      make('button', { type: 'button', class: 'quiet', text: 'Close', on: { click: () => dialog.close() } }),
    ),
    ...(ofView.length ? [make('h3', { text: 'Here' }), rows(ofView)] : []),
    make('h3', { text: 'Everywhere' }),
    rows(everywhere),
  );
  if (!dialog.open) dialog.showModal();
}
