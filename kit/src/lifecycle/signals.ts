/** A signal that asks a process to stop. */
export type StopSignal = "SIGTERM" | "SIGINT" | "SIGHUP" | "SIGQUIT";

/** Where signals come from, and where the process ends: the machine, or a test. */
export interface ProcessPort {
  /** Calls `heard` for each of these signals, until disposed. */
  listen(signals: readonly StopSignal[], heard: (signal: StopSignal) => void): Disposable;
  /** Ends the process at once. */
  exit(code: number): void;
}

const numbers: Readonly<Record<StopSignal, number>> = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGTERM: 15 };

/** What a process that a signal has ended exits with, by the convention of shells: 128 and the signal's number. */
export function exitCodeOf(signal: StopSignal): number {
  return 128 + numbers[signal];
}
