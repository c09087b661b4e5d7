/** What travels beside a body. */
export interface Slip {
  /** Names a request; its answer bears it too. */
  readonly id?: string | undefined;
  /** Where the answer goes. */
  readonly answerTo?: string | undefined;
  /** Of an answer: the responder threw, and the body says what. */
  readonly failed?: "yes" | undefined;
}

/** A message between two processes: an address is `p.` and a subject (published), `q.` and a subject (asked), or `a.` and a process (answered). */
export interface Parcel {
  readonly address: string;
  readonly body: string;
  readonly slip: Slip;
}

/** Who takes what comes for an address, or for all below one (`.>` at its end). */
export interface Taker {
  readonly pattern: string;
  readonly group: string | undefined;
  readonly take: (parcel: Parcel) => void;
  /** The way was lost and is there again. */
  readonly gap: () => void;
}

/** What a bus needs of a server: to send, and to listen. At most once, in order for one sender and one address. */
export interface Carrier extends AsyncDisposable {
  readonly name: string;
  readonly bodyBytesMax: number;
  /** Whether of a group one hears. Where not, a taker with a group is not given to `listen`. */
  readonly groups: "kept" | "none";
  send(parcel: Parcel): Promise<void>;
  /** Resolves when it hears. After the disposal of the result nothing is taken any more. */
  listen(taker: Taker): Promise<AsyncDisposable>;
}
