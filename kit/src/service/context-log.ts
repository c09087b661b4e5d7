import type { Clock } from "../clock/mod.ts";
import { errorRecord } from "../errors/mod.ts";
import type { Log, LogFields, LogLevel, LogSink } from "./log.ts";

/** A log whose lines all carry the same facts. Errors among the fields become records. */
export function contextLog(sink: LogSink, clock: Clock, facts: LogFields): Log {
  const write = (level: LogLevel) => (message: string, fields?: LogFields) => {
    const time = new Date(clock.now()).toISOString();
    sink({ time, level, message, ...facts, ...(fields === undefined ? undefined : plain(fields)) });
  };
  return { debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error") };
}

function plain(fields: LogFields): LogFields {
  const { error } = fields;
  return error instanceof Error ? { ...fields, error: errorRecord(error) } : fields;
}
