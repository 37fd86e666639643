// SPDX-License-Identifier: Apache-2.0
//
// Chromium, driven by Playwright, and everything that a page must not do while it is looked at: errors, dialogs, requests elsewhere.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export class Browser {
  static async open(options) {
    const browser = new Browser();
    Object.assign(browser, options); // link, chromium, pictures
    browser.faults = [];
    browser.requests = 0;
    // Its sandbox needs user namespaces, which containers seldom have; and root has none at all.
    browser.chromium = await chromium.launch({
      executablePath: options.program,
      args: ['--no-sandbox', '--disable-dev-shm-usage'],
    });
    browser.context = await browser.chromium.newContext({
      viewport: { width: 1280, height: 800 },
      colorScheme: 'light',
      reducedMotion: 'reduce',
    });
    browser.context.setDefaultTimeout(60000);
    await browser.newPage();
    await browser.page.goto(options.link);
    await browser.page.waitForSelector('#views a');
    browser.origin = new URL(browser.page.url()).origin;
    return browser;
  }

  async newPage() {
    this.page = await this.context.newPage();
    this.page.on('pageerror', (error) => this.faults.push(`error: ${error.stack}`));
    this.page.on('dialog', (dialog) => {
      this.faults.push(`dialog: ${dialog.message()}`);
      dialog.dismiss();
    });
    this.page.on('console', (message) => {
      if (message.type() === 'error' && !this.expected?.test(message.text()))
        this.faults.push(`console: ${message.text()}`);
    });
    this.page.on('request', (request) => {
      ++this.requests;
      if (this.origin && new URL(request.url()).origin !== this.origin)
        this.faults.push(`request elsewhere: ${request.url()}`);
    });
    // By the protocol, past the page's Content-Security-Policy, which lets no page evaluate text.
    this.session = await this.context.newCDPSession(this.page);
  }

  /** Another place of the page that is open; waits for what must be there. */
  async go(hash, selector) {
    await this.page.evaluate((to) => {
      location.hash = to;
    }, hash);
    await this.page.waitForSelector(selector);
  }

  async theme(colorScheme) {
    await this.page.emulateMedia({ colorScheme });
  }

  /** What axe finds that is serious or critical; of the rules about colour alone, if so asked. */
  async axe(colours) {
    await this.session.send('Runtime.evaluate', { expression: 'window.axe || 0' }).then(async ({ result }) => {
      if (result.type === 'number') await this.session.send('Runtime.evaluate', { expression: axe });
    });
    const { result, exceptionDetails } = await this.session.send('Runtime.evaluate', {
      awaitPromise: true,
      expression: `axe.run({ resultTypes: ['violations']${colours ? ", runOnly: { type: 'rule', values: ['color-contrast', 'link-in-text-block'] }" : ''} })
      .then((found) => JSON.stringify({ rules: found.passes.length, bad: found.violations.filter((one) => ['serious', 'critical'].includes(one.impact))
        .map((one) => one.id + ': ' + one.nodes.slice(0, 3).map((node) => node.html.slice(0, 200) + ' ' + node.failureSummary).join('; ')) }))`,
    });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return JSON.parse(result.value);
  }

  async picture(name) {
    await this.page.screenshot({ path: `${this.pictures}/${name}.png` });
  }

  async close() {
    await this.chromium.close();
  }
}
