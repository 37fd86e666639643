// SPDX-License-Identifier: Apache-2.0
//
// Questions to the server that this page came from, and to no other.

export class Refusal extends Error {
  constructor(status, sentence, body) {
    super(sentence);
    this.status = status;
    this.store = body?.store; // 'missing', 'several': that is why
  }
}

export async function ask(route, parameters, signal) {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(parameters ?? {})) {
    if (value !== undefined && value !== null && value !== '') query.set(key, value);
  }
  const text = query.toString();
  let response;
  try {
    response = await fetch(`/api/${route}${text ? `?${text}` : ''}`, { signal });
  } catch (problem) {
    if (problem.name === 'AbortError') throw problem;
    throw new Refusal(0, 'spanring page does not answer. Was it ended?');
  }
  let body;
  try {
    body = await response.json();
  } catch (problem) {
    if (problem.name === 'AbortError') throw problem;
    throw new Refusal(response.status, `the answer is not JSON (status ${response.status})`);
  }
  if (response.status === 401)
    throw new Refusal(401, 'This session has ended. Run spanring page again, and open the link that it prints.');
  if (!response.ok) throw new Refusal(response.status, body.error ?? `status ${response.status}`, body);
  return body;
}

/** Asks again and again: the next time some milliseconds after the answer, never while the page is hidden or paused. */
export function poll(milliseconds, signal, look, paused = () => false) {
  let timer;
  let running = false;
  const next = async () => {
    if (signal.aborted || running) return;
    if (document.hidden || paused()) return;
    running = true;
    try {
      await look();
    } finally {
      running = false;
      if (!signal.aborted) timer = setTimeout(next, milliseconds);
    }
  };
  const again = () => {
    clearTimeout(timer);
    next();
  };
  document.addEventListener('visibilitychange', again, { signal });
  signal.addEventListener('abort', () => clearTimeout(timer));
  next();
  return again;
}
