// SPDX-License-Identifier: Apache-2.0
//
// The part of a trace's time that is shown. The waterfall and the overview above it look through the same one.

export class TimeWindow extends EventTarget {
  constructor(from, to) {
    super();
    this.whole = [from, to];
    this.from = from;
    this.to = to;
  }

  get span() {
    return this.to - this.from;
  }

  get isWhole() {
    return this.from === this.whole[0] && this.to === this.whole[1];
  }

  set(from, to) {
    const least = Math.max((this.whole[1] - this.whole[0]) / 1e6, 10);
    let [begin, end] = from < to ? [from, to] : [to, from];
    if (end - begin < least) [begin, end] = [(begin + end - least) / 2, (begin + end + least) / 2];
    this.from = Math.max(this.whole[0], begin);
    this.to = Math.min(this.whole[1], end);
    this.dispatchEvent(new Event('change'));
  }

  reset() {
    this.set(...this.whole);
  }

  /** Times less than 1 go closer; `at` stays where it is. */
  zoom(times, at = (this.from + this.to) / 2) {
    this.set(at - (at - this.from) * times, at + (this.to - at) * times);
  }

  /** By so much of what is seen. */
  move(share) {
    const by =
      share > 0
        ? Math.min(this.span * share, this.whole[1] - this.to)
        : Math.max(this.span * share, this.whole[0] - this.from);
    this.set(this.from + by, this.to + by);
  }

  percent(at) {
    return (100 * (at - this.from)) / this.span;
  }
}
