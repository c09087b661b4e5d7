import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import type { Child } from "./definition.ts";
import type { ProcessHandle, ProcessListener, ProcessPort } from "./process-port.ts";

// A process that is stopped reads nothing, and Node keeps all that it is sent in memory.
const unsentMax = 64;

/** Names of the variables by which a child knows who it is. */
export const childVariable = "ASHLAR_CHILD";
export const instanceVariable = "ASHLAR_INSTANCE";

/** Real child processes, each in a process group of its own, so that Ctrl-C reaches only the supervisor, which stops them in order. */
export const systemProcesses: ProcessPort = {
  spawn(child, instance, listener) {
    try {
      const started = startOf(child, instance);
      listen(started, listener);
      return handleOf(started);
    } catch (error) {
      // What Node refuses to start is told as any other failed start, in a later turn: a restart must not end the supervisor.
      setImmediate(() => listener.exit({ code: null, signal: null, error }));
      return absent;
    }
  },
};

const absent: ProcessHandle = { pid: undefined, send: () => "closed", kill: () => undefined };

function startOf(child: Child, instance: number): ChildProcess {
  const { command, args } = commandOf(child);
  return spawn(command, args, {
    env: { ...process.env, ...child.env, [childVariable]: child.name, [instanceVariable]: String(instance) },
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    detached: true,
  });
}

function commandOf({ program, args, nodeArgs }: Child): { command: string; args: string[] } {
  if (program.kind === "command") return { command: program.path, args: [...args] };
  return { command: process.execPath, args: [...nodeArgs, program.path, ...args] };
}

function listen(started: ChildProcess, { message, output, exit }: ProcessListener): void {
  let isOver = false;
  const over: ProcessListener["exit"] = (ending) => {
    if (isOver) return;
    isOver = true;
    exit(ending);
  };
  started.on("message", message);
  started.on("exit", (code, signal) => over({ code, signal }));
  // Also told when a signal could not be sent; only a process without an id was never started.
  started.on("error", (error) => {
    if (started.pid === undefined) over({ code: null, signal: null, error });
  });
  for (const stream of ["stdout", "stderr"] as const) {
    started[stream]?.setEncoding("utf8");
    started[stream]?.on("data", (text: string) => output(stream, text));
  }
}

function handleOf(started: ChildProcess): ProcessHandle {
  let unsent = 0;
  return {
    pid: started.pid,
    send(message) {
      if (!started.connected) return "closed";
      if (unsent >= unsentMax) return "full";
      // A failure to send is the end of the channel, which the exit tells; the callback keeps it from being thrown.
      started.send(message, () => void unsent--);
      // Only now: what cannot be said in JSON is thrown above, and does not wait.
      unsent++;
      return "sent";
    },
    kill(signal) {
      if (started.exitCode === null && started.signalCode === null) started.kill(signal);
    },
  };
}
