/** What one file may cost. A limit that is reached is a finding: what lies behind it was not read. */

export interface ScanLimits {
  /** Members within members. */
  readonly depthMax: number;
  /** Members of one file, at all depths. */
  readonly membersMax: number;
  /** Bytes one member or payload may unpack to, and all of a file together. */
  readonly unpackedMax: number;
  readonly unpackedTotalMax: number;
  /** Unpacked bytes per packed byte above which a member is called a bomb; deflate reaches 1032. */
  readonly ratioMax: number;
  /** Findings kept per file or member. */
  readonly findingsMax: number;
  /** Time per file: so much, and so much more for every megabyte. */
  readonly timeMs: number;
  readonly timePerMbMs: number;
  /** Longest bytes or text of a pickle that is looked into for payloads. */
  readonly payloadMax: number;
}

export const LIMITS: ScanLimits = {
  depthMax: 8,
  membersMax: 20_000,
  unpackedMax: 512 * 2 ** 20,
  unpackedTotalMax: 2 ** 31,
  ratioMax: 1000,
  findingsMax: 100,
  timeMs: 5000,
  timePerMbMs: 1000,
  payloadMax: 64 * 2 ** 20,
};

/** What a model may ask for, the same in every format. Elements of a tensor that it makes out of constants alone: 16 GB of float32. */
export const MADE_MAX = 2 ** 32;
/** Elements of a declared shape: no memory holds them. */
export const DECLARED_MAX = 2 ** 50;
/** Rounds of loops that end only when these are done. */
export const ROUNDS_MAX = 1e9;

/** A limit was reached. `rule` is the finding's. */
export class LimitReached extends Error {
  override readonly name = "LimitReached";
  readonly rule: string;
  constructor(rule: string, message: string) {
    super(message);
    this.rule = rule;
  }
}

/** Counts what one file costs, over all its members; throws LimitReached. */
export class Meter {
  readonly limits: ScanLimits;
  private readonly clock: () => number;
  private readonly deadline: number;
  private unpacked = 0;
  private members = 0;

  /** `clock` in milliseconds, `size` of the file in bytes. */
  constructor(limits: ScanLimits, clock: () => number, size: number) {
    this.limits = limits;
    this.clock = clock;
    this.deadline = clock() + limits.timeMs + (limits.timePerMbMs * size) / 1e6;
  }

  tick(): void {
    if (this.clock() > this.deadline)
      throw new LimitReached("limit-time", "the time for a file of this size is up; what follows was not read");
  }

  member(): void {
    this.tick();
    if (++this.members > this.limits.membersMax)
      throw new LimitReached("limit-members", `more than ${this.limits.membersMax} members; the rest was not read`);
  }

  /** How many bytes may still be unpacked, at once. */
  get room(): number {
    return Math.max(0, Math.min(this.limits.unpackedMax, this.limits.unpackedTotalMax - this.unpacked));
  }

  unpack(bytes: number): void {
    this.unpacked += bytes;
  }
}
