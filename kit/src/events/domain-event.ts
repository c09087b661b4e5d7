/** A fact as the domain knows it: a plain object, member of a union over `type`. `data` survives JSON unchanged. */
export interface DomainEvent {
  readonly type: string;
  readonly data: object;
}

/** What goes with an event besides its payload. The named fields are conventions that {@link causedBy} keeps. */
export interface EventMeta {
  readonly commandId?: string;
  /** Same along a whole conversation. */
  readonly correlationId?: string;
  /** The event or command that led to this one. */
  readonly causationId?: string;
  readonly [name: string]: unknown;
}

/** Where and when an event was recorded. */
export interface EventPlace {
  readonly stream: string;
  /** Place in its stream: 1, 2, 3 … without gaps. */
  readonly version: number;
  /** Place in the log: 1, 2, 3 … without gaps. */
  readonly position: number;
  /** Engine time; does not fall along a log. */
  readonly recordedAtMs: number;
  readonly meta: EventMeta | undefined;
}

/** A decoded event together with its place; narrows by `type` like the event itself. */
export type Stored<Event extends DomainEvent = DomainEvent> = Event & EventPlace;

/** Written to every stream that holds sealed fields of a subject when the subject's key is destroyed. Deciders and subscriptions that do not list it never see it. */
export interface SubjectErased extends DomainEvent {
  readonly type: "$erased";
  readonly data: { readonly subject: string };
}

/** Metadata for what follows from `event`: the same correlation, and the event as the cause. */
export function causedBy(event: EventPlace): EventMeta {
  const id = `${event.stream}@${event.version}`;
  return { correlationId: event.meta?.correlationId ?? id, causationId: id };
}
