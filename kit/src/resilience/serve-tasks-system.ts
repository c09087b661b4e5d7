import { parentPort } from "node:worker_threads";
import { errorRecord, InvariantError, isRetryable, UnsupportedError } from "../errors/mod.ts";
import type { TaskMessage, TaskReply } from "./thread-messages.ts";

/** What a thread can do, by name. Input and result travel by structured clone. */
export type Tasks = Readonly<Record<string, (input: never) => unknown>>;

/** Call it once in the module that a pool's threads run: from then on the thread does what it is asked, one task at a time. Throws InvariantError outside of a thread. */
export function serveTasks(tasks: Tasks): void {
  if (parentPort === null) throw new InvariantError("tasks are served in a worker thread");
  const port = parentPort;
  port.on("message", (message: TaskMessage) => {
    void answer(tasks, message).then((reply) => {
      try {
        port.postMessage(reply);
      } catch (error) {
        // The value cannot be cloned.
        port.postMessage(failed(error));
      }
    });
  });
}

async function answer(tasks: Tasks, { task, input }: TaskMessage): Promise<TaskReply> {
  try {
    const run = Object.hasOwn(tasks, task) ? tasks[task] : undefined;
    if (run === undefined) throw new UnsupportedError(task, "this thread", "serve it with serveTasks");
    return { ok: true, value: await run(input as never) };
  } catch (error) {
    return failed(error);
  }
}

function failed(error: unknown): TaskReply {
  return { ok: false, record: errorRecord(error), repeat: isRetryable(error) ? "allowed" : "not allowed" };
}
