// SPDX-License-Identifier: Apache-2.0
//
// The one way by which this page makes elements. Text goes in as text: there is no path from a string to markup, and links lead
// into the page alone.

const SVG = 'http://www.w3.org/2000/svg';

function fill(element, properties, children) {
  for (const [key, value] of Object.entries(properties ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (key === 'text') element.textContent = value;
    else if (key === 'on')
      for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    else if (key === 'style') for (const [name, one] of Object.entries(value)) element.style.setProperty(name, one);
    else if (key === 'value') element.value = value;
    else if (key.startsWith('on')) throw new Error('listeners go into on: {}');
    else if (key === 'href' && !value.startsWith('#')) throw new Error('links lead into this page');
    else element.setAttribute(key, value === true ? '' : value);
  }
  for (const child of children.flat(Infinity)) {
    if (child !== undefined && child !== null && child !== false) element.append(child);
  }
  return element;
}

export const make = (tag, properties, ...children) => fill(document.createElement(tag), properties, children);
export const draw = (tag, properties, ...children) => fill(document.createElementNS(SVG, tag), properties, children);

/** Calls draw(width, height) now and whenever the element has another size, until the signal. */
export function whenSized(element, signal, redraw) {
  let last = -1;
  const observer = new ResizeObserver(() => {
    const width = element.clientWidth;
    if (width === last || width === 0) return;
    last = width;
    redraw(width, element.clientHeight);
  });
  observer.observe(element);
  signal.addEventListener('abort', () => observer.disconnect());
}
