// SPDX-License-Identifier: Apache-2.0
//
// A table whose columns can be sorted by. A column: {title, number, sort: (row) => value, cell: (row) => node or text, first,
// rest: it takes the room that the others leave, and is cut there}.
// The order outlives the rows, so that what is polled does not jump.

import { make } from './make.js';

const compare = (a, b) => (typeof a === 'string' || typeof b === 'string' ? String(a).localeCompare(String(b)) : a - b);

export class SortedTable {
  constructor({
    caption,
    columns,
    sorted = 0,
    falling = true,
    rowOf = (cells) => make('tr', {}, cells),
    onSort = () => {},
  }) {
    this.columns = columns;
    this.sorted = sorted;
    this.falling = falling;
    this.rowOf = rowOf;
    this.onSort = onSort;
    this.rows = [];
    this.headings = columns.map((column, index) =>
      make(
        'th',
        { scope: 'col', class: column.number ? 'number' : '' },
        column.sort
          ? make('button', { type: 'button', on: { click: () => this.sortBy(index) } })
          : make('span', { text: column.title }),
      ),
    );
    this.body = make('tbody');
    this.element = make(
      'div',
      { class: 'card table-box', tabindex: 0, role: 'region', 'aria-label': caption },
      make(
        'table',
        {},
        make('caption', { class: 'unseen', text: caption }),
        make('thead', {}, make('tr', {}, this.headings)),
        this.body,
      ),
    );
    this.title();
  }

  title() {
    this.columns.forEach((column, index) => {
      const heading = this.headings[index];
      if (!column.sort) return;
      const here = index === this.sorted;
      heading.firstChild.textContent = `${column.title}${here ? (this.falling ? ' ↓' : ' ↑') : ''}`;
      if (here) heading.setAttribute('aria-sort', this.falling ? 'descending' : 'ascending');
      else heading.removeAttribute('aria-sort');
    });
  }

  sortBy(index) {
    this.falling =
      index === this.sorted ? !this.falling : typeof this.columns[index].sort(this.rows[0] ?? {}) !== 'string';
    this.sorted = index;
    this.title();
    this.show(this.rows);
    this.onSort(index, this.falling);
  }

  show(rows) {
    this.rows = rows;
    const by = this.columns[this.sorted].sort;
    const list = by ? [...rows].sort((a, b) => (this.falling ? -1 : 1) * compare(by(a), by(b))) : rows;
    this.body.replaceChildren(
      ...list.map((row) =>
        this.rowOf(
          this.columns.map((column) => {
            const cell = make(column.first ? 'th' : 'td', {
              class: column.number ? 'number' : column.rest ? 'rest' : '',
              scope: column.first && 'row',
            });
            cell.append(column.cell(row));
            return cell;
          }),
          row,
        ),
      ),
    );
  }
}
