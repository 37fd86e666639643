// SPDX-License-Identifier: Apache-2.0
//
// How far back is looked: a few usual answers, or one typed.

import { make } from './make.js';

const USUAL = [
  ['', 'All'],
  ['15m', '15 min'],
  ['1h', '1 h'],
  ['6h', '6 h'],
  ['1d', '1 d'],
];

export function timeRange(chosen, label, choose, usual = USUAL) {
  const known = usual.some(([value]) => value === chosen);
  const buttons = make(
    'div',
    { class: 'choices', role: 'group', 'aria-label': label },
    usual.map(([value, text]) =>
      make('button', {
        type: 'button',
        text,
        'aria-pressed': String(value === chosen),
        on: { click: () => choose(value) },
      }),
    ),
  );
  const field = make('input', {
    type: 'text',
    class: 'moment',
    value: known ? '' : chosen,
    placeholder: 'since, e.g. 04:50',
    'aria-label': `${label}: another time, such as 45m, 04:50 or 2026-11-29 04:50`,
    on: {
      keydown: (event) => {
        if (event.key === 'Enter') choose(field.value.trim());
      },
    },
  });
  return [buttons, field];
}
