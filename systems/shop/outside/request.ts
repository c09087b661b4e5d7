/** What a service of the outside world is asked to do. */
export interface OutsideRequest {
  /** `charge`, `refund`, `parcel`, `recall`, `delivery`. */
  readonly kind: string;
  /** What it is done for, such as an order: the same thing is to be done once for it. */
  readonly subject: string;
  /** Idempotency key: a repeat gets the first answer and has no effect. */
  readonly key: string;
  readonly amountMinor: number;
  readonly signal?: AbortSignal | undefined;
}

export type OutsideReply =
  | { readonly status: "done"; readonly reference: string }
  | { readonly status: "refused"; readonly reason: string };
