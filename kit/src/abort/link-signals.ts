/** A signal that is held until disposed; disposing never aborts it. */
export interface HeldSignal extends Disposable {
  readonly signal: AbortSignal;
}

/**
 * Aborts with the reason of whichever source aborts first, at once if one already has. Disposing removes every listener
 * from the sources, so a long-lived signal can be linked for each of a million calls. O(sources). Idempotent disposal.
 */
export function linkSignals(signals: readonly (AbortSignal | undefined)[]): HeldSignal {
  const controller = new AbortController();
  const sources = signals.filter((signal) => signal !== undefined);
  const release = (): void => {
    for (const source of sources) source.removeEventListener("abort", onAbort);
  };
  const onAbort = (): void => {
    release();
    controller.abort(sources.find((source) => source.aborted)?.reason);
  };
  if (sources.some((source) => source.aborted)) onAbort();
  else for (const source of sources) source.addEventListener("abort", onAbort, { once: true });
  return { signal: controller.signal, [Symbol.dispose]: release };
}
