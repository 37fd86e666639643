// SPDX-License-Identifier: Apache-2.0
//
// What a process chose is shown as it is and does nothing: no control, no mark that turns the direction of writing, no
// length that pushes everything else aside.

// \p{C}: controls, formats (bidi and zero-width ones too), surrogates, private and unassigned ones.
const UNSEEN = /[\p{C}\u2028\u2029\u115f\u1160\u3164\uffa0]/gu;
// A base may carry three marks; a column of fifty would cover the rows above and below.
const MARKS = /(\p{M}{3})\p{M}+/gu;

export function inert(text, most = 4096) {
  let value = String(text ?? '');
  let cut = false;
  if (value.length > most) {
    value = value.slice(0, most);
    cut = true;
  }
  value = value
    .replace(UNSEEN, (sign) => `\\u{${sign.codePointAt(0).toString(16).toUpperCase()}}`)
    .replace(MARKS, '$1');
  return cut ? `${value}…` : value;
}

export const serviceName = (name) => (name ? inert(name, 120) : '(no service)');
export const spanName = (name) => (name ? inert(name, 240) : '(no name)');
