// SPDX-License-Identifier: Apache-2.0
//
// Where one is: the fragment of the address, #/trace/ID?span=…. The server never sees it, the back button knows it.

export function readPlace(hash = location.hash) {
  const [path, query = ''] = hash.replace(/^#\/?/, '').split(/\?(.*)/s);
  const words = path.split('/').map((word) => {
    try {
      return decodeURIComponent(word);
    } catch {
      return '';
    }
  });
  return { view: words[0] || 'traces', id: words[1] ?? '', query: new URLSearchParams(query) };
}

export function link(view, parameters = {}, id = '') {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== null && value !== '') query.set(key, value);
  }
  const text = query.toString();
  return `#/${view}${id ? `/${encodeURIComponent(id)}` : ''}${text ? `?${text}` : ''}`;
}

export function go(address) {
  location.hash = address.slice(1);
}

/** The address of what is shown already: no step for the back button, no drawing. */
export function stay(address) {
  history.replaceState(null, '', address);
}

/** A word of the search, quoted where it has to be. */
export function word(key, sign, value) {
  return `${key}${sign}${/[\s"\\]/.test(value) || value === '' ? `"${value.replace(/["\\]/g, '\\$&')}"` : value}`;
}
