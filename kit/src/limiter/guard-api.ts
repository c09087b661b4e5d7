import type { Granted } from "./decision.ts";
import type { GuardReply, HttpGuard } from "./http-guard.ts";

/** What a guarded API answers to: any request that says when its client goes away. */
export interface GuardedRequest {
  readonly signal: AbortSignal;
}

/** An API as a function from requests to answers; `Api` of ashlar/http is one. */
export interface ApiToGuard<Request> {
  answer(request: Request): Promise<GuardReply>;
  stream(
    request: Request,
  ): Promise<{ readonly items: AsyncIterable<unknown>; problem(error: unknown): GuardReply } | GuardReply>;
  isStream(request: Request): boolean;
}

/** The same API behind a guard. Leases are held until the answer is there, of a stream until it ends. */
export function guardApi<Request extends GuardedRequest>(
  api: ApiToGuard<Request>,
  guard: HttpGuard<Request>,
): ApiToGuard<Request> {
  return {
    isStream: (request) => api.isStream(request),
    async answer(request) {
      const admission = await guard.admit(request, request);
      if (admission.kind === "refused") return admission.reply;
      await using _held = admission.decision;
      const reply = await api.answer(request);
      Object.assign(reply.headers, admission.headers);
      return reply;
    },
    async stream(request) {
      const admission = await guard.admit(request, request);
      if (admission.kind === "refused") return admission.reply;
      const { decision } = admission;
      const opened = await api.stream(request).catch(async (error: unknown) => {
        await decision?.[Symbol.asyncDispose]();
        throw error;
      });
      if ("items" in opened)
        return { problem: (error) => opened.problem(error), items: heldItems(opened.items, decision) };
      await decision?.[Symbol.asyncDispose]();
      Object.assign(opened.headers, admission.headers);
      return opened;
    },
  };
}

async function* heldItems(items: AsyncIterable<unknown>, decision: Granted | undefined): AsyncIterable<unknown> {
  await using _held = decision;
  yield* items;
}
