// SPDX-License-Identifier: Apache-2.0
//
// The field that words are typed into, with suggestions below: a combobox of the usual keys.

import { inert } from './inert.js';
import { make } from './make.js';
import { learn, suggest } from './vocabulary.js';

export class SearchField {
  constructor({ value, label, placeholder, submit }) {
    this.submit = submit;
    this.chosen = -1;
    this.list = [];
    this.input = make('input', {
      type: 'search',
      value: value ?? '',
      placeholder,
      'aria-label': label,
      role: 'combobox',
      'aria-expanded': 'false',
      'aria-controls': 'suggestions',
      'aria-autocomplete': 'list',
      autocomplete: 'off',
      autocapitalize: 'off',
      spellcheck: 'false',
      on: {
        input: () => this.look(),
        focus: () => learn().then(() => this.input.matches(':focus') && this.opened && this.look()),
        click: () => this.look(),
        blur: () => this.close(),
        keydown: (event) => this.press(event),
      },
    });
    this.box = make('ul', { id: 'suggestions', role: 'listbox', 'aria-label': 'Suggestions', hidden: true });
    this.element = make('div', { class: 'search-field' }, this.input, this.box);
  }

  get opened() {
    return !this.box.hidden;
  }

  look() {
    learn();
    // Only at the end: in the middle of a word nobody wants the rest of the line replaced.
    const { begin, list } =
      this.input.selectionStart === this.input.value.length ? suggest(this.input.value) : { begin: 0, list: [] };
    this.begin = begin;
    this.list = list;
    this.chosen = -1;
    this.box.hidden = list.length === 0;
    this.box.replaceChildren(
      ...list.map((one, index) =>
        make(
          'li',
          {
            role: 'option',
            id: `suggestion-${index}`,
            'aria-selected': 'false',
            on: {
              mousedown: (event) => {
                event.preventDefault();
                this.take(index);
              },
            },
          },
          make('span', { class: 'mono foreign cut', text: inert(one.text, 120) }),
          make('span', { class: 'muted', text: one.what }),
        ),
      ),
    );
    this.mark();
  }

  mark() {
    this.input.setAttribute('aria-expanded', String(this.opened));
    [...this.box.children].forEach((item, index) => item.setAttribute('aria-selected', String(index === this.chosen)));
    if (this.chosen >= 0) {
      this.input.setAttribute('aria-activedescendant', `suggestion-${this.chosen}`);
      this.box.children[this.chosen].scrollIntoView({ block: 'nearest' });
    } else {
      this.input.removeAttribute('aria-activedescendant');
    }
  }

  close() {
    this.box.hidden = true;
    this.chosen = -1;
    this.mark();
  }

  take(index) {
    const { text } = this.list[index];
    this.input.value = this.input.value.slice(0, this.begin) + text + (/[=~<>]$/.test(text) ? '' : ' ');
    this.input.focus();
    this.look();
  }

  press(event) {
    if (event.key === 'Escape' && this.opened) {
      event.preventDefault();
      this.close();
    } else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      if (!this.opened) return this.look();
      const step = event.key === 'ArrowDown' ? 1 : -1;
      this.chosen =
        (this.chosen + step + this.list.length + 1 + (this.chosen < 0 && step < 0 ? 1 : 0)) % (this.list.length + 1);
      if (this.chosen === this.list.length) this.chosen = -1;
      this.mark();
    } else if (event.key === 'Tab' && this.opened && !event.shiftKey && this.chosen >= 0) {
      event.preventDefault();
      this.take(this.chosen);
    } else if (event.key === 'Enter') {
      event.preventDefault();
      if (this.chosen >= 0) return this.take(this.chosen);
      this.close();
      this.submit(this.input.value.trim());
    }
    return undefined;
  }
}
