// SPDX-License-Identifier: Apache-2.0
//
// What is said in place of data: that there is none, why not, and what to do.

import { inert } from './inert.js';
import { make } from './make.js';

export function notice(title, text, ...more) {
  return make(
    'div',
    { class: 'card notice' },
    make('h2', { text: title }),
    text && make('p', { class: 'foreign', text }),
    more,
  );
}

/** Of a refused or failed question. */
export function problemNotice(problem) {
  if (problem.store === 'several') {
    const agents = problem.message.split('\n').slice(1, 21);
    return notice(
      'Several agents run here',
      'Each may keep a store of its own. Run one of these for what has ended; what is open, processes, exporters and losses are those of all agents in any.',
      make(
        'ul',
        {},
        agents.map((agent) => make('li', { class: 'mono foreign', text: `spanring --state-dir ${inert(agent.trim(), 400)}` })),
      ),
    );
  }
  if (problem.store === 'missing') {
    return notice(
      'There is no store yet',
      inert(problem.message, 400),
      make('p', {
        text: 'An agent keeps one where no endpoint is configured, or with --exporter store beside the others.',
      }),
    );
  }
  const box = notice(problem.status === 401 ? 'Not signed in' : 'That did not work', inert(problem.message, 600));
  box.classList.add('problem');
  box.setAttribute('role', 'alert');
  return box;
}

export const waiting = () => make('div', { class: 'waiting', role: 'progressbar', 'aria-label': 'Loading' });

/** What an answer could not look at. */
export function problemList(problems) {
  if (!problems?.length) return '';
  return make(
    'ul',
    { class: 'problems' },
    problems.slice(0, 20).map((problem) => make('li', { class: 'foreign', text: inert(problem, 400) })),
    problems.length > 20 && make('li', { text: `and ${problems.length - 20} more` }),
  );
}

/** Told to those who do not see it. */
export function tell(text) {
  document.getElementById('told').textContent = text;
}
