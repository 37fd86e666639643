// SPDX-License-Identifier: Apache-2.0
//
// The words of a search, for suggestions: those that `spanring traces` knows, and the names that this page has seen.

import { word } from './place.js';
import { ask } from './request.js';

const WORDS = [
  ['service=', 'spans of this service'],
  ['name=', 'spans with this name'],
  ['error', 'spans with an error'],
  ['duration>', 'that took longer, such as 20ms'],
  ['duration<', 'that took less'],
  ['status=', 'error, ok or unset'],
  ['kind=', 'server, client, internal, producer, consumer'],
  ['name~', 'whose name contains this'],
  ['service~', 'whose service contains this'],
  ['message~', 'whose status message contains this'],
  ['event~', 'with an event whose name contains this'],
  ['scope~', 'whose scope contains this'],
];
const FIXED = new Map([
  ['kind', ['server', 'client', 'internal', 'producer', 'consumer']],
  ['status', ['error', 'ok', 'unset']],
  ['duration', []],
]);
const MOST = 2000;

const services = new Set(),
  names = new Set();
const seen = new Map([
  ['service', services],
  ['name', names],
]);
const attributes = new Map(); // key → its values

const remember = (set, value) => {
  if (value && set.size < MOST && value.length < 200) set.add(value);
};

export function learnTraces(traces) {
  for (const trace of traces) {
    for (const service of trace.services) remember(services, service);
    if (trace.has_root) remember(names, trace.root);
  }
}

export function learnAttributes(object) {
  for (const [key, value] of Object.entries(object ?? {})) {
    if (key.length > 100 || (!attributes.has(key) && attributes.size >= MOST)) continue;
    if (!attributes.has(key)) attributes.set(key, new Set());
    const values = attributes.get(key);
    if (['string', 'number', 'boolean'].includes(typeof value) && values.size < 50) remember(values, String(value));
  }
}

let learning;
/** Services, operations and, of what is open now, attributes; once. */
export function learn() {
  learning ??= Promise.allSettled([
    ask('operations', { limit: 500 }).then((answer) => {
      for (const operation of answer.operations) {
        remember(services, operation.service);
        remember(names, operation.name);
      }
    }),
    ask('open', { limit: 100 }).then((answer) => answer.spans.forEach((span) => learnAttributes(span.attributes))),
    ask('search', { limit: 1 }).then(async (answer) => {
      const newest = answer.traces[0];
      if (!newest) return;
      const trace = await ask('trace', { id: newest.trace_id, limit: 20 });
      const ids = trace.spans.slice(0, 5).map((row) => row[0]);
      const spans = await Promise.all(ids.map((span) => ask('span', { trace: newest.trace_id, span })));
      spans.forEach((span) => learnAttributes(span.attributes));
    }),
  ]);
  return learning;
}

/** Blanks separate words, but for those between quotation marks. */
function beginOfLast(typed) {
  let begin = 0,
    quoted = false;
  for (let at = 0; at < typed.length; ++at) {
    if (quoted && typed[at] === '\\') ++at;
    else if (typed[at] === '"') quoted = !quoted;
    else if (!quoted && /\s/.test(typed[at])) begin = at + 1;
  }
  return begin;
}

/** The word at the end of what is typed, and what it may become: [{text, what}]. */
export function suggest(typed, most = 10) {
  const begin = beginOfLast(typed);
  const last = typed.slice(begin);
  const [, key, sign, rest] = /^([^=~<>!]+)(!?[=~<>]=?)(.*)$/s.exec(last) ?? [];
  const found = [];
  if (key === undefined) {
    for (const [text, what] of WORDS) if (text.startsWith(last)) found.push({ text, what });
    for (const name of attributes.keys()) {
      if (last && name.toLowerCase().includes(last.toLowerCase()) && !/[\s"=~<>!]/.test(name))
        found.push({ text: `${name}=`, what: 'attribute' });
    }
  } else {
    const wanted = rest.replace(/^"/, '').replace(/"$/, '').toLowerCase();
    const values = seen.get(key) ?? FIXED.get(key) ?? attributes.get(key) ?? [];
    for (const value of values) {
      if (value.toLowerCase().includes(wanted) && value.toLowerCase() !== wanted)
        found.push({ text: word(key, sign, value), what: '' });
      if (found.length >= 200) break;
    }
  }
  return { begin, list: found.slice(0, most) };
}
