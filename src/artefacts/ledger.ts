/**
 * Which bytes of a file were read and understood. A check enters a range only after it knows what every byte of it is for;
 * what nobody entered was not read, whatever the verdict would like.
 */

export interface Range {
  readonly start: number;
  /** One past the last byte. */
  readonly end: number;
}

export class Ledger {
  readonly size: number;
  /** In the order they came, neighbours joined as they come. */
  private entries: { start: number; end: number }[] = [];
  private readonly doubts: Range[] = [];
  private reasons: (Range & { readonly because: string })[] = [];

  constructor(size: number) {
    this.size = size;
  }

  /** Bytes that were read and understood. Ranges outside the file are a mistake of ours. */
  understood(start: number, end: number): void {
    if (!(start >= 0 && end >= start && end <= this.size))
      throw new Error(`a check claims bytes ${start} to ${end} of ${this.size}`);
    if (start === end) return;
    const last = this.entries[this.entries.length - 1];
    if (last && start >= last.start && start <= last.end) last.end = Math.max(last.end, end);
    else {
      this.entries.push({ start, end });
      if (this.entries.length > 65_536) this.settle();
    }
  }

  /**
   * Bytes whose reading did not hold to its end: a stream that breaks, or that unpacks to nothing known. They may be
   * something else, and are looked through like unread ones.
   */
  doubted(start: number, end: number): void {
    if (end > start && this.doubts.length < 65_536) this.doubts.push({ start, end });
  }

  /** What is unread or in doubt. */
  uncertain(): readonly Range[] {
    const unread = this.unread();
    if (this.doubts.length === 0) return unread;
    const joined: { start: number; end: number }[] = [];
    for (const { start, end } of [...unread, ...this.doubts].toSorted((a, b) => a.start - b.start)) {
      const last = joined[joined.length - 1];
      if (last && start <= last.end) last.end = Math.max(last.end, end);
      else joined.push({ start, end });
    }
    return joined;
  }

  /** Why a range stays unread; shown with it. */
  left(start: number, end: number, because: string): void {
    if (end > start && this.reasons.length < 256) this.reasons.push({ start, end, because });
  }

  /** What nobody entered, in order, with the reason where a check gave one. */
  unread(): readonly (Range & { readonly because: string | undefined })[] {
    this.settle();
    const gaps: (Range & { because: string | undefined })[] = [];
    let at = 0;
    const gap = (start: number, end: number): void => {
      if (end > start) gaps.push({ start, end, because: this.reasonOf(start, end) });
    };
    for (const { start, end } of this.entries) {
      gap(at, start);
      at = end;
    }
    gap(at, this.size);
    return gaps;
  }

  get bytesUnderstood(): number {
    this.settle();
    return this.entries.reduce((sum, { start, end }) => sum + end - start, 0);
  }

  private reasonOf(start: number, end: number): string | undefined {
    return this.reasons.find((reason) => reason.start < end && reason.end > start)?.because;
  }

  private settle(): void {
    const joined: { start: number; end: number }[] = [];
    for (const entry of this.entries.toSorted((a, b) => a.start - b.start)) {
      const last = joined[joined.length - 1];
      if (last && entry.start <= last.end) last.end = Math.max(last.end, entry.end);
      else joined.push({ ...entry });
    }
    this.entries = joined;
  }
}
