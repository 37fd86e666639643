// SPDX-License-Identifier: Apache-2.0
//
// A trace as the server sends it: spans in the order of the tree, a parent before its children. What follows from the order
// alone (where a subtree ends, which rows are to be seen) is worked out here, in one pass, for 100,000 spans as for ten.

export const CRITICAL = 1,
  UNFINISHED = 2,
  PARTIAL = 4,
  ORPHAN = 8;
export const ERROR = 2;
export const KINDS = ['Unspecified', 'Internal', 'Server', 'Client', 'Producer', 'Consumer'];

export class Trace {
  constructor(answer) {
    const at = Object.fromEntries(answer.columns.map((name, index) => [name, index]));
    this.id = answer.trace_id;
    this.start = answer.start_unix_nano;
    this.duration = answer.duration_nano;
    this.duplicates = answer.duplicates;
    this.leftOut = answer.left_out;
    this.processes = answer.processes;
    this.spans = answer.spans.map((row, index) => ({
      row: index,
      id: row[at.id],
      parent: row[at.parent],
      depth: row[at.depth],
      process: answer.processes[row[at.process]],
      name: answer.names[row[at.name]],
      kind: row[at.kind],
      start: row[at.start],
      duration: row[at.duration],
      end: row[at.start] + row[at.duration],
      error: row[at.status] === ERROR,
      flags: row[at.flags],
      waited: row[at.critical_nano],
      children: 0,
      after: index + 1,
    }));
    this.from = 0;
    this.to = Math.max(this.duration, 1);
    this.errors = 0;
    this.unfinished = 0;
    this.byId = new Map();
    const above = [];
    for (const span of this.spans) {
      while (above.length && above.at(-1).depth >= span.depth) above.pop().after = span.row;
      above.push(span);
      if (span.parent >= 0) ++this.spans[span.parent].children;
      this.from = Math.min(this.from, span.start);
      this.to = Math.max(this.to, span.end);
      if (span.error) ++this.errors;
      if (span.flags & UNFINISHED) ++this.unfinished;
      if (!this.byId.has(span.id)) this.byId.set(span.id, span);
    }
    for (const span of above) span.after = this.spans.length;
    this.services = [...new Set(this.spans.map((span) => span.process.service))];
  }

  /** Rows that are not below a collapsed one. */
  seen(collapsed) {
    const list = [];
    for (let row = 0; row < this.spans.length;) {
      const span = this.spans[row];
      list.push(span);
      row = collapsed.has(row) ? span.after : row + 1;
    }
    return list;
  }

  /** What the trace waited for, by service and name: the longest first. */
  waitedFor(most) {
    const sums = new Map();
    for (const span of this.spans) {
      if (!span.waited) continue;
      const key = `${span.process.service}\u0000${span.name}`;
      const sum = sums.get(key) ?? {
        service: span.process.service,
        name: span.name,
        waited: 0,
        spans: 0,
        first: span,
      };
      sum.waited += span.waited;
      ++sum.spans;
      sums.set(key, sum);
    }
    return [...sums.values()].sort((a, b) => b.waited - a.waited).slice(0, most);
  }
}
