import { statement, type Statement } from "../../drivers/postgres/mod.ts";

// Numbers go on from the microsecond in which the count began. In a new life of the server, which may have lost the end of the count or be another
// server, it begins anew there, so that nobody takes a later message for the one that follows the last one heard.

/** The statements of a channel, whose name is `$1` in all of them. */
export interface ChannelStatements {
  /** Keeps the message `$2`, numbers it and rings; with the message, where a notification has room for it. Tells its number. */
  readonly publish: Statement;
  /** Takes away what is no longer kept: behind `publish` in its transaction, so that it sees what others have taken away before. */
  readonly trim: Statement;
  /** Tells the number of the last message, in this life of the server. */
  readonly latest: Statement;
  /** The messages behind number `$2`, in their order. */
  readonly read: Statement;
}

/** How much of a channel is kept. */
export interface Kept {
  readonly messagesMax: number;
  readonly bytesMax: number;
}

/** A notification has at most 7,999 bytes, 20 of them for the number. */
const rungBytesMax = 7_900;
/** Old messages that a publication takes away: more than it adds, and a moment's work. */
const removedMax = 10;

/** Messages that are read in one go. */
export const readMax = 1_000;

const life = "date_part('epoch', pg_postmaster_start_time())";
// A server without `synchronous_commit` would forget numbers that somebody has heard when one of its processes dies, live on, and give them again.
const onDisk = `set_config('synchronous_commit',
        case current_setting('synchronous_commit') when 'off' then 'local' else current_setting('synchronous_commit') end, true)`;
const nowUs = "(date_part('epoch', clock_timestamp()) * 1e6)::bigint";

/** The statements over the tables in that schema. */
export function channelStatements(schema: string, { messagesMax, bytesMax }: Kept): ChannelStatements {
  const channel = `${schema}.ashlar_cache_channel`;
  const message = `${schema}.ashlar_cache_message`;
  const anew = (next: string): string => `on conflict (name) do update set bytes = c.bytes + excluded.bytes,
      last = case when c.life = excluded.life then ${next} else greatest(c.last + 1, excluded.last) end, life = excluded.life`;
  return {
    publish: statement(`
      with counted as (
        insert into ${channel} as c (name, last, bytes, life) values ($1, ${nowUs}, octet_length($2::text), ${life})
        ${anew("c.last + 1")} returning c.last, c.bytes),
      kept as (
        insert into ${message}(channel, number, bytes_end, sent_at, message)
        select $1, last, bytes, clock_timestamp(), $2 from counted)
      select last, pg_notify($1, last || case when octet_length($2) <= ${rungBytesMax} then ' ' || $2 else '' end), ${onDisk} from counted`),
    trim: statement(`
      delete from ${message} m using ${channel} c where c.name = $1 and m.channel = $1
        and m.number in (select o.number from ${message} o where o.channel = $1 order by o.number limit ${removedMax})
        and (m.number <= c.last - ${messagesMax} or m.bytes_end <= c.bytes - ${bytesMax} or m.sent_at < now() - interval '1 hour')`),
    latest: statement(`
      with known as (select last from ${channel} where name = $1 and life = ${life}),
      begun as (
        insert into ${channel} as c (name, last, bytes, life)
        select $1, ${nowUs}, 0, ${life} where not exists (select 1 from known)
        ${anew("c.last")} returning c.last)
      select last from known union all select last from begun`),
    read: statement(
      `select number, message from ${message} where channel = $1 and number > $2 order by number limit ${readMax}`,
    ),
  };
}
