// SPDX-License-Identifier: Apache-2.0
//
// The frame: which view is shown, the keys that hold everywhere, and where all of it comes from.

import { inert } from './inert.js';
import { key, keysEverywhere, keysOfView, showKeys, startKeys } from './keys.js';
import { make } from './make.js';
import { notice } from './notice.js';
import { go, link, readPlace } from './place.js';
import { ask } from './request.js';
import { startTheme, switchTheme } from './theme.js';
import { count } from './units.js';
import { showExporters } from './exporters_view.js';
import { showLosses } from './losses_view.js';
import { showMap } from './map_view.js';
import { showOpen } from './open_view.js';
import { showOperation } from './operation_view.js';
import { showOperations } from './operations_view.js';
import { showProcesses } from './processes_view.js';
import { showTraces } from './traces_view.js';
import { showTrace } from './trace_view.js';

const VIEWS = {
  traces: { title: 'Traces', show: showTraces, letter: 't' },
  operations: { title: 'Operations', show: showOperations, letter: 'o' },
  map: { title: 'Map', show: showMap, letter: 'm' },
  open: { title: 'Open now', show: showOpen, letter: 'n' },
  processes: { title: 'Processes', show: showProcesses, letter: 'p' },
  exporters: { title: 'Exporters', show: showExporters, letter: 'e' },
  losses: { title: 'Losses', show: showLosses, letter: 'l' },
  trace: { title: 'Trace', show: showTrace, below: 'traces' },
  operation: { title: 'Operation', show: showOperation, below: 'operations' },
};

const main = document.getElementById('main');
let shown; // the view that stands there
let update; // its function for another place of the same view
let leaving; // ends what the view does

function frame(view) {
  const entry = VIEWS[view];
  document.title = `${entry?.title ?? 'Nothing here'} · spanring`;
  for (const a of document.querySelectorAll('#views a')) {
    if (a.dataset.view === (entry?.below ?? view)) {
      a.setAttribute('aria-current', 'page');
      a.scrollIntoView({ block: 'nearest', inline: 'nearest' });
    } else {
      a.removeAttribute('aria-current');
    }
  }
}

function arrive() {
  const place = readPlace();
  if (shown === place.view && update?.(place)) return;
  const moved = shown !== undefined && shown !== place.view;
  leaving?.abort();
  leaving = new AbortController();
  shown = place.view;
  update = undefined;
  main.replaceChildren();
  main.className = `view-${Object.hasOwn(VIEWS, place.view) ? place.view : 'none'}`;
  frame(place.view);
  keysOfView([], leaving.signal);
  if (!Object.hasOwn(VIEWS, place.view)) {
    main.append(notice('There is nothing here', 'The address names no view of this page.'));
    return;
  }
  update = VIEWS[place.view].show({ main, place, signal: leaving.signal });
  if (moved) {
    scrollTo(0, 0);
    main.focus({ preventScroll: true });
  }
}

async function showStatus() {
  const footer = document.getElementById('status');
  try {
    const status = await ask('status');
    const agents = status.agents.length;
    footer.replaceChildren(
      make('span', { text: `spanring ${inert(status.version, 40)}` }),
      make('span', { text: `user ${inert(status.user, 60)}` }),
      make('span', {
        text: agents === 0 ? 'no agent runs' : agents === 1 ? `agent ${status.agents[0].pid}` : `${agents} agents`,
      }),
      make('span', {
        class: 'foreign',
        text:
          status.stored_spans === null
            ? 'no store'
            : `${count(status.stored_spans)} spans in ${inert(status.store, 200)}`,
      }),
      ...status.problems
        .slice(0, 3)
        .map((problem) => make('span', { class: 'problem foreign', text: inert(problem, 200) })),
    );
  } catch (problem) {
    footer.replaceChildren(make('span', { class: 'problem', text: problem.message }));
  }
}

function start() {
  startTheme();
  document.getElementById('views').append(
    ...Object.entries(VIEWS)
      .filter(([, view]) => !view.below)
      .map(([name, view]) => make('a', { href: link(name), 'data-view': name, text: view.title })),
  );
  document.getElementById('keys').addEventListener('click', showKeys);
  document.getElementById('skip').addEventListener('click', (event) => {
    event.preventDefault();
    main.focus();
  });
  keysEverywhere([
    key(['/'], 'search', () => {
      const field = document.querySelector('main input[type=search]');
      if (field) field.focus();
      else go(link('traces', { focus: 1 }));
    }),
    ...Object.entries(VIEWS)
      .filter(([, view]) => !view.below)
      .map(([name, view]) => key([`g ${view.letter}`], view.title.toLowerCase(), () => go(link(name)))),
    key(['d'], 'dark or light', switchTheme),
    key(['?'], 'these keys', showKeys),
  ]);
  startKeys();
  addEventListener('hashchange', arrive);
  arrive();
  showStatus();
  setInterval(() => {
    if (!document.hidden) showStatus();
  }, 10000);
}

start();
