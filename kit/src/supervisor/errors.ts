import { KitError } from "../errors/mod.ts";

/** A child dies again and again, and is given up until it is reloaded. `reason` is how it died last. */
export class CrashLoopError extends KitError {
  readonly code = "CRASH_LOOP";
  readonly retryable = false;
  readonly child: string;
  readonly instance: number;
  readonly reason: string;

  constructor(child: string, instance: number, reason: string) {
    super(`the child ${child}#${instance} is in a crash loop: it ${reason}`);
    this.child = child;
    this.instance = instance;
    this.reason = reason;
  }
}
