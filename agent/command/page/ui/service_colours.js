// SPDX-License-Identifier: Apache-2.0
//
// A service has one colour wherever it is shown: the one that its name asks for or, where another has that, the next.

const COLOURS = 12;
const given = new Map();
const taken = new Set();

export function colourOf(service) {
  let colour = given.get(service);
  if (colour === undefined) {
    colour = 0;
    for (let i = 0; i < service.length; ++i) colour = (colour * 31 + service.charCodeAt(i)) >>> 0;
    colour %= COLOURS;
    if (taken.size < COLOURS) while (taken.has(colour)) colour = (colour + 1) % COLOURS;
    // A hostile process may have any number of names.
    if (given.size < 10000) {
      given.set(service, colour);
      taken.add(colour);
    }
  }
  return `hue-${colour}`;
}
