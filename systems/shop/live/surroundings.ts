/** Where the command writes, and what stops it. */
export interface StartSurroundings {
  readonly print: (text: string) => void;
  readonly note: (text: string) => void;
  readonly terminal: "terminal" | "log";
  readonly signal: AbortSignal;
}
