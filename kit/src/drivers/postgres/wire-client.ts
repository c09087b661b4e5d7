import type { WireValue } from "./statement.ts";

/** The part of `pg`'s connection that a batch writes to: one call, one message of the protocol. */
export interface WireConnection {
  parse(message: { readonly name: string; readonly text: string }): void;
  bind(message: { readonly statement: string; readonly values: readonly WireValue[] }): void;
  execute(message: object): void;
  close(message: { readonly type: "S"; readonly name: string }): void;
  sync(): void;
  readonly stream: { cork?(): void; uncork?(): void; destroy(): void; ref?(): void; unref?(): void };
}

/** What `pg` accepts in place of a query of its own: it writes its messages, and is told the answers. */
export interface Submittable {
  submit(connection: WireConnection): Error | undefined;
  handleError(error: unknown): void;
  handleReadyForQuery(): void;
  handleDataRow(message: { readonly fields: readonly (string | null)[] }): void;
  handleCommandComplete(message: { readonly text: string }): void;
  handleRowDescription(): void;
  handlePortalSuspended(): void;
  handleEmptyQuery(): void;
}

export interface QueryAnswer {
  readonly rows: readonly unknown[];
  readonly rowCount: number | null;
}

/** The part of a client of `pg` that the driver uses. */
export interface WireClient {
  readonly connection: WireConnection;
  query(text: string, values: readonly unknown[]): Promise<QueryAnswer>;
  query(submittable: Submittable): unknown;
  on(event: "error", heard: (error: unknown) => void): unknown;
  on(event: "end", heard: () => void): unknown;
  on(event: "notification", heard: (message: { readonly payload?: string | undefined }) => void): unknown;
  end(): Promise<void>;
}
