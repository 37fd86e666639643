// SPDX-License-Identifier: Apache-2.0
//
// Where the services of a map stand: callers left of whom they call. Edges that close a circle are drawn back, and decide nothing.

export const BOX = { width: 178, height: 62 };
const GAP = { x: 150, y: 34 };

export function layout(services, edges) {
  const nodes = new Map(services.map((service) => [service.name, { ...service, out: [], in: [], layer: 0 }]));
  const real = edges.filter((edge) => edge.from !== edge.to && nodes.has(edge.from) && nodes.has(edge.to));
  for (const edge of real) nodes.get(edge.from).out.push(edge);
  // A walk in depth, without recursion: an edge to where we are below already is one back.
  const state = new Map();
  const back = new Set();
  const order = [];
  const called = new Set(real.map((edge) => edge.to));
  for (const start of [...nodes.values()].sort((a, b) => called.has(a.name) - called.has(b.name))) {
    if (state.has(start)) continue;
    const path = [{ node: start, next: 0 }];
    state.set(start, 'open');
    while (path.length) {
      const top = path.at(-1);
      const edge = top.node.out[top.next++];
      if (!edge) {
        state.set(top.node, 'done');
        order.push(top.node);
        path.pop();
        continue;
      }
      const to = nodes.get(edge.to);
      if (state.get(to) === 'open') back.add(edge);
      else if (!state.has(to)) {
        state.set(to, 'open');
        path.push({ node: to, next: 0 });
      }
    }
  }
  for (const node of order.reverse())
    for (const edge of node.out)
      if (!back.has(edge)) {
        const to = nodes.get(edge.to);
        to.layer = Math.max(to.layer, node.layer + 1);
        to.in.push(node);
      }
  const layers = [];
  for (const node of nodes.values()) (layers[node.layer] ??= []).push(node);
  // A few passes by the middle of the neighbours make few crossings of so few services.
  layers.forEach((layer) =>
    layer
      .sort((a, b) => b.spans - a.spans)
      .forEach((node, index) => {
        node.at = index;
      }),
  );
  for (let pass = 0; pass < 4; ++pass) {
    for (const layer of layers) {
      const wish = new Map(
        layer.map((node) => [
          node,
          node.in.length ? node.in.reduce((sum, from) => sum + from.at, 0) / node.in.length : node.at,
        ]),
      );
      layer
        .sort((a, b) => wish.get(a) - wish.get(b))
        .forEach((node, index) => {
          node.at = index;
        });
    }
  }
  const tallest = Math.max(...layers.map((layer) => layer.length));
  const height = tallest * (BOX.height + GAP.y) + (back.size ? 110 : 40);
  for (const layer of layers) {
    const room = height / layer.length;
    layer.forEach((node, index) => {
      node.x = 20 + node.layer * (BOX.width + GAP.x);
      node.y = room * (index + 0.5) - BOX.height / 2;
    });
  }
  return {
    nodes,
    edges: real.map((edge) => ({ ...edge, back: back.has(edge) })),
    loops: edges.filter((edge) => edge.from === edge.to),
    width: 40 + layers.length * (BOX.width + GAP.x) - GAP.x,
    height,
  };
}
