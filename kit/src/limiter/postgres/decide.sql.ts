// The other half of this function is ../server-replay.ts: the server decides and keeps what the keys hold, the client works out from what they held
// before what a caller is told. Both do the same sums in the same order on the same doubles, so they cannot differ.
//
// Who waits for whom. A batch locks the states that are there, in the order of their names; then the store's time, if that has to be corrected; then
// it adds states that are new, in the order of their names, for which it may wait until another batch that adds the same has ended. From there on it
// waits for nothing. So nobody can wait in a circle. A state that came into being between reading and adding was not judged: the batch is undone
// (serialization_failure) and sent again, and finds it locked like any other.
//
// rules: kind, limit, window in microseconds, burst, drain and fill of each. rule_of: that of each slot. names: of each slot. calls: as ServerBatch
// writes them, texts by their place in ids. time_us: to go by in place of the server's, null without.
// Answer: the time; what each slot held (3); then, in the order of the calls, of each entry rule of a take wait, total and end of the last,
// and 1 or 0 for each renewal.

/** Creates the function that decides a batch of calls. */
export function decideFunction(schema: string): string {
  const table = `${schema}.ashlar_limiter`;
  return `
create function ${table}_decide(
  rules float8[], rule_of float8[], names text[], calls float8[], ids text[], time_us float8) returns float8[] language plpgsql as $decide$
${declarations}
begin
${lockStates(table)}
${tellTime(table)}
${dropEnded(table)}
  held := cell;
  here := 1;
  while here <= coalesce(array_length(calls, 1), 0) loop
    op := calls[here]; times := calls[here + 1]; targets := calls[here + 2]; entry_id := ids[calls[here + 3]::integer];
    here := here + 4;
    if op <= 1 then
${takeAlike}
      for turn in 1 .. times loop
        fits := true; has_entries := false;
${look(table)}
        if fits and op = 1 then
${take(table)}
        end if;
        if has_entries then
${tell}
        end if;
        -- Equal ones behind it fare no better.
        exit when not fits;
      end loop;
      here := here + 3 * targets;
    elsif op = 2 then
${giveBack(table)}
      here := here + 6 * targets;
    else
${renew(table)}
      here := here + targets;
    end if;
  end loop;
${write(table)}
  return now_us || held || told;
end $decide$;`;
}

// "c" is where the cells of a slot begin, "r" what is before the figures of its rule.
const declarations = `declare
  slots integer := coalesce(array_length(names, 1), 0);
  cell float8[] := array_fill(0::float8, array[3 * slots]);
  held float8[];
  known boolean[] := array_fill(false, array[slots]);
  changed boolean[] := array_fill(false, array[slots]);
  told float8[] := '{}';
  row_ record;
  now_us float8; machine_us float8; mark float8; ahead float8; last_us float8 := 0;
  here integer; op integer; times integer; targets integer; place integer; slot integer; c integer; r integer; kind integer;
  entry_id text; fits boolean; has_entries boolean; all_held float8; waits float8[];
  cost float8; weight_ float8; cap float8; span float8; burst float8; drain float8;
  begins float8; began float8; place_of integer; taken float8; before float8; ago float8; drained float8; level float8; fill float8; excess float8; wait float8; ended float8; until_ float8;
  present float8; gaps float8; mark_ float8; returned float8; gone float8; idle float8;
  added integer[] := '{}'; added_idle float8[] := '{}'; updated integer[] := '{}'; updated_idle float8[] := '{}'; dropped text[] := '{}';
  count_added integer;`;

function lockStates(table: string): string {
  return `
  for row_ in
    select k.slot, t.first, t.second, t.third, t.at_us from unnest(names) with ordinality as k(name, slot)
      join ${table}_state t on t.name = k.name order by t.name for update of t
  loop
    c := 3 * row_.slot - 2;
    cell[c] := row_.first; cell[c + 1] := row_.second; cell[c + 2] := row_.third;
    known[row_.slot] := true;
    if row_.at_us > last_us then last_us := row_.at_us; end if;
  end loop;`;
}

// That of the machine, plus what it was ahead when the machine's stepped back by more than a second; for no state before it was last written.
// Read behind the locks: what another batch has written before is then never of a later time.
function tellTime(table: string): string {
  return `
  machine_us := coalesce(time_us, round(date_part('epoch', clock_timestamp()) * 1e6));
  select t.mark_us, t.ahead_us into mark, ahead from ${table}_time t;
  last_us := greatest(last_us, mark);
  if last_us - (machine_us + ahead) > 1e6 then
    select t.mark_us, t.ahead_us into mark, ahead from ${table}_time t for update;
    last_us := greatest(last_us, mark);
    if last_us - (machine_us + ahead) > 1e6 then
      ahead := last_us - machine_us;
      update ${table}_time set mark_us = last_us, ahead_us = ahead;
      mark := last_us;
    end if;
  end if;
  now_us := greatest(machine_us + ahead, last_us);`;
}

// Entry rules. Cells: sum of the weights, when the next ends at the earliest, when the last ends at the latest.
function dropEnded(table: string): string {
  return `
  for slot in 1 .. slots loop
    c := 3 * slot - 2;
    continue when rules[6 * rule_of[slot] - 5] <> 4 or cell[c] = 0 or cell[c + 1] > now_us;
    with past as (delete from ${table}_entry e where e.name = names[slot] and e.until_us <= now_us returning e.weight)
      select coalesce(sum(past.weight), 0) into gone from past;
    select e.until_us into until_ from ${table}_entry e where e.name = names[slot] order by e.until_us limit 1;
    cell[c] := case when until_ is null then 0 else cell[c] - gone end;
    cell[c + 1] := coalesce(until_, 0);
    changed[slot] := true;
  end loop;`;
}

const readPlace = `
          slot := calls[here + 3 * place]; cost := calls[here + 3 * place + 1]; weight_ := calls[here + 3 * place + 2];
          c := 3 * slot - 2; r := 6 * rule_of[slot] - 6; kind := rules[r + 1]; cap := rules[r + 2]; span := rules[r + 3];`;

const readWindow = `
            begins := floor(now_us / span) * span;
            taken := case when cell[c] = begins then cell[c + 1] else 0 end;
            ago := (begins - cell[c]) / span;
            before := case when ago = 0 then cell[c + 2] when ago = 1 then cell[c + 1] else 0 end;`;

// Takes of one bucket that ask alike, which most calls are: the same sums as below, without what only several rules need. An access to an array costs
// as much as three sums.
const takeAlike = `
      place := 0;
      ${readPlace}
      if targets = 1 and kind = 1 then
        drain := rules[r + 5]; fill := rules[r + 6]; burst := rules[r + 4];
        present := cell[c];
        drained := greatest(0, now_us - cell[c + 1]) * drain;
        level := greatest(0, present - drained);
        excess := (least(weight_, burst) - burst) * fill;
        if op = 1 and cost <= burst and level + excess <= 0 then
          if drained >= present + cell[c + 2] then cell[c + 2] := 0; end if;
          fill := weight_ * fill;
          loop
            level := level + fill;
            times := times - 1;
            exit when times = 0 or level + excess > 0;
          end loop;
          cell[c] := level;
          cell[c + 1] := now_us;
          changed[slot] := true;
        end if;
        here := here + 3;
        continue;
      end if;`;

function look(table: string): string {
  return `
        for place in 0 .. targets - 1 loop
          ${readPlace}
          if kind = 1 then
            burst := rules[r + 4];
            if cost > burst or greatest(0, cell[c] - greatest(0, now_us - cell[c + 1]) * rules[r + 5])
              + (least(weight_, burst) - burst) * rules[r + 6] > 0 then fits := false; end if;
          elsif kind = 4 then
            excess := cell[c] + least(weight_, cap) - cap;
            wait := 0;
            if cost > cap then fits := false;
            elsif excess > 0 then
              fits := false;
              ended := 0; until_ := cell[c + 2];
              for row_ in select e.until_us, e.weight from ${table}_entry e
                where e.name = names[slot] order by e.until_us limit ceil(excess)::bigint
              loop
                ended := ended + row_.weight;
                if ended >= excess then until_ := row_.until_us; exit; end if;
              end loop;
              wait := until_ - now_us;
            end if;
            has_entries := true;
            waits[place + 1] := wait;
          else
            ${readWindow}
            if cost > cap then fits := false;
            elsif kind = 2 then
              if taken + least(weight_, cap) > cap then fits := false; end if;
            elsif before * (begins + span - now_us) > (cap - least(weight_, cap) - taken) * span then fits := false;
            end if;
          end if;
        end loop;`;
}

function take(table: string): string {
  return `
        for place in 0 .. targets - 1 loop
          ${readPlace}
          changed[slot] := true;
          if kind = 1 then
            drained := greatest(0, now_us - cell[c + 1]) * rules[r + 5];
            if drained >= cell[c] + cell[c + 2] then cell[c + 2] := 0; end if;
            cell[c] := greatest(0, cell[c] - drained) + weight_ * rules[r + 6];
            cell[c + 1] := now_us;
          elsif kind = 4 then
            until_ := now_us + span;
            insert into ${table}_entry(name, id, weight, until_us) values (names[slot], entry_id, weight_, until_);
            if cell[c] = 0 then cell[c + 1] := until_; end if;
            cell[c] := cell[c] + weight_;
            cell[c + 2] := until_;
          else
            ${readWindow}
            if kind = 3 then cell[c + 2] := before; end if;
            cell[c + 1] := taken + weight_;
            cell[c] := begins;
          end if;
        end loop;`;
}

const tell = `
          for place in 0 .. targets - 1 loop
            slot := calls[here + 3 * place]; c := 3 * slot - 2;
            if rules[6 * rule_of[slot] - 5] = 4 then
              told := told || waits[place + 1]; told := told || cell[c]; told := told || cell[c + 2];
            end if;
          end loop;`;

function giveBack(table: string): string {
  return `
      for place in 0 .. targets - 1 loop
        slot := calls[here + 6 * place]; entry_id := ids[calls[here + 6 * place + 1]::integer];
        weight_ := calls[here + 6 * place + 2]; began := calls[here + 6 * place + 3];
        c := 3 * slot - 2; r := 6 * rule_of[slot] - 6; kind := rules[r + 1]; span := rules[r + 3];
        -- Nothing is left of a key that was forgotten.
        continue when not (known[slot] or changed[slot]);
        if kind = 1 then
          drain := rules[r + 5];
          present := greatest(0, cell[c] - greatest(0, now_us - cell[c + 1]) * drain);
          gaps := cell[c + 2] - calls[here + 6 * place + 5];
          mark_ := calls[here + 6 * place + 4] - greatest(0, now_us - began) * drain - gaps;
          returned := least(weight_ * rules[r + 6], mark_, present);
          continue when returned <= 0;
          cell[c] := present - returned;
          cell[c + 1] := now_us;
          if not (gaps = 0 and mark_ = present) then cell[c + 2] := cell[c + 2] + returned; end if;
        elsif kind = 4 then
          delete from ${table}_entry e where e.name = names[slot] and e.id = entry_id returning e.weight into gone;
          continue when gone is null;
          -- Sums of fractions miss by a few units in the last place.
          cell[c] := case when cell[c] - gone < 0.5 then 0 else cell[c] - gone end;
        else
          ago := (cell[c] - floor(began / span) * span) / span;
          if kind = 2 then
            continue when ago <> 0 or cell[c] <> floor(now_us / span) * span;
          end if;
          continue when ago <> 0 and ago <> 1;
          place_of := c + 1 + ago;
          cell[place_of] := greatest(0, cell[place_of] - weight_);
        end if;
        changed[slot] := true;
      end loop;`;
}

function renew(table: string): string {
  return `
      all_held := 1;
      for place in 0 .. targets - 1 loop
        slot := calls[here + place]; c := 3 * slot - 2;
        until_ := now_us + rules[6 * rule_of[slot] - 3];
        update ${table}_entry e set until_us = until_ where e.name = names[slot] and e.id = entry_id;
        if found then cell[c + 2] := until_; changed[slot] := true; else all_held := 0; end if;
      end loop;
      told := told || all_held;`;
}

// Refusals of rules over numbers have changed nothing. An index is touched at most four times in a window: a state is found by the sweep up to a
// quarter of its life, or a minute, after it has recovered, and written for as long without being moved there. For each state that is new up to two
// that have recovered go, those two seconds ago, which no other batch can think alive.
function write(table: string): string {
  return `
  for slot in 1 .. slots loop
    continue when not changed[slot];
    c := 3 * slot - 2; r := 6 * rule_of[slot] - 6; kind := rules[r + 1]; span := rules[r + 3];
    idle := case kind
      when 1 then case when cell[c] + cell[c + 2] = 0 then 0 else cell[c + 1] + ceil((cell[c] + cell[c + 2]) / rules[r + 5]) end
      when 2 then case when cell[c + 1] = 0 then 0 else cell[c] + span end
      when 3 then case when cell[c + 1] > 0 then cell[c] + 2 * span when cell[c + 2] > 0 then cell[c] + span else 0 end
      else case when cell[c] = 0 then 0 else cell[c + 2] end end;
    if idle > now_us then
      if known[slot] then updated := updated || slot; updated_idle := updated_idle || idle;
      else added := added || slot; added_idle := added_idle || idle; end if;
    elsif known[slot] then dropped := dropped || names[slot];
    end if;
  end loop;
  if added <> '{}' then
    insert into ${table}_state(name, first, second, third, at_us, sweep_at_us)
      select names[k.slot], cell[3 * k.slot - 2], cell[3 * k.slot - 1], cell[3 * k.slot], now_us, k.idle + greatest(6e7, (k.idle - now_us) / 4)
      from unnest(added, added_idle) as k(slot, idle) order by names[k.slot] collate "C" on conflict do nothing;
    get diagnostics count_added = row_count;
    if count_added < array_length(added, 1) then
      raise exception 'another batch has used a key for the first time' using errcode = 'serialization_failure';
    end if;
  end if;
  if updated <> '{}' then
    update ${table}_state t set first = cell[3 * k.slot - 2], second = cell[3 * k.slot - 1], third = cell[3 * k.slot], at_us = now_us,
      sweep_at_us = case when k.idle <= t.sweep_at_us then t.sweep_at_us else k.idle + greatest(6e7, (k.idle - now_us) / 4) end
      from unnest(updated, updated_idle) as k(slot, idle) where t.name = names[k.slot];
  end if;
  if dropped <> '{}' then delete from ${table}_state t where t.name = any(dropped); end if;
  if count_added > 0 then
    with past as (
      delete from ${table}_state t where t.name = any(array(
        select e.name from ${table}_state e where e.sweep_at_us <= now_us - 2e6 order by e.sweep_at_us limit 2 * count_added for update skip locked))
      returning t.name)
    delete from ${table}_entry e using past where e.name = past.name;
  end if;
  -- The mark is what no batch, whatever keys it is about, goes back behind.
  if now_us - mark > 5e5 and (added <> '{}' or updated <> '{}') then
    update ${table}_time set mark_us = now_us where id = (
      select t.id from ${table}_time t where t.mark_us < now_us for update skip locked);
  end if;`;
}
