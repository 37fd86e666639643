// SPDX-License-Identifier: Apache-2.0
//
// Numbers as people read them: three digits that count, the unit that fits.

const DURATIONS = [
  [86400e9, 'd'],
  [3600e9, 'h'],
  [60e9, 'min'],
  [1e9, 's'],
  [1e6, 'ms'],
  [1e3, 'µs'],
  [1, 'ns'],
];

const three = (value) => (value >= 99.95 ? value.toFixed(0) : value >= 9.995 ? value.toFixed(1) : value.toFixed(2));

export function duration(nano) {
  if (nano === null || nano === undefined || !Number.isFinite(nano)) return '–';
  if (nano < 0) return `−${duration(-nano)}`;
  if (nano === 0) return '0';
  for (const [size, unit] of DURATIONS) {
    // 999.6 µs is 1.00 ms, and not 1000 µs.
    if (nano >= size * (size >= 60e9 || size === 1 ? 1 : 0.9995))
      return `${size === 1 ? nano.toFixed(0) : three(nano / size)} ${unit}`;
  }
  return `${nano.toFixed(0)} ns`;
}

/** For the steps of an axis: 2.50 ms is 2.5 ms there. */
const short = (text) => text.replace(/(\.\d*?)0+(?=[ /]|$)/, '$1').replace(/\.(?=[ /]|$)/, '');
export const durationStep = (nano) => short(duration(nano));
export const rateStep = (value) => short(rate(value));

export function count(value) {
  if (value === null || value === undefined) return '–';
  return value.toLocaleString('en-US').replaceAll(',', ' ');
}

export function shortCount(value) {
  if (value < 10000) return count(value);
  for (const [size, unit] of [
    [1e12, 'T'],
    [1e9, 'G'],
    [1e6, 'M'],
    [1e3, 'k'],
  ]) {
    if (value >= size) return `${three(value / size)} ${unit}`;
  }
  return count(value);
}

/** Of bytes. */
export function size(bytes) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes,
    unit = 0;
  while (value >= 1024 && unit + 1 < units.length) {
    value /= 1024;
    ++unit;
  }
  return `${value < 10 && unit > 0 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

export function rate(value) {
  if (value === null || value === undefined) return '–';
  if (value === 0) return '0/s';
  return `${value < 10 ? value.toFixed(2) : shortCount(Math.round(value))}/s`;
}

export function share(part, whole) {
  if (!whole || !part) return '0 %';
  const percent = (100 * part) / whole;
  return `${percent < 0.1 ? '< 0.1' : percent < 10 ? percent.toFixed(1) : percent.toFixed(0)} %`;
}

const two = (value) => String(value).padStart(2, '0');

export function clock(unixNano, digits = 3) {
  const date = new Date(unixNano / 1e6);
  const text = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return digits ? `${text}.${String(date.getMilliseconds()).padStart(3, '0').slice(0, digits)}` : text;
}

export function day(unixNano) {
  const date = new Date(unixNano / 1e6);
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

export const moment = (unixNano) => `${day(unixNano)} ${clock(unixNano)}`;

export function ago(unixNano, nowUnixNano) {
  const seconds = Math.max(0, (nowUnixNano - unixNano) / 1e9);
  if (seconds < 1) return 'now';
  if (seconds < 60) return `${Math.floor(seconds)} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86400)} d ago`;
}

/** Steps of 1, 2 or 5 that divide a range into at most so many parts. */
export function steps(from, to, most) {
  const range = to - from;
  if (!(range > 0)) return [from];
  const rough = range / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((times) => times * power).find((size) => size >= rough);
  const list = [];
  for (let at = Math.ceil(from / step) * step; at <= to + step * 1e-9; at += step) list.push(at);
  return list;
}
