import type { ExerciseOptions } from "../conformance/mod.ts";

type Skips = NonNullable<ExerciseOptions["skip"]>;

function because(reason: string, ...names: readonly string[]): Skips {
  return names.map((name) => ({ name, reason }));
}

/** Rules of the suite that a queue of RabbitMQ cannot keep. What is refused is tested as refused in refusals.real.test.ts; what is kept in another way, or
 *  on the broker's time, in behaviour.real.test.ts. */
export const skips: Skips = [
  ...because(
    "order by key is refused",
    "16 workers of four engines on one key: in order, one at a time, each once",
    "a claim carries all that was enqueued",
    "discard removes what nobody holds, in any state",
    "the status counts every state, and its age is that of the message a claim would hand out next",
    "a wake moves nothing that is ready, waiting or dead",
    "one message of a key at a time, in enqueue order, other keys unhindered",
    "what waited for its key keeps its place in the lane",
    "a retry keeps the key: later messages wait until the earlier one is done",
    "death, discard and the crash limit pass the key on",
    "a rescued message keeps its key",
    "a waiting message that is discarded does not disturb the line",
    "keyConcurrency messages of a key run at once; a raised one lets in who waits, a lowered one lets out first",
    "the concurrency of a key is forgotten when nothing of it is left",
    "a redrive may name the concurrency of its keys, which then counts for those that wait too",
    "a delayed message holds the place of its key; one that waits keeps the rest of its delay",
    "nextDueAtMs knows of a delayed message that the death of another lets in during the claim",
    "a redriven message enters the line of its key at the end",
    "keys of different queues are different keys",
    "a bell rings when work comes back or is let in: retry, wake, redrive, flow, key",
    "two engines on one data never hand out one message twice, nor lose one",
    "scenario 16: a message that always fails ends in the dead letters with its errors; others are not disturbed",
  ),
  ...because(
    "dedup is refused",
    "a remembered dedup key gives the id of the first message, also when it is gone or dead",
    "the time a dedup key is remembered counts from the enqueue that added, not from repeats",
    "dedup works within one commit, per queue, and takes no place in the depth or the key",
    "scenario 6: 64 concurrent enqueues with one dedup key add one message, and all get its id",
  ),
  ...because(
    "the broker finds no message by its id: wake, redrive and discard are refused",
    "a discard of the dead leaves alone what was redriven meanwhile",
    "redrive makes the named dead ones ready, from attempt 1, with their failures kept and their reason cleared",
    "a change that names a message of another queue does not touch it",
    "a wake that comes while the message is running ends its next park or retry at once",
    "a wake is forgotten when the message is released or rescued: who holds it next started after the wake",
  ),
  ...because(
    "to park without end is refused, for only a wake could end it",
    "every use of a receipt that is no longer the current one is refused: settle, hold, extend",
    "a message parked without end sleeps until a wake comes",
  ),
  ...because(
    "flow and claimForMs are refused",
    "a paused queue takes messages and settlements and hands out nothing until it is open again",
    "claimForMs hands the message to the caller in the commit that adds it",
    "claimForMs on a paused queue stores the message ready and gives no receipt",
  ),
  ...because(
    "scans are refused: AMQP lists no messages and counts the ready ones only",
    "a thousand lists of one turn all pass, in order",
    "an acknowledged message is gone",
    "a due time that has passed, and a delay of 0, mean ready",
    "a dead message keeps its failures and says why and when it died",
    "a message whose holder died crashesMax times is dead with reason crashed",
    "at most as many suspects as asked for are handed out, and others fill the claim",
    "a suspect that is released is a suspect again; after a retry it is not",
    "messages are listed by id, by state, in pages",
    "ids are in numeric order, also where their texts are not",
    "a scan without a limit yields every row, across pages",
    "queues are listed by name once an enqueue or a flow has named them; reads make none",
    "a scan that is left early leaves nothing open",
    "scenario 17: a message that kills its process stops after crashesMax deaths; those handed out with it come through",
  ),
  ...because(
    "delays run on the broker's time, which no test moves, and nextDueAtMs knows of leases only",
    "a retried message comes back after its delay at the end of its lane, with its attempt counted and its failure kept",
    "delayed messages mature by due time, then id, each to the end of its lane",
    "nextDueAtMs is the next due time or lease end of the queue, and undefined when there is none",
    "a parked message sleeps until its delay is over; its attempt is not counted and its crashes are forgotten",
    "scenario 10: only the engine's clock decides; timers of the process do not mature anything when it stands still",
    "scenario 11: when the engine's clock jumps forth, nothing is lost and late holders are fenced",
  ),
  ...because(
    "calls of one turn take different connections, so only those of a kind keep their order",
    "effects come in the order of the calls: commits, claims and extensions of one turn",
  ),
];
