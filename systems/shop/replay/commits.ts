import { subscribe } from "ashlar/telemetry";

/** What this process spends in transactions of its engines. */
export interface Commits extends Disposable {
  /** In seconds, and how many there were; nothing when the services run elsewhere. */
  total(): { readonly seconds: number; readonly count: number };
}

/** Listens to the kit's telemetry until disposed. */
export function openCommits(): Commits {
  const commits = { seconds: 0, count: 0 };
  const listening = subscribe("ashlar.engine.commit", ({ durationMs }) => {
    commits.seconds += durationMs / 1_000;
    commits.count += 1;
  });
  return { total: () => ({ ...commits }), [Symbol.dispose]: () => listening[Symbol.dispose]() };
}
