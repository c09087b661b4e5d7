/** Who runs an event: a node, or the harness. Events of one strand that fall due together keep their order unless a strategy shuffles them. */
export class Strand {
  readonly name: string;
  readonly number: number;
  /** Until then nothing of this strand runs, as in a process that was stopped. */
  pausedUntilMs = 0;

  constructor(name: string, number: number) {
    this.name = name;
    this.number = number;
  }
}

/** What kind of event it is, for traces and the fingerprint. Made once, used for any number of events. */
export interface EventSource {
  readonly name: string;
  readonly strand: Strand;
  /** Whether the run goes on for the sake of this event. */
  readonly holdsRun: "yes" | "no";
  /** `drain`: every promise job that the event causes runs before the next event. `go on`: the event touches no promises, and none are waited for. */
  readonly after: "drain" | "go on";
  /** Stands for name and strand in the fingerprint. */
  readonly code: number;
}

/** What may differ from an event that holds the run and is drained. */
export interface EventSourceOptions {
  readonly holdsRun?: "yes" | "no" | undefined;
  readonly after?: "drain" | "go on" | undefined;
}

export function eventSource(strand: Strand, name: string, options: EventSourceOptions): EventSource {
  const { holdsRun = "yes", after = "drain" } = options;
  return { name, strand, holdsRun, after, code: codeOf(`${strand.name}/${name}`) };
}

// FNV-1a.
function codeOf(text: string): number {
  let code = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) code = Math.imul(code ^ text.charCodeAt(index), 0x01000193);
  return code;
}
