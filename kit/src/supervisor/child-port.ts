/** Why a child leaves: its supervisor asked it to, is dead, or the process got SIGTERM. */
export type StopReason = "drain" | "orphaned" | "signal";

/** What a child hears. */
export interface ChildListener {
  readonly message: (message: unknown) => void;
  readonly disconnect: () => void;
  /** SIGTERM. Without it that is not listened to, and does what it would do else. SIGINT is ignored in any case: a terminal sends it to the
   *  supervisor, too, who stops its children in their order. */
  readonly signal: (() => void) | undefined;
}

/** The process of a child: the machine, or a test. */
export interface ChildPort {
  /** Who this process is, if a supervisor has started it. */
  readonly identity: { readonly name: string; readonly instance: number } | undefined;
  /** `alone`: there is no supervisor, or no longer. `full`: it does not read. In both cases nothing was sent. */
  send(message: object): "sent" | "full" | "alone";
  /** From then on, disposed or not, output that nobody reads is no error. */
  listen(listener: ChildListener): Disposable;
  exit(code: number): void;
}
