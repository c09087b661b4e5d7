/** Facts of a line. Values are plain data; secrets do not belong here. */
export type LogFields = Readonly<Record<string, unknown>>;

/** How much a line matters. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** One line, as it is written. */
export interface LogLine extends LogFields {
  readonly time: string;
  readonly level: LogLevel;
  readonly message: string;
}

/** Writes structured lines. Never throws. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

/** Takes finished lines; must not throw or wait. */
export type LogSink = (line: LogLine) => void;

/** A line as JSON. What JSON cannot say is written as text, and a field that cannot be written at all is named instead. */
export function lineText(line: LogLine): string {
  const texts = Object.entries(line).flatMap(([name, value]) => {
    const text = jsonText(value);
    return text === undefined ? [] : [`${JSON.stringify(name)}:${text}`];
  });
  return `{${texts.join(",")}}`;
}

function jsonText(value: unknown): string | undefined {
  try {
    return JSON.stringify(value, (_, part: unknown) => (typeof part === "bigint" ? `${part}` : part));
  } catch {
    return '"a value that JSON cannot say"';
  }
}
