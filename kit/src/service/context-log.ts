import type { Clock } from "../clock/mod.ts";
import { errorRecord } from "../errors/mod.ts";
import type { Log, LogFields, LogLevel, LogSink } from "./log.ts";

/** A log whose lines all carry the same facts; fields of a line add to them and change none. Errors among the fields become records. */
export function contextLog(sink: LogSink, clock: Clock, facts: LogFields): Log {
  const write = (level: LogLevel) => (message: string, fields?: LogFields) => {
    const head = { time: new Date(clock.now()).toISOString(), level, message, ...facts };
    try {
      // Twice: the first says where it stands in the line, the second that it stays as it is.
      sink(fields === undefined ? head : { ...head, ...plain(fields), ...head });
    } catch {
      // A log that cannot be written has nowhere to say so, and must not end the work that it tells of.
    }
  };
  return { debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error") };
}

function plain(fields: LogFields): LogFields {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, value instanceof Error ? errorRecord(value) : value]),
  );
}
