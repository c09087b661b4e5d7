import type { Clock } from "ashlar/clock";
import { KitError } from "ashlar/errors";

/** A customer's way to the shop: HTTP, with the patience that a good client has. */
export interface Client {
  get<T>(path: string): Promise<T>;
  /** `key` makes a repeat harmless, so that it can be repeated. */
  post<T>(path: string, request: { readonly body?: unknown; readonly key?: string }): Promise<Answer<T>>;
}

/** `refused`: the shop said no (409), which is an answer. */
export type Answer<T> =
  | { readonly status: "accepted"; readonly body: T }
  | { readonly status: "refused"; readonly detail: string };

export interface ClientOptions {
  /** Without a slash at the end. */
  readonly url: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** The API answered in a way that a client cannot act on. */
class ApiError extends KitError {
  readonly code = "API";
  readonly retryable = false;
}

const attemptsMax = 20;

/** A client that comes back when the shop says when, and rejects with `ApiError` for what it does not understand. */
export function httpClient({ url, clock, signal }: ClientOptions): Client {
  return {
    async get<T>(path: string) {
      const response = await send(path, { method: "GET" });
      if (!response.ok) throw new ApiError(`GET ${path} was answered ${response.status}: ${await response.text()}`);
      return (await response.json()) as T;
    },
    async post<T>(path: string, { body, key }: { readonly body?: unknown; readonly key?: string }): Promise<Answer<T>> {
      const headers = {
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...(key === undefined ? {} : { "idempotency-key": key }),
      };
      const response = await send(path, {
        method: "POST",
        headers,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      if (response.ok) return { status: "accepted", body: (await response.json()) as T };
      const text = await response.text();
      if (response.status === 409) return { status: "refused", detail: text };
      throw new ApiError(`POST ${path} was answered ${response.status}: ${text}`);
    },
  };

  async function send(path: string, init: RequestInit): Promise<Response> {
    for (let attempt = 1; ; attempt++) {
      // Not handed to fetch, which would listen anew for each request: whoever stops this also ends the waiting at the other side.
      signal.throwIfAborted();
      const response = await fetch(url + path, init);
      if (response.status !== 503 || attempt === attemptsMax) return response;
      await response.body?.cancel();
      const seconds = Number(response.headers.get("retry-after") ?? 1);
      await clock.sleep(seconds * 1_000, { signal });
    }
  }
}
