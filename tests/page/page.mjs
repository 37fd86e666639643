// SPDX-License-Identifier: Apache-2.0
//
// The page in a real browser, against a real agent's spans: page_test.py starts both, and says in a file what there is to be found.
// Each case prints a line; the last line is the sum.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Browser } from './browser.mjs';

const given = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const browser = await Browser.open(given);
const text = (selector) => browser.page.locator(selector).first().textContent();
const { page } = browser;

const VIEWS = {
  traces: ['#/traces', '.trace-row'],
  trace: [`#/trace/${given.checkout}?critical=1`, '.row .bar.critical'],
  killed: [`#/trace/${given.killed}?span=${given.killedSpan}`, '.details .message.warn'],
  flame: [`#/trace/${given.checkout}?view=flame`, '.frame'],
  large: [`#/trace/${given.large}`, '.row'],
  hostile: [`#/trace/${given.hostile}?span=${given.hostileSpan}`, '.details dl + .more'],
  operations: ['#/operations', 'tbody tr .spark'],
  operation: ['#/operation?service=shop-front&name=POST%20%2Fcheckout', 'figure .fill'],
  map: ['#/map', '.node'],
  open: ['#/open', '.open-row'],
  processes: ['#/processes?all=1', 'tbody tr .badge'],
  exporters: ['#/exporters', '.exporter'],
  losses: ['#/losses', '.view-losses .notice, .loss'],
};

const cases = {
  async 'a search finds what its words say'() {
    await browser.go('#/traces', '.trace-row');
    await page.fill('main input[type=search]', 'service=shop-payment error');
    await page.click('text=Search');
    await page.waitForFunction((wanted) => document.querySelectorAll('.trace-row').length === wanted, given.failed);
    assert.match(page.url(), /q=service%3Dshop-payment\+error/);
    assert.equal(await page.locator('.trace-row .badge.bad').count(), given.failed);
    await page.goBack();
    await page.waitForFunction((wanted) => document.querySelectorAll('.trace-row').length > wanted, given.failed);
    assert.equal(await page.inputValue('main input[type=search]'), '');
  },

  async 'words are suggested'() {
    await browser.go('#/traces', '.trace-row');
    await page.fill('main input[type=search]', '');
    await page.locator('main input[type=search]').pressSequentially('service=shop-p');
    await page.waitForSelector('#suggestions li');
    assert.match(await text('#suggestions li'), /service=shop-payment/);
    await page.keyboard.press('ArrowDown');
    assert.equal(await page.getAttribute('main input[type=search]', 'aria-activedescendant'), 'suggestion-0');
    await page.keyboard.press('Enter');
    assert.equal(await page.inputValue('main input[type=search]'), 'service=shop-payment ');
    await page.keyboard.press('Escape');
    // The word at the end, whatever is before it, and whatever it is.
    await page.fill('main input[type=search]', '');
    await page.locator('main input[type=search]').pressSequentially('name="POST /checkout" service=shop-p');
    await page.waitForSelector('#suggestions li');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    assert.equal(await page.inputValue('main input[type=search]'), 'name="POST /checkout" service=shop-payment ');
    await page.fill('main input[type=search]', 'constructor=x');
    await page.keyboard.press('Escape');
    await page.keyboard.press('Escape');
  },

  async 'a wrong word is said, not swallowed'() {
    browser.expected = /400/;
    await browser.go('#/traces?q=duration%3Ewrong', '.notice.problem');
    assert.match(await text('.notice.problem p'), /wrong/);
    browser.expected = undefined;
  },

  async 'a trace is a waterfall across processes'() {
    await browser.go(...VIEWS.trace);
    assert.equal(await page.locator('.row').count(), 11);
    assert.equal(await page.locator('.facts .service').count(), 5);
    assert.equal(await page.getAttribute('#row-0', 'aria-level'), '1');
    assert.match(await text('.critical-list'), /It waited longest for/);
    await page.click('#row-0 .twisty');
    await page.waitForFunction(() => document.querySelectorAll('.row').length === 1);
    await page.click('#row-0 .twisty');
    await page.waitForFunction(() => document.querySelectorAll('.row').length === 11);
    await page.click('.row:has-text("SELECT stock")');
    await page.waitForSelector('.details .pairs');
    assert.match(await text('.details-body'), /db\.query\.textselect \* from stock/);
    assert.match(page.url(), /span=[0-9a-f]{16}/);
  },

  async 'back and forward know whether the critical path was shown'() {
    const shown = (wanted) =>
      page.waitForFunction(
        (on) =>
          (document.querySelector('.waterfall, .show-critical')?.classList.contains('show-critical') ?? false) === on &&
          document.querySelector('.critical-list')?.hidden === !on &&
          location.hash.includes('critical=1') === on,
        wanted,
      );
    await browser.go(`#/trace/${given.checkout}`, '.row');
    await page.keyboard.press('f');
    await page.waitForSelector('.frame');
    await page.keyboard.press('f');
    await page.waitForSelector('.row');
    await page.keyboard.press('c');
    await shown(true);
    await page.goBack();
    await page.waitForSelector('.frame');
    await page.goBack();
    await page.waitForSelector('.row');
    await shown(false);
    await page.goForward();
    await page.waitForSelector('.frame');
    await page.goForward();
    await page.waitForSelector('.row');
    await shown(true);
  },

  async 'the last spans of a killed process are there, marked'() {
    await browser.go(...VIEWS.killed);
    assert.equal(await page.locator('.bar.unfinished').count(), 2);
    assert.match(await text('.details .message.warn'), /its process died before this span ended/);
    assert.match(await text('.facts'), /2 unfinished/);
    assert.equal(await page.getAttribute('.row.chosen', 'aria-selected'), 'true');
  },

  async 'a deep link opens its span in a new tab, and back leads back'() {
    const other = await browser.context.newPage();
    await other.goto(`${browser.origin}/#/trace/${given.killed}?span=${given.killedSpan}`);
    await other.waitForSelector('.details .message.warn');
    await other.click('nav a:has-text("Operations")');
    await other.waitForSelector('.spark');
    await other.goBack();
    await other.waitForSelector('.details .message.warn');
    await other.goForward();
    await other.waitForSelector('.spark');
    await other.close();
  },

  async 'a flame view sums alike spans, and zooms'() {
    await browser.go(...VIEWS.flame);
    assert.match(await text('.flame-line'), /POST \/checkout/);
    await page.click('.frame:has-text("charge")');
    await page.waitForSelector('.details h2:has-text("charge")');
    await page.waitForSelector('.frame.above:has-text("POST /checkout")');
    await page.keyboard.press('f');
    await page.waitForSelector('.row .bar');
  },

  async 'the keyboard suffices'() {
    await browser.go('#/losses', '.view-losses .card');
    await page.keyboard.press('?');
    await page.waitForSelector('dialog[open] kbd');
    assert.match(await text('dialog'), /traces.*operations/s);
    await page.keyboard.press('Escape');
    await page.keyboard.press('g');
    await page.keyboard.press('t');
    await page.waitForSelector('.trace-row');
    await page.keyboard.press('/');
    assert.equal(await page.evaluate(() => document.activeElement.type), 'search');
    await page.keyboard.type('name="POST /checkout" ');
    await page.keyboard.press('Enter');
    // The address changes before the search begins: the rows are still those of before then.
    await page.waitForFunction(() => {
      const rows = [...document.querySelectorAll('.trace-row')];
      return (
        rows.length > 0 &&
        rows.every((row) => /POST \/checkout/.test(row.textContent)) &&
        !document.querySelector('[aria-busy]')
      );
    });
    await page.keyboard.press('Escape');
    await page.keyboard.press('j');
    assert.ok(await page.evaluate(() => document.activeElement.matches('.trace-row')));
    await page.keyboard.press('Enter');
    await page.waitForSelector('.row.chosen');
    const chosen = () => page.evaluate(() => Number(document.querySelector('.row.chosen').dataset.row));
    assert.equal(await chosen(), 0);
    await page.keyboard.press('ArrowDown');
    assert.equal(await chosen(), 1);
    await page.keyboard.press('ArrowLeft');
    assert.equal(await page.getAttribute('#row-1', 'aria-expanded'), 'false');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowRight');
    assert.equal(await chosen(), 2);
    await page.keyboard.press('c');
    await page.waitForSelector('.show-critical');
    // What has the focus is pressed, as everywhere.
    await page.locator('.trace-tools button:text-is("Flame")').press('Enter');
    await page.waitForSelector('.frame');
    await page.locator('.trace-tools button:text-is("Waterfall")').press('Enter');
    await page.waitForSelector('.row');
    await page.locator('.scroll').focus();
    await page.keyboard.press('s');
    await page.waitForSelector('text=Whole time');
    await page.keyboard.press('Escape');
    await page.waitForFunction(() => !document.querySelector('.details'));
    await page.keyboard.press('d');
    assert.equal(await page.getAttribute('html', 'data-theme'), 'dark');
    await page.keyboard.press('d');
    assert.equal(await page.getAttribute('html', 'data-theme'), 'light');
    await page.evaluate(() => {
      localStorage.clear();
      delete document.documentElement.dataset.theme;
    });
  },

  async 'names of a hostile process are text'() {
    await browser.go(...VIEWS.hostile);
    assert.equal(await text('#row-0 .span-name'), '<script>alert(1)</script>');
    const all = await page.locator('main').textContent();
    assert.ok(
      all.includes('\\u{202E}gnp.exe\\u{202C}') &&
        all.includes('\\u{1B}[31mred\\u{0}') &&
        all.includes('<img src=x onerror=alert(1)>'),
    );
    assert.doesNotMatch(
      await page.evaluate(
        () =>
          document.body.textContent +
          document.title +
          [...document.querySelectorAll('[title],[aria-label]')].map((one) => one.title + one.ariaLabel).join(''),
      ),
      /[\u202a-\u202e\u2066-\u2069\u200b\ufeff\u0007\u001b]/u,
    );
    assert.equal(await page.locator('main script, main img, main b, main i:not(.bar):not(.grid-lines i)').count(), 0);
    const pairs = await page.locator('.details .pairs').nth(1).locator('dt').count();
    assert.equal(pairs, 100);
    await page.locator('.details .more').first().click();
    assert.equal(await page.locator('.details .pairs').nth(1).locator('dt').count(), 200);
    for (const view of ['traces', 'operations', 'map', 'processes']) {
      await browser.go(...VIEWS[view]);
      assert.equal(
        await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth),
        true,
        `${view} is wider than the window`,
      );
      assert.doesNotMatch(await page.evaluate(() => document.body.textContent), /[\u202a-\u202e\u2066-\u2069]/u);
    }
  },

  async 'operations have rates, quantiles and histograms, and can be sorted'() {
    await browser.go(...VIEWS.operations);
    assert.ok(
      await page.evaluate(() => {
        const box = document.querySelector('.table-box');
        return box.scrollWidth <= box.clientWidth;
      }),
      'columns are cut',
    );
    await page.click('th button:has-text("p99")');
    await page.waitForSelector('th[aria-sort=descending] >> text=p99');
    const first = await text('tbody tr');
    await page.click('th button:has-text("p99")');
    await page.waitForSelector('th[aria-sort=ascending] >> text=p99');
    assert.notEqual(await text('tbody tr'), first);
    assert.match(page.url(), /sort=p99\.up/);
    await browser.go(...VIEWS.operation);
    assert.match(await text('.facts-row'), new RegExp(`spans${given.checkouts}`));
    assert.ok((await page.locator('.card.pad a').count()) >= 2);
  },

  async 'the map has every service, and who calls whom'() {
    await browser.go(...VIEWS.map);
    for (const service of ['shop-front', 'shop-stock', 'shop-payment', 'ledger-db', 'mail'])
      assert.equal(await page.locator(`.node .title:text-is("${service}")`).count(), 1);
    assert.match(await page.locator('tbody').textContent(), /shop-frontshop-stock/);
  },

  async 'what is open is looked at again and again'() {
    await browser.go(...VIEWS.open);
    assert.match(await text('.open-list'), new RegExp(given.openName));
    const age = await text('.age');
    await page.waitForFunction((before) => document.querySelector('.age')?.textContent !== before, age);
    await page.keyboard.press(' ');
    await page.waitForSelector('text=paused');
    await page.keyboard.press(' ');
  },

  async 'a wrong value is asked once, not each second'() {
    await browser.go(...VIEWS.open);
    const asked = [];
    const note = (request) => {
      if (request.url().includes('/api/open')) asked.push(new URL(request.url()).searchParams.get('stuck'));
    };
    page.on('request', note);
    browser.expected = /400/;
    const field = page.locator('label:has-text("Longer than") input');
    await field.fill('long');
    await field.press('Tab');
    await page.waitForSelector('.notice.problem');
    assert.match(await text('.notice.problem p'), /long/);
    // As long as it took to be asked several times otherwise: a right value is, meanwhile, in another page.
    const other = await browser.context.newPage();
    let looks = 0;
    other.on('request', (request) => {
      if (request.url().includes('/api/open')) ++looks;
    });
    await other.goto(`${browser.origin}/#/open`);
    while (looks < 4) await other.waitForRequest((request) => request.url().includes('/api/open'));
    await other.close();
    assert.deepEqual(asked.filter((value) => value === 'long'), ['long']);
    browser.expected = undefined;
    await field.fill('');
    await field.press('Tab');
    await page.waitForSelector('.open-list');
    page.off('request', note);
  },

  async 'processes have their account, exporters their health, losses their causes'() {
    await browser.go(...VIEWS.processes);
    await page.locator('.twist').first().click();
    await page.waitForSelector('.equation code');
    assert.match(await text('.equation code'), /=/);
    assert.match(await page.locator('main').textContent(), /Senders by OTLP/);
    // Looked at again and again, and whoever is somewhere in it stays there.
    await page.setViewportSize({ width: 375, height: 780 });
    const link = page.locator('.account-box a:text-is("Traces")').first();
    await link.focus();
    const stays = await page.evaluate(
      () =>
        new Promise((resolve) => {
          const box = document.querySelector('.table-box');
          box.scrollLeft = 50;
          const seen = new MutationObserver(() => {
            seen.disconnect();
            requestAnimationFrame(() =>
              resolve([box.isConnected, document.querySelector('.table-box').scrollLeft, document.activeElement.textContent]),
            );
          });
          seen.observe(document.querySelector('.results'), { childList: true });
        }),
    );
    assert.deepEqual(stays, [false, 50, 'Traces']);
    await page.setViewportSize({ width: 1280, height: 800 });
    await browser.go(...VIEWS.exporters);
    assert.match(await text('.exporter'), /store/);
    assert.match(await text('.exporter .report'), /^ok since .* queue: .* of /);
    await browser.go(...VIEWS.losses);
  },

  async 'on a phone nothing is wider than it'() {
    await page.setViewportSize({ width: 375, height: 780 });
    for (const [name, place] of Object.entries(VIEWS)) {
      await browser.go(...place);
      const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(over <= 0, `${name} is ${over} pixels too wide`);
      await browser.picture(`phone-${name}`);
    }
    await page.setViewportSize({ width: 1280, height: 800 });
  },

  async 'axe finds nothing serious, dark or light'() {
    let rules = 0;
    for (const theme of ['light', 'dark']) {
      await browser.theme(theme);
      for (const [name, place] of Object.entries(VIEWS)) {
        await browser.go(...place);
        const found = await browser.axe(theme === 'dark'); // all else is the same in both
        rules = Math.max(rules, found.rules);
        assert.deepEqual(found.bad, [], `${name}, ${theme}`);
        await browser.picture(`${name}-${theme}`);
      }
    }
    assert.ok(rules > 5, 'axe judged nothing');
    await browser.theme('light');
  },

  async 'a trace of 5,000 spans'() {
    const took = [];
    for (let round = 0; round < 5; ++round) {
      await browser.go('#/losses', '.view-losses .card');
      // From the choice of the trace, with the server's answer in it, until a key has moved the choice and that is painted.
      took.push(
        await page.evaluate(
          (id) =>
            new Promise((resolve) => {
              const begin = performance.now();
              const seen = new MutationObserver(() => {
                const body = document.querySelector('.scroll');
                if (!body || !document.querySelector('.row')) return;
                if (document.querySelector('.row.chosen')?.dataset.row === '1') {
                  seen.disconnect();
                  requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - begin)));
                } else if (document.activeElement === body) {
                  body.dispatchEvent(
                    new KeyboardEvent('keydown', {
                      key: 'ArrowDown',
                      bubbles: true,
                      cancelable: true,
                    }),
                  );
                }
              });
              seen.observe(document.getElementById('main'), {
                childList: true,
                subtree: true,
                attributes: true,
              });
              location.hash = `#/trace/${id}`;
            }),
          given.large,
        ),
      );
    }
    assert.match(await text('.facts'), /5 000 spans/);
    assert.ok((await page.locator('.row').count()) < 120, 'rows out of sight are in the document');
    await page.keyboard.press('End');
    await page.waitForSelector('#row-4999');
    const each = took.map((one) => one.toFixed(0));
    console.log(`measured: 5,000 spans interactive after ${each.sort((a, b) => a - b).join(', ')} ms`);
  },

  async 'nothing was asked elsewhere, and nothing went wrong meanwhile'() {
    assert.ok(browser.requests > 100);
    assert.deepEqual(browser.faults, []);
  },
};

let failed = 0;
for (const [name, run] of Object.entries(cases)) {
  if (given.only && !name.includes(given.only)) continue;
  const begin = performance.now();
  try {
    await run();
    console.log(`ok ${name} (${((performance.now() - begin) / 1000).toFixed(1)} s)`);
  } catch (error) {
    ++failed;
    console.log(`not ok ${name}\n${error.stack}\n${browser.faults.join('\n')}`);
    await browser.picture(`failed-${failed}`).catch(() => {});
  }
}
await browser.close();
console.log(`${Object.keys(cases).length - failed} of ${Object.keys(cases).length} cases passed`);
process.exitCode = failed ? 1 : 0;
