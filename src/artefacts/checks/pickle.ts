/** Pickles, one or several in a row: what loading them would import and call, and what they carry as data. */
import { contentOf, upTo, type Content } from "#formats/content.ts";
import { runPickle, PICKLE_LIMITS, type Memo, type Text, type Value } from "#formats/pickle.ts";
import { defineCheck, type Recognition, type Subject } from "#artefacts/check.ts";
import { Judge } from "#artefacts/judge.ts";
import type { Range } from "#artefacts/ledger.ts";
import { LimitReached } from "#artefacts/limits.ts";
import { interrupts, joblibArray } from "#artefacts/joblib.ts";
import { shadowed } from "#artefacts/python-modules.ts";
import { carriedBy } from "#artefacts/payload.ts";

/** Endings that say pickle, and endings that may. */
const NAMES = /\.(pkl|pickle|pk|joblib)$/i;
const LOOSE_NAMES = /\.(p|pt|pth|bin|ckpt|dat|data|sav|model)$/i;
/** pickle.dumps(0x1950a86a20f9469cfc6c, protocol=2): how PyTorch begins its second format. */
export const TORCH_MAGIC = [0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e];
/** Streams in a row that one file may hold. */
const STREAMS_MAX = 10_000;
/** Steps of a reconstruction that are kept. */
const STEPS = 1000;
/** Arrays of objects within arrays of objects. */
const NESTED_MAX = 32;

class Enough extends Error {}

export default defineCheck({
  title: "pickle",
  runs: true,
  recognise: (content, path) => recognisePickle(content, path),
  read(subject) {
    readPickles(subject, 0);
  },
});

function recognisePickle(content: Content, path: string): Recognition {
  const head = upTo(content, 0, 2);
  if (head.length === 0) return "no";
  // PyTorch's magic number is a pickle of its own; that format has a check of its own.
  if (head.length === 2 && TORCH_MAGIC.every((byte, i) => upTo(content, 0, TORCH_MAGIC.length)[i] === byte))
    return "no";
  // No opcode is zero: what follows PROTO with one is a number of eight bytes, as safetensors begins with.
  if (head[0] === 0x80 && head.length === 2 && head[1]! <= 5) return upTo(content, 2, 1)[0] === 0 ? "no" : "yes";
  // Protocols 0 and 1 have no magic number: follow the start and see whether it does what pickles do.
  let imports = 0;
  let calls = 0;
  let far = false;
  const judge = new Judge(content);
  let stopped = false;
  let opcodes = 0;
  try {
    ({ stopped, opcodes } = runPickle(content, 0, {
      imported(what) {
        if (what.kind === "global" && /^[A-Za-z_][\w.]*$/.test(what.module) && /^[A-Za-z_][\w.]*$/.test(what.name))
          imports++;
        judge.imported(what);
      },
      called: () => void calls++,
      tick() {
        far = true;
        throw new Enough();
      },
    }));
  } catch (error) {
    if (!(error instanceof Enough)) throw error;
  }
  const harmful = judge.findings.some(({ severity }) => severity === "suspicious");
  if (imports > 0 && (calls > 0 || stopped || far || harmful)) return "yes";
  return (stopped && opcodes > 1) || far || NAMES.test(path) || (opcodes > 2 && LOOSE_NAMES.test(path))
    ? "perhaps"
    : "no";
}

/** Where a stream is followed by bytes of another kind, a framework's reader says where the next stream starts. */
export interface PickleReading {
  /** Where reading ended: behind the last whole stream, or at the fault. */
  readonly end: number;
  readonly values: readonly (Value | undefined)[];
  /** A stream broke off. */
  readonly broken: boolean;
}

/**
 * Reads streams from `from` until the end, or until `streams` of them were read. Bytes that no stream takes stay unread.
 * joblib puts arrays between the opcodes: those are passed over, or read as the pickles they are.
 */
export function readPickles(
  subject: Subject,
  from: number,
  { streams = STREAMS_MAX, within = 0 }: { readonly streams?: number; readonly within?: number } = {},
): PickleReading {
  const { content, ledger, meter, surroundings } = subject;
  const values: (Value | undefined)[] = [];
  const payloads = new Set<number>();
  let at = from;
  let memo: Memo | undefined;
  const judge = new Judge(content, surroundings, {
    stepsMax: subject.traced ? STEPS : 0,
    unpickled: (text) => lookInto(subject, text, payloads, true),
  });
  const arrays: Range[] = [];
  const afterBuild = (target: Value, end: number): number | undefined => {
    const array = joblibArray(content, target, end);
    if (array === undefined) {
      const made = judge.madeBy(target);
      if (made !== undefined && interrupts(made))
        subject.report({
          rule: "joblib-array",
          severity: "suspicious",
          confidence: "medium",
          start: end,
          end,
          message:
            "an array of joblib's is made in a way joblib does not: it would read other bytes than are read here",
        });
      return undefined;
    }
    if (array.problem !== undefined)
      subject.report({
        rule: "joblib-array",
        severity: "unknown",
        confidence: "high",
        start: end,
        end: array.dataAt,
        message: array.problem,
      });
    arrays.push({ start: array.dataAt, end: array.end });
    if (!array.objects) return array.end;
    if (within >= NESTED_MAX)
      throw new LimitReached("limit-depth", `arrays of objects lie more than ${NESTED_MAX} deep`);
    return readPickles(subject, array.dataAt, { streams: 1, within: within + 1 }).end;
  };
  try {
    while (at < content.size && values.length < streams) {
      const run = runPickle(
        content,
        at,
        {
          imported: (what) => judge.imported(what),
          called: (call) => judge.called(call),
          built(target, state, where, end) {
            judge.built(target, state, where);
            return afterBuild(target, end);
          },
          mutated: (target, how, items, where) => judge.mutated(target, how, items, where),
          persistent: (id) => judge.persistent(id),
          odd: (where, end, problem) => judge.odd(where, end, problem),
          data: (text) => lookInto(subject, text, payloads, false),
          tick: () => meter.tick(),
        },
        PICKLE_LIMITS,
        memo,
      );
      memo = run.memo;
      if (!run.stopped) {
        const { fault } = run;
        // What follows the first stream and is no stream at all is not a broken one: it is something else.
        const first = values.length === 0;
        const follows = !first && run.opcodes <= 2;
        if (!follows) {
          ledger.understood(at, run.end);
          ledger.doubted(at, run.end);
          subject.report({
            rule: fault!.limit ? "limit-pickle" : "pickle-broken",
            severity: "unknown",
            confidence: "high",
            start: fault!.at,
            end: Math.min(content.size, fault!.at + 1),
            message: `${first ? "the stream" : `stream ${values.length + 1}`} breaks off: ${fault!.problem}; what ran before is judged`,
          });
        }
        const end = follows ? at : run.end;
        ledger.left(
          end,
          content.size,
          follows ? "it follows the pickle and is none" : "the pickle breaks off before it",
        );
        return { end, values, broken: true };
      }
      ledger.understood(at, run.end);
      values.push(run.value);
      at = run.end;
    }
  } finally {
    for (const finding of judge.findings) subject.report(finding);
    const taken = shadowed(judge.modules, subject);
    if (taken)
      subject.report({
        rule: "import-shadowed",
        severity: "unknown",
        confidence: "medium",
        start: from,
        end: at,
        message: `imports ${taken.module}, and ${taken.by} lies where Python looks first: loaded from there, that file's code runs`,
      });
    if (arrays.length > 0) readAsPlain(subject, from, arrays[0]!.start);
    subject.traced?.(judge.steps, judge.acts);
  }
  if (at < content.size && values.length === STREAMS_MAX)
    throw new LimitReached("limit-streams", `more than ${STREAMS_MAX} pickles in a row; the rest was not read`);
  return { end: at, values, broken: false };
}

/**
 * pickle.load knows nothing of joblib's arrays and goes on reading opcodes where the first one starts. Numbers end that at
 * once; what was put there for it does not.
 */
function readAsPlain(subject: Subject, from: number, arrayAt: number): void {
  const { content, meter, surroundings } = subject;
  const judge = new Judge(content, surroundings);
  runPickle(content, from, {
    imported: (what) => judge.imported(what),
    called: (call) => judge.called(call),
    built: (target, state, at) => judge.built(target, state, at),
    tick: () => meter.tick(),
  });
  for (const finding of judge.findings)
    if (finding.start >= arrayAt && PLAIN_RULES.has(finding.rule))
      subject.report({
        ...finding,
        message: `read by pickle instead of joblib, the array's own bytes run: ${finding.message}`,
      });
}

/** What random numbers do not come to by themselves. */
const PLAIN_RULES: ReadonlySet<string> = new Set([
  "pickle-harmful-import",
  "pickle-harmful-call",
  "pickle-hidden-name",
  "pickle-patches-import",
  "pickle-unknown-call",
  "pickle-unclear-call",
]);

/** Scans what a text or bytes of the pickle carries. Where loading reads it too, its verdict is always part of this one. */
function lookInto(subject: Subject, text: Text, seen: Set<number>, loaded: boolean): void {
  const key = loaded ? -text.at : text.at;
  if (seen.has(key)) return;
  const { content, meter } = subject;
  const [start, end] = [text.at, text.at + text.length];
  const carried = carriedBy(content, text, meter.limits.payloadMax);
  if (!loaded && !carried) return;
  seen.add(key);
  seen.add(start);
  if (text.length > meter.limits.payloadMax)
    return subject.report({
      rule: "limit-payload",
      severity: "unknown",
      confidence: "high",
      start,
      end,
      message: `${loaded ? `loading reads ${text.length} bytes as a pickle` : `carries a ${carried!.what} of ${text.length} bytes`}; that is more than is looked into`,
    });
  const within = contentOf(carried?.bytes() ?? content.read(start, text.length));
  if (loaded) subject.inspect(`bytes at ${start}`, within);
  else
    subject.probe(`${carried!.what} at ${start}`, within, {
      start,
      end,
      what: `a ${carried!.what} ${carried!.written}`,
    });
}
