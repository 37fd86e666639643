// SPDX-License-Identifier: Apache-2.0
//
// Who calls whom: services as boxes, requests between them as arrows, and the same as a table.

import { inert, serviceName } from './inert.js';
import { draw, make } from './make.js';
import { notice, problemList, problemNotice, waiting } from './notice.js';
import { go, link, word } from './place.js';
import { ask } from './request.js';
import { colourOf } from './service_colours.js';
import { BOX, layout } from './service_layout.js';
import { SortedTable } from './table.js';
import { timeRange } from './time_range.js';
import { count, duration, share, shortCount } from './units.js';

const MOST_BOXES = 80;

export function showMap({ main, place, signal }) {
  const since = place.query.get('since') ?? '';
  const body = make('div', { class: 'results' }, waiting());
  main.append(
    make('div', { class: 'head' }, make('h1', { text: 'Map of services' })),
    make(
      'div',
      { class: 'search-bar' },
      timeRange(since, 'Within the last', (value) => go(link('map', { since: value }))),
    ),
    body,
  );
  ask('map', { since }, signal).then(
    (answer) => {
      if (answer.services.length === 0) {
        body.replaceChildren(notice('No services yet', 'As soon as spans are stored, who calls whom is here.'));
        return;
      }
      const services = [...answer.services].sort((a, b) => b.spans - a.spans).slice(0, MOST_BOXES);
      body.replaceChildren(
        make('p', {
          class: 'muted',
          text: `Of ${answer.whole ? `all ${count(answer.spans)}` : `the newest ${count(answer.spans)}`} spans${answer.end_unix_nano > answer.begin_unix_nano ? `, within ${duration(answer.end_unix_nano - answer.begin_unix_nano)}` : ''}. Wide arrows are many requests, red ones have errors.${services.length < answer.services.length ? ` The ${MOST_BOXES} largest of ${count(answer.services.length)} services are drawn.` : ''}`,
        }),
        problemList(answer.problems),
        picture(services, answer.edges),
        edgeTable(answer.edges),
      );
    },
    (problem) => problem.name !== 'AbortError' && body.replaceChildren(problemNotice(problem)),
  );
  return undefined;
}

function short(text, most) {
  const name = serviceName(text);
  return name.length > most ? `${name.slice(0, most - 1)}…` : name;
}

function picture(services, edges) {
  const { nodes, edges: drawn, loops, width, height } = layout(services, edges);
  const many = Math.max(...drawn.map((edge) => edge.calls), 1);
  const again = new Map(loops.map((edge) => [edge.from, edge]));
  const lines = drawn.map((edge) => {
    const from = nodes.get(edge.from),
      to = nodes.get(edge.to);
    const x1 = edge.back ? from.x : from.x + BOX.width,
      y1 = from.y + BOX.height / 2,
      x2 = edge.back ? to.x + BOX.width : to.x - 9,
      y2 = to.y + BOX.height / 2;
    const bend = edge.back ? -70 : Math.max(50, (x2 - x1) / 2);
    const lift = edge.back ? 100 : 0;
    const wide = 1.2 + (3.3 * Math.log(1 + edge.calls)) / Math.log(1 + many);
    const bad = edge.errors > 0;
    return {
      edge,
      bad,
      path: draw('path', {
        class: `edge${bad ? ' bad' : ''}${edge.back ? ' back' : ''}`,
        d: `M${x1},${y1} C${x1 + bend},${y1 + lift} ${x2 - bend},${y2 + lift} ${x2},${y2}`,
        'stroke-width': wide,
        'marker-end': bad ? 'url(#arrow-bad)' : 'url(#arrow)',
      }),
      x: (x1 + x2) / 2,
      y: (y1 + y2) / 2 + lift * 0.75,
    };
  });
  const arrow = (id, name) =>
    draw(
      'marker',
      {
        id,
        viewBox: '0 0 10 10',
        refX: 2,
        refY: 5,
        markerWidth: 11,
        markerHeight: 11,
        markerUnits: 'userSpaceOnUse',
        orient: 'auto',
      },
      draw('path', { class: name, d: 'M0,0 L10,5 L0,10 z' }),
    );
  const svg = draw(
    'svg',
    {
      width,
      height,
      viewBox: `0 0 ${width} ${height}`,
      role: 'group',
      'aria-label': 'Map of services; the table below says the same',
    },
    draw('defs', {}, arrow('arrow', 'arrow'), arrow('arrow-bad', 'arrow bad')),
    lines.map((line) => line.path),
    lines.map(({ edge, x, y }) =>
      draw(
        'g',
        { class: 'edge-text', 'aria-hidden': 'true' },
        draw('rect', { class: 'ground', x: x - 39, y: y - 17, width: 78, height: 34, rx: 6 }),
        draw('text', { x, y: y - 3, 'text-anchor': 'middle' }, shortCount(edge.calls)),
        draw('text', { class: 'minor', x, y: y + 12, 'text-anchor': 'middle' }, `p99 ${duration(edge.p99_nano)}`),
      ),
    ),
    [...nodes.values()].map((node) => {
      const share_ = node.spans ? node.errors / node.spans : 0;
      const loop = again.get(node.name);
      return draw(
        'a',
        { class: `node ${colourOf(node.name)}`, href: link('traces', { q: word('service', '=', node.name) }) },
        draw(
          'title',
          {},
          `${serviceName(node.name)}: ${count(node.spans)} spans, ${count(node.errors)} errors${loop ? `, ${count(loop.calls)} calls of itself` : ''}`,
        ),
        draw('rect', { class: 'box', x: node.x, y: node.y, width: BOX.width, height: BOX.height, rx: 10 }),
        draw('rect', {
          class: 'stripe',
          x: node.x + 10,
          y: node.y + 13,
          width: 5,
          height: BOX.height - 30,
          rx: 2.5,
        }),
        draw('text', { class: 'title', x: node.x + 25, y: node.y + 26 }, short(node.name, 18)),
        draw(
          'text',
          { class: 'minor', x: node.x + 25, y: node.y + 44 },
          `${shortCount(node.spans)} spans${loop ? ' ↻' : ''}`,
        ),
        node.errors > 0 &&
          draw(
            'text',
            { class: 'minor bad', x: node.x + BOX.width - 12, y: node.y + 44, 'text-anchor': 'end' },
            `${share(node.errors, node.spans)} ✗`,
          ),
        draw('rect', {
          class: 'rail',
          x: node.x + 10,
          y: node.y + BOX.height - 8,
          width: BOX.width - 20,
          height: 3,
          rx: 1.5,
        }),
        share_ > 0 &&
          draw('rect', {
            class: 'rail bad',
            x: node.x + 10,
            y: node.y + BOX.height - 8,
            width: Math.max(2, (BOX.width - 20) * share_),
            height: 3,
            rx: 1.5,
          }),
      );
    }),
  );
  return make('div', { class: 'card map', tabindex: 0, role: 'region', 'aria-label': 'Map' }, svg);
}

function edgeTable(edges) {
  if (edges.length === 0) return make('p', { class: 'muted', text: 'No service calls another one.' });
  const service = (name) =>
    make(
      'span',
      { class: `service ${colourOf(name)}` },
      make('span', { class: 'foreign cut', title: inert(name, 200), text: serviceName(name) }),
    );
  const table = new SortedTable({
    caption: 'Requests between services',
    sorted: 2,
    columns: [
      { title: 'From', first: true, sort: (row) => row.from ?? '', cell: (row) => service(row.from) },
      { title: 'To', sort: (row) => row.to ?? '', cell: (row) => service(row.to) },
      { title: 'Requests', number: true, sort: (row) => row.calls, cell: (row) => count(row.calls) },
      {
        title: 'Errors',
        number: true,
        sort: (row) => row.errors,
        cell: (row) =>
          row.errors
            ? make('span', {
                class: 'error-text',
                text: `${count(row.errors)} · ${share(row.errors, row.calls)}`,
              })
            : make('span', { class: 'muted', text: '–' }),
      },
      { title: 'p50', number: true, sort: (row) => row.p50_nano, cell: (row) => duration(row.p50_nano) },
      { title: 'p99', number: true, sort: (row) => row.p99_nano, cell: (row) => duration(row.p99_nano) },
    ],
  });
  table.show(edges.slice(0, 1000));
  return table.element;
}
