// SPDX-License-Identifier: Apache-2.0
//
// Light or dark: as the system has it, until somebody switches; then that, in this browser.

const KEY = 'spanring-theme';

function remembered() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null; // storage may be forbidden; the page is as the system is then
  }
}

const systemIsDark = () => matchMedia('(prefers-color-scheme: dark)').matches;
export const isDark = () => (document.documentElement.dataset.theme ?? (systemIsDark() ? 'dark' : 'light')) === 'dark';

function name(button) {
  const other = isDark() ? 'light' : 'dark';
  button.textContent = isDark() ? '☀' : '☾';
  button.setAttribute('aria-label', `Show it ${other}`);
  button.title = `Show it ${other} (d)`;
}

export function switchTheme() {
  const theme = isDark() ? 'light' : 'dark';
  document.documentElement.dataset.theme = theme;
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // not remembered
  }
  name(document.getElementById('theme'));
  dispatchEvent(new Event('theme'));
}

export function startTheme() {
  const theme = remembered();
  if (theme === 'dark' || theme === 'light') document.documentElement.dataset.theme = theme;
  const button = document.getElementById('theme');
  name(button);
  button.addEventListener('click', switchTheme);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
    name(button);
    dispatchEvent(new Event('theme'));
  });
}
