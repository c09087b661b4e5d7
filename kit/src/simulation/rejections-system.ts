/** Tells of promises of this thread that were rejected and that nobody handles, until disposed. */
export function watchRejections(rejected: (reason: unknown) => void): Disposable {
  process.on("unhandledRejection", rejected);
  return { [Symbol.dispose]: () => void process.off("unhandledRejection", rejected) };
}
