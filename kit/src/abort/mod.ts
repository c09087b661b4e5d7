export { type HeldSignal, linkSignals } from "./link-signals.ts";
export { abortable } from "./abortable.ts";
export { signalAfter } from "./signal-after.ts";
export { gate, type Gate } from "./gate.ts";
export { Deadlines, type Expiring } from "./deadlines.ts";
