/** One refused or failed request. Holds nothing that a person wrote: no query, no header, no body. */
export interface RefusedRequest {
  readonly time: string;
  readonly level: "warn" | "error";
  readonly requestId: string;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  /** Name of the problem, and the places that were wrong. */
  readonly reason: string;
  readonly durationMs: number;
  /** Of a failure of ours only: name and message of the error and its causes. */
  readonly fault?: string;
}

/** Takes the log entries. Must not throw. */
export type RequestLog = (entry: RefusedRequest) => void;

/** A log with one line of JSON an entry. */
export function jsonLines(write: (line: string) => void): RequestLog {
  return (entry) => write(`${JSON.stringify(entry)}\n`);
}

const pathLengthMax = 200;

/** A path short enough for a log. It is percent-encoded already, so that it cannot break a line. */
export function shownPath(path: string): string {
  return path.length <= pathLengthMax ? path : `${path.slice(0, pathLengthMax)}…`;
}
